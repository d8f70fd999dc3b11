//! Version, edition, compiler and licence are stated once, in the root manifest.

use crate::tree::{self, File};

const SHARED: &[&str] = &["version", "edition", "rust-version", "license"];

fn check(manifest: &File) -> Vec<String> {
    let table = manifest.table();
    let package = tree::table(&table, "package");
    let is_shared =
        |field| package.and_then(|package| package.get(field)?.get("workspace")?.as_bool()) == Some(true);
    let own = SHARED.iter().filter(|field| !is_shared(**field));
    own.map(|field| format!("{}: write `{field}.workspace = true` in [package]", manifest.path)).collect()
}

#[test]
fn members_take_the_common_fields_from_the_workspace() {
    let findings: Vec<_> = tree::member_manifests().iter().flat_map(check).collect();
    tree::assert_none(&findings);
}

#[test]
fn a_field_of_its_own_is_found() {
    let shared = "version.workspace = true\nedition.workspace = true\nlicense.workspace = true\n";
    let manifest = |line: &str| File::new("Cargo.toml", &format!("[package]\n{shared}{line}\n"));
    assert_eq!(check(&manifest("rust-version.workspace = true")), [""; 0]);
    let finding = "Cargo.toml: write `rust-version.workspace = true` in [package]";
    assert_eq!(check(&manifest("rust-version = \"1.88\"")), [finding]);
    assert_eq!(check(&manifest("")), [finding]);
}
