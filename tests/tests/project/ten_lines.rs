//! A strategy and an order of one's own take ten lines: those in the README of `regatta-strategies`, which is compiled
//! and run as the documentation of that crate.

use crate::tree::{self, File};

const MOST: usize = 10;

/// How many lines the first `impl` of the trait takes, with the type that it is for.
fn lines(readme: &File, of: &str) -> Option<usize> {
    let lines: Vec<_> = readme.text.lines().collect();
    let head = lines.iter().position(|line| line.starts_with(&format!("impl {of} for ")))?;
    let first = lines[..head].iter().rposition(|line| line.starts_with("struct "))?;
    let last = head + lines[head..].iter().position(|line| *line == "}")?;
    Some(lines[first..=last].iter().filter(|line| !line.trim().is_empty()).count())
}

fn check(readme: &File) -> Vec<String> {
    ["Strategy", "Discipline"]
        .into_iter()
        .filter_map(|of| match lines(readme, of) {
            None => Some(format!("{}: shows no {of} of one's own", readme.path)),
            Some(count) if count > MOST => {
                Some(format!("{}: a {of} of one's own takes {count} lines", readme.path))
            }
            Some(_) => None,
        })
        .collect()
}

#[test]
fn one_of_your_own_takes_ten_lines() {
    tree::assert_none(&check(&tree::read("crates/strategies/README.md")));
    // That they run is the work of rustdoc, for which the file must be the crate's documentation.
    let library = tree::read("crates/strategies/src/lib.rs");
    assert!(library.text.starts_with("#![doc = include_str!(\"../README.md\")]"));
}

#[test]
fn an_eleventh_line_is_found() {
    let mut text =
        String::from("struct S;\nimpl Discipline for S {\n}\n\nstruct T;\n\nimpl Strategy for T {\n");
    text.push_str(&"    fn f() {}\n".repeat(7));
    assert_eq!(check(&File::new("README.md", &format!("{text}}}\n"))).len(), 0);
    assert_eq!(check(&File::new("README.md", &format!("{text}    fn g() {{}}\n}}\n"))).len(), 1);
    assert_eq!(check(&File::new("README.md", "")).len(), 2);
}
