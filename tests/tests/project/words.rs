//! Words that stand for unfinished work, in any file of the tree.
//!
//! They are put together from halves here, so that this file doesn't find itself.

use crate::tree::{self, File};

/// A word, whether it counts in Rust files only, and what to do instead.
type Word = (&'static str, bool, &'static str);

const WORDS: &[Word] = &[
    (concat!("TO", "DO"), false, "finish it, or say in ARCHITECTURE.md that it is deliberately absent"),
    (concat!("FIX", "ME"), false, "mend it"),
    (concat!("todo", "!("), false, "write the body"),
    (concat!("unimplemented", "!("), false, "write the body"),
    (concat!("#[ig", "nore"), true, "let the test run: a test that never runs proves nothing"),
    (
        concat!("deny(", "warnings)"),
        true,
        "leave this to the gate: a new compiler's warning must not break a build",
    ),
];

fn check(file: &File) -> Vec<String> {
    let is_rust = file.path.ends_with(".rs");
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let found =
            WORDS.iter().filter(|(word, rust_only, _)| (is_rust || !rust_only) && line.contains(word));
        findings.extend(found.map(|(word, _, advice)| file.at(number, &format!("`{word}`: {advice}"))));
    }
    findings
}

#[test]
fn nothing_is_left_unfinished() {
    let findings: Vec<_> = tree::files_below("").iter().flat_map(check).collect();
    tree::assert_none(&findings);
}

#[test]
fn each_word_is_found() {
    for (word, rust_only, _) in WORDS {
        let text = format!("fine\n  // {word}\n");
        assert_eq!(check(&File::new("x.rs", &text)).len(), 1, "{word}");
        assert_eq!(check(&File::new("x.md", &text)).len(), usize::from(!rust_only), "{word}");
    }
}
