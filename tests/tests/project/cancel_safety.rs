//! Every public async item says what dropping it loses.

use crate::async_items::{Item, async_functions, docs_above, future_types, public_types};
use crate::tree::{self, File};

/// Checks the files of one crate together: a type and its `impl Future` may stand apart.
fn check(files: &[File]) -> Vec<String> {
    let futures: Vec<_> = files.iter().flat_map(future_types).collect();
    let mut findings = Vec::new();
    for file in files {
        let types = futures.iter().flat_map(|name| public_types(file, name));
        let mut items: Vec<Item> = async_functions(file).into_iter().chain(types).collect();
        items.sort_by_key(|item| item.line);
        items.dedup();
        items.retain(|item| !docs_above(file, item.line).lines().any(|doc| doc == "# Cancel safety"));
        let what = |item: &Item| format!("say under `# Cancel safety` what dropping `{}` loses", item.name);
        findings.extend(items.iter().map(|item| file.at(item.line, &what(item))));
    }
    findings
}

#[test]
fn public_async_items_say_what_a_drop_loses() {
    let mut findings = Vec::new();
    for manifest in tree::crate_manifests() {
        let mut files = tree::rust_files_below(&manifest.path.replace("/Cargo.toml", "/src"));
        files.retain(|file| !file.path.ends_with("/tests.rs") && !file.path.contains("/tests/"));
        findings.extend(check(&files));
    }
    tree::assert_none(&findings);
}

#[test]
fn an_undocumented_async_item_is_found() {
    let documented =
        "/// Waits.\n///\n/// # Cancel safety\n///\n/// Loses nothing.\n#[inline]\npub async fn wait() {}\n";
    assert_eq!(check(&[File::new("src/x.rs", documented)]), [""; 0]);

    let bare = "/// Waits; no `# Cancel safety` heading.\npub async fn wait() {}\n";
    assert_eq!(
        check(&[File::new("src/x.rs", bare)]),
        ["src/x.rs:2: say under `# Cancel safety` what dropping `wait` loses"]
    );
    let returned = "pub fn wait() -> impl Future<Output = ()> {\n";
    assert_eq!(check(&[File::new("src/x.rs", returned)]).len(), 1);

    let apart =
        [File::new("src/x.rs", "\npub struct Wait;\n"), File::new("src/y.rs", "impl Future for Wait {\n")];
    assert_eq!(check(&apart), ["src/x.rs:2: say under `# Cancel safety` what dropping `Wait` loses"]);
}
