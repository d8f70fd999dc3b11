//! Nothing that ships stands on an async runtime, however deep, and everything comes from one registry.
//!
//! Cargo.lock is read rather than `cargo metadata`: it covers the platforms whose packages were never downloaded, and
//! of packages from outside it lists what they ship with, not what they are developed with.

use crate::tree::{self, File};
use std::collections::{BTreeMap, VecDeque};
use toml::{Table, Value};

const RUNTIMES: &[&str] =
    &["tokio", "smol", "async-std", "async-io", "async-executor", "async-global-executor", "embassy"];

/// Members that may stand on a runtime, because the library they wrap does.
const EXCEPT: &[&str] = &["regatta-queue-redis"];

fn is_runtime(name: &str) -> bool {
    RUNTIMES.contains(&name) || name.starts_with("embassy-")
}

/// The dependencies of each package in the lock file, by name; versions of one name are taken together.
fn locked(lock: &Table) -> BTreeMap<&str, Vec<&str>> {
    let mut packages = BTreeMap::<_, Vec<_>>::new();
    for package in lock["package"].as_array().expect("a lock file lists packages") {
        let name = package["name"].as_str().expect("a locked package has a name");
        let dependencies = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let names = dependencies.filter_map(Value::as_str).filter_map(|text| text.split(' ').next());
        packages.entry(name).or_default().extend(names);
    }
    packages
}

/// The shortest way from each crate to each runtime that it ships with.
fn check(manifests: &[File], root: &Table, lock: &Table) -> Vec<String> {
    let mut edges = locked(lock);
    let shipped: Vec<_> = manifests
        .iter()
        .map(|manifest| {
            let table = manifest.table();
            (tree::package_name(&table).to_owned(), tree::shipped_dependencies(&table, root))
        })
        .collect();
    for (name, dependencies) in &shipped {
        let except = EXCEPT.contains(&name.as_str());
        let names = dependencies.iter().filter(|_| !except).map(String::as_str);
        edges.insert(name, names.collect());
    }
    let mut findings = Vec::new();
    for ((start, _), manifest) in shipped.iter().zip(manifests) {
        let mut seen = BTreeMap::from([(start.as_str(), start.clone())]);
        let mut queue = VecDeque::from([start.as_str()]);
        while let Some(package) = queue.pop_front() {
            for &next in edges.get(package).into_iter().flatten() {
                if seen.contains_key(next) {
                    continue;
                }
                let way = format!("{} -> {next}", seen[package]);
                if is_runtime(next) {
                    findings
                        .push(format!("{}: {way}; a runtime is only for [dev-dependencies]", manifest.path));
                }
                seen.insert(next, way);
                queue.push_back(next);
            }
        }
    }
    findings
}

/// Packages that come from git, or from another registry than the first package that names one.
fn foreign(lock: &Table) -> Vec<String> {
    let packages = lock["package"].as_array().expect("a lock file lists packages").iter();
    let sources: Vec<_> = packages
        .filter_map(|package| Some((package.get("name")?.as_str()?, package.get("source")?.as_str()?)))
        .collect();
    let registry = sources.iter().map(|(_, source)| *source).find(|source| source.starts_with("registry+"));
    let strange = sources.iter().filter(|(_, source)| Some(*source) != registry);
    strange
        .map(|(name, source)| format!("Cargo.lock: {name} comes from {source}; use a published version"))
        .collect()
}

#[test]
fn no_shipped_crate_stands_on_a_runtime() {
    let (root, lock) = (tree::read("Cargo.toml").table(), tree::read("Cargo.lock").table());
    tree::assert_none(&check(&tree::crate_manifests(), &root, &lock));
}

#[test]
fn everything_comes_from_the_default_registry() {
    tree::assert_none(&foreign(&tree::read("Cargo.lock").table()));
}

#[test]
fn a_runtime_far_below_is_found() {
    let lock = "[[package]]\nname = \"client\"\ndependencies = [\"net 1.0.0\"]\n\
                [[package]]\nname = \"net\"\ndependencies = [\"tokio\"]\n\
                [[package]]\nname = \"tokio\"\nsource = \"git+https://example.org/tokio\"\n";
    let lock = File::new("Cargo.lock", lock).table();
    let manifest = |name: &str, rest: &str| {
        File::new("crates/x/Cargo.toml", &format!("[package]\nname = \"{name}\"\n[{rest}]\nclient = \"1\"\n"))
    };
    let found = |file: File| check(&[file], &Table::new(), &lock);
    assert_eq!(
        found(manifest("regatta-x", "dependencies")),
        [
            "crates/x/Cargo.toml: regatta-x -> client -> net -> tokio; a runtime is only for [dev-dependencies]"
        ]
    );
    assert_eq!(found(manifest("regatta-x", "dev-dependencies")), [""; 0]);
    assert_eq!(found(manifest("regatta-queue-redis", "dependencies")), [""; 0]);
    assert_eq!(foreign(&lock).len(), 1);
}
