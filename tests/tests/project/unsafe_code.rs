//! Unsafe code is forbidden three times: for the workspace, for each member, and where a reader of the crate looks.

use crate::tree::{self, File};

fn check_root(root: &File) -> Vec<String> {
    let table = root.table();
    let level =
        ["workspace", "lints", "rust"].iter().try_fold(&table, |table, name| tree::table(table, name));
    match level.and_then(|rust| rust.get("unsafe_code")?.as_str()) {
        Some("forbid") => Vec::new(),
        _ => vec![format!("{}: set `unsafe_code = \"forbid\"` in [workspace.lints.rust]", root.path)],
    }
}

fn check_member(manifest: &File) -> Vec<String> {
    let table = manifest.table();
    match tree::table(&table, "lints").and_then(|lints| lints.get("workspace")?.as_bool()) {
        Some(true) => Vec::new(),
        _ => vec![format!("{}: add `workspace = true` under [lints]", manifest.path)],
    }
}

fn check_lib(lib: &File) -> Vec<String> {
    match lib.text.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]") {
        true => Vec::new(),
        false => vec![lib.at(0, "add `#![forbid(unsafe_code)]` below the crate's documentation")],
    }
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let mut findings = check_root(&tree::read("Cargo.toml"));
    findings.extend(tree::member_manifests().iter().flat_map(check_member));
    for manifest in tree::crate_manifests() {
        findings.extend(check_lib(&tree::read(&manifest.path.replace("Cargo.toml", "src/lib.rs"))));
    }
    tree::assert_none(&findings);
}

#[test]
fn a_missing_prohibition_is_found() {
    let file = |text| File::new("x", text);
    assert_eq!(check_root(&file("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n")), [""; 0]);
    assert_eq!(check_root(&file("[workspace.lints.rust]\nunsafe_code = \"deny\"\n")).len(), 1);
    assert_eq!(check_root(&file("")).len(), 1);
    assert_eq!(check_member(&file("[lints]\nworkspace = true\n")), [""; 0]);
    assert_eq!(check_member(&file("[lints.rust]\nunsafe_code = \"forbid\"\n")).len(), 1);
    assert_eq!(check_lib(&file("//! Docs.\n\n#![forbid(unsafe_code)]\n")), [""; 0]);
    assert_eq!(check_lib(&file("//! `#![forbid(unsafe_code)]`\n")).len(), 1);
}
