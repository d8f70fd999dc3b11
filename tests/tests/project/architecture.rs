//! The paths that ARCHITECTURE.md names exist, and the names it finds in them are there.

use crate::tree::{self, File};

/// A path in backticks, and the name that follows it after `#`, `:` or `::`.
fn path_and_name(code: &str) -> Option<(&str, Option<&str>)> {
    let (path, name) = match code.split_once(['#', ':']) {
        Some((path, name)) => (path, Some(name.trim_start_matches(':'))),
        None => (code, None),
    };
    let is_path = path.contains('/')
        && [".rs", ".toml", ".md", ".yml", "/"].iter().any(|end| path.ends_with(end))
        // Patterns such as `crates/*/src/lib.rs` and `crates/<name>/`, commands and addresses are not paths.
        && !path.contains(['*', '<', '{', ' '])
        && !code.contains("://");
    is_path.then_some((path, name))
}

/// `exists` and `read` look into the tree; the tests hand in others.
fn check(page: &File, exists: impl Fn(&str) -> bool, read: impl Fn(&str) -> String) -> Vec<String> {
    let mut findings = Vec::new();
    let mut count = 0;
    for (number, line) in page.text.lines().enumerate() {
        // What stands between the first and the second backtick, the third and the fourth, and so on.
        for (path, name) in line.split('`').skip(1).step_by(2).filter_map(path_and_name) {
            count += 1;
            if !exists(path) {
                findings.push(page.at(number, &format!("`{path}` doesn't exist; name what does")));
                continue;
            }
            // `a::b` is found by its last part; a line number isn't a name.
            let name = name.and_then(|name| name.rsplit("::").next()).map(|name| name.trim_end_matches("()"));
            let is_missing = |name: &&str| name.parse::<usize>().is_err() && !read(path).contains(name);
            if let Some(name) = name.filter(is_missing) {
                findings.push(page.at(number, &format!("`{path}` doesn't contain `{name}`; name what does")));
            }
        }
    }
    if count == 0 {
        findings.push(
            page.at(0, "name the files that a reader should open, in backticks, with their directories"),
        );
    }
    findings
}

#[test]
fn the_code_map_names_what_exists() {
    let page = tree::read("ARCHITECTURE.md");
    tree::assert_none(&check(&page, |path| tree::root().join(path).exists(), |path| tree::read(path).text));
}

#[test]
fn a_wrong_path_is_found() {
    let found = |text: &str| {
        let exists = |path: &str| path == "a/b.rs" || path == "a/";
        check(&File::new("ARCHITECTURE.md", text), exists, |_| "fn poll".to_owned())
    };
    assert_eq!(
        found(
            "`a/` and `a/b.rs`, `a/b.rs#poll`, `a/b.rs::Engine::poll()`, `a/b.rs:12`; `x/*/y.rs`, `and/or`."
        ),
        [""; 0]
    );
    assert_eq!(found("`a/b.rs`\nin `a/c.rs`"), ["ARCHITECTURE.md:2: `a/c.rs` doesn't exist; name what does"]);
    assert_eq!(
        found("`a/b.rs#park`"),
        ["ARCHITECTURE.md:1: `a/b.rs` doesn't contain `park`; name what does"]
    );
    assert_eq!(found("No path here.").len(), 1);
}
