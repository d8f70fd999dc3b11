//! The files that every checkout has, and how the examples open.

use crate::tree::{self, File};

const KEPT: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

fn missing(kept: &[&str], exists: impl Fn(&str) -> bool) -> Vec<String> {
    kept.iter().filter(|path| !exists(path)).map(|path| format!("{path}: missing; write it")).collect()
}

fn opens_with_docs(example: &File) -> Vec<String> {
    match example.text.starts_with("//! ") {
        true => Vec::new(),
        false => vec![example.at(0, "open the example with a `//!` comment that says what to notice")],
    }
}

#[test]
fn kept_files_exist() {
    tree::assert_none(&missing(KEPT, |path| tree::root().join(path).is_file()));
}

#[test]
fn examples_open_with_what_to_notice() {
    let examples = tree::rust_files_below("examples/examples");
    // A program over several files opens with its main file.
    let programs =
        examples.iter().filter(|file| file.path.split('/').count() == 3 || file.path.ends_with("/main.rs"));
    let findings: Vec<_> = programs.flat_map(opens_with_docs).collect();
    assert!(!examples.is_empty(), "examples/examples: write the first example");
    tree::assert_none(&findings);
}

#[test]
fn a_missing_file_and_a_bare_example_are_found() {
    assert_eq!(missing(&["a", "b"], |path| path == "a"), ["b: missing; write it"]);
    assert_eq!(opens_with_docs(&File::new("x.rs", "//! Notice this.\n")), [""; 0]);
    assert_eq!(opens_with_docs(&File::new("x.rs", "use std::fmt;\n")).len(), 1);
}
