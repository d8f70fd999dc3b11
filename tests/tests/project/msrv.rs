//! One oldest compiler everywhere: root manifest, clippy, README files, workflows.

use crate::tree::{self, File};

/// The lines that name another oldest compiler than `msrv`.
fn check(file: &File, msrv: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let speaks_of_it = ["MSRV", "msrv", "rust-version"].iter().any(|word| line.contains(word));
        let named = if speaks_of_it { versions(line) } else { rust_versions(line) };
        for version in named.iter().filter(|version| *version != msrv) {
            findings.push(file.at(number, &format!("says {version}, but the root Cargo.toml says {msrv}")));
        }
    }
    findings
}

/// `1.NN` of every `Rust 1.NN`.
fn rust_versions(line: &str) -> Vec<String> {
    line.split("Rust ").skip(1).filter_map(|rest| versions(rest.split(' ').next()?).pop()).collect()
}

/// Every `1.NN` in the line, with a patch number left out.
fn versions(line: &str) -> Vec<String> {
    line.split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter_map(|word| {
            let minor = word.strip_prefix("1.")?.split('.').next()?;
            (!minor.is_empty()).then(|| format!("1.{minor}"))
        })
        .collect()
}

#[test]
fn one_oldest_compiler_is_promised() {
    let root = tree::read("Cargo.toml").table();
    let package = tree::table(&root, "workspace").and_then(|workspace| tree::table(workspace, "package"));
    let msrv = package.and_then(|package| package.get("rust-version")?.as_str());
    let msrv = msrv.expect("Cargo.toml: set rust-version in [workspace.package]");

    let clippy = tree::read("clippy.toml");
    assert_eq!(clippy.table().get("msrv").and_then(|value| value.as_str()), Some(msrv), "clippy.toml: msrv");
    let mut files = tree::files_below(".github");
    files.extend(tree::files_below("crates").into_iter().filter(|file| file.path.ends_with("README.md")));
    files.extend([tree::read("README.md"), tree::read(".ci/run")]);
    let findings: Vec<_> = files.iter().flat_map(|file| check(file, msrv)).collect();
    tree::assert_none(&findings);
}

#[test]
fn another_compiler_is_found() {
    let found = |line: &str| check(&File::new("README.md", line), "1.88").len();
    assert_eq!(found("Needs Rust 1.88 or newer.\nregatta = \"1.2\"\nMSRV: \"1.88.0\""), 0);
    assert_eq!(found("Needs Rust 1.85 or newer."), 1);
    assert_eq!(found("The MSRV is 1.90."), 1);
    assert_eq!(found("  MSRV: \"1.100\""), 1);
}
