//! Crates depend on each other only along the arrows of the design.

use crate::tree::{self, File};
use toml::Table;

/// What a crate may stand on besides core; `None` for a crate that the picture doesn't know.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    Some(match package {
        "regatta-core" | "regatta-engine" | "regatta-sim" | "regatta-strategies" => &[],
        "regatta-process" | "regatta-mutex-macros" => &[],
        "regatta-runner" | "regatta-queue" | "regatta-dag" | "regatta-scheduler" => &["regatta-engine"],
        "regatta-mutex" => &["regatta-mutex-macros"],
        "regatta-queue-redb" | "regatta-queue-redis" => &["regatta-queue"],
        _ => return None,
    })
}

fn check(manifest: &File, root: &Table) -> Vec<String> {
    let table = manifest.table();
    let package = tree::package_name(&table);
    if package == "regatta" {
        return Vec::new(); // the facade stands on all
    }
    let Some(allowed) = allowed(package) else {
        return vec![format!(
            "{}: {package} is new; add its arrows to `allowed` in this test",
            manifest.path
        )];
    };
    let ours =
        tree::shipped_dependencies(&table, root).into_iter().filter(|name| name.starts_with("regatta"));
    let wrong = ours.filter(|name| name != "regatta-core" && !allowed.contains(&name.as_str()));
    wrong
        .map(|name| {
            let names_it = |line: &str| line.contains(&name) && !line.starts_with("name");
            let line = manifest.text.lines().position(names_it).unwrap_or(0);
            manifest.at(
                line,
                &format!("{package} must not depend on {name}; move the shared piece to a crate below"),
            )
        })
        .collect()
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let root = tree::read("Cargo.toml").table();
    let findings: Vec<_> =
        tree::crate_manifests().iter().flat_map(|manifest| check(manifest, &root)).collect();
    tree::assert_none(&findings);
}

#[test]
fn a_wrong_arrow_is_found() {
    let manifest = |rest: &str| File::new("crates/x/Cargo.toml", &format!("[package]\nname = {rest}"));
    let root = Table::new();
    let right = "\"regatta-runner\"\n[dependencies]\nregatta-core = \"1\"\nregatta-engine = \"1\"\n\
                 [dev-dependencies]\nregatta-sim = \"1\"\n";
    assert_eq!(check(&manifest(right), &root), [""; 0]);

    let sideways = "\"regatta-runner\"\n[dependencies]\nregatta-queue.workspace = true\n";
    let finding = "crates/x/Cargo.toml:4: regatta-runner must not depend on regatta-queue; \
                   move the shared piece to a crate below";
    assert_eq!(check(&manifest(sideways), &root), [finding]);
    assert_eq!(check(&manifest("\"regatta-core\"\n[build-dependencies]\nregatta = \"1\"\n"), &root).len(), 1);
    assert_eq!(check(&manifest("\"regatta-novel\"\n"), &root).len(), 1);
}
