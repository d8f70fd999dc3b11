//! The examples that ARCHITECTURE.md shows as "how to add …": they run, and they stay short.

use crate::build::example;
use crate::program::run;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines of code that a reader takes in at one glance.
const LINES: usize = 30;

fn lines_of_code(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Name and text of each `add_*.rs`.
fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/examples");
    let files =
        fs::read_dir(folder).expect("the examples are there").map(|entry| entry.expect("it can be read"));
    let mut examples = Vec::new();
    for path in files.map(|file| file.path()) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with("add_") {
            examples.push((name, fs::read_to_string(&path).expect("it can be read")));
        }
    }
    assert!(examples.len() >= 4, "a strategy, a source, a clock and an executor: {examples:?}");
    examples
}

#[test]
fn they_stay_short() {
    for (name, text) in examples() {
        let lines = lines_of_code(&text);
        assert!(lines <= LINES, "examples/examples/{name}.rs: {lines} lines of code; at most {LINES}");
    }
}

#[test]
fn comments_and_empty_lines_are_no_code() {
    assert_eq!(lines_of_code("//! Docs.\n\nfn main() {\n    // Why.\n    run(); // now\n}\n"), 3);
}

#[test]
fn they_run() {
    for (name, _) in examples() {
        let ended = run(&mut Command::new(example(&name)));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(!ended.stdout.is_empty(), "{name} shows nothing");
    }
}

#[test]
fn they_show_what_they_promise() {
    let shows = |name: &str, text: &str| {
        let ended = run(&mut Command::new(example(name)));
        assert!(ended.text().contains(text), "{name}: {text:?} is not in:\n{}", ended.text());
    };
    shows("add_a_strategy", "Err(OnChange)");
    shows("add_a_source", "{0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 16, 25, 33, 50, 100}");
    shows("add_a_clock", "timed out after 5s");
    shows("add_an_executor", "3 tasks: 3 ok");
}
