//! Every dependency from outside stands in the root manifest with a comment that says why it is there.

use crate::tree::{self, File};

fn check(root: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut inside = false;
    let mut previous = "";
    // Brackets left open by an entry that goes on over several lines.
    let mut open = 0;
    for (number, line) in root.text.lines().enumerate().map(|(number, line)| (number, line.trim())) {
        let (code, comment) = line.split_once('#').unwrap_or((line, ""));
        let continued = open > 0;
        if !code.starts_with('[') || continued {
            open += code.matches(['[', '{']).count();
            open -= code.matches([']', '}']).count().min(open);
        }
        let own_table = code.starts_with("[workspace.dependencies.");
        if code.starts_with('[') && !continued {
            inside = code.trim() == "[workspace.dependencies]";
        }
        let is_entry = own_table || (inside && !continued && code.contains('='));
        let ours = code.contains("path =") || code.contains("path=");
        if is_entry && !ours && comment.is_empty() && !is_reason(previous) {
            findings
                .push(root.at(number, "say in a comment directly above why this dependency earns its place"));
        }
        previous = line;
    }
    findings
}

/// A comment, but not a heading such as `# --- development only ---`.
fn is_reason(line: &str) -> bool {
    line.starts_with('#') && !line.starts_with("# ---") && line.len() > 2
}

#[test]
fn every_dependency_has_its_reason() {
    tree::assert_none(&check(&tree::read("Cargo.toml")));
}

#[test]
fn a_dependency_without_reason_is_found() {
    let root = "[workspace]\nmembers = [\n  \"x\",\n]\n\
                [workspace.dependencies]\nown = { path = \"x\" }\n# Why.\ngood = \"1\"\nbeside = \"1\" # why\n\
                # Why.\nlong = { version = \"1\", features = [\n  \"a\",\n] }\nbad = \"1\"\n# --- heading ---\nworse = \"1\"\n\
                [workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    let found = check(&File::new("Cargo.toml", root));
    let lines: Vec<_> = found.iter().filter_map(|finding| finding.split(':').nth(1)).collect();
    assert_eq!(lines, ["14", "16"]);
    assert_eq!(check(&File::new("Cargo.toml", "[workspace.dependencies.x]\nversion = \"1\"\n")).len(), 1);
}
