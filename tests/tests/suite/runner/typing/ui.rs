//! What the compiler says to those who try what doesn't work.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The compiler whose words the `.stderr` files hold. Others refuse the same, in words of their own.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn the_compiler_refuses_misuse() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output().expect("the tests were compiled").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(COMPILER) {
        return println!("skipped: this is {version}, and the files hold the words of {COMPILER}*");
    }
    // One call for all: the project that trybuild makes of them is shared.
    trybuild::TestCases::new().compile_fail("tests/suite/ui/*.rs");
}

/// The known error of `buffer_unordered` with tasks that borrow, for five of the seven shapes that `map` takes.
#[test]
fn buffer_unordered_fails_where_map_does_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/ui");
    let program = fs::read_to_string(folder.join("buffer_unordered.rs")).unwrap();
    let said = fs::read_to_string(folder.join("buffer_unordered.stderr")).unwrap();
    let errors = said.split("\n\n").filter(|error| error.contains("is not general enough"));
    let lines = errors.map(|error| {
        let place = error.split("buffer_unordered.rs:").nth(1).expect("an error has a place");
        place.split(':').next().unwrap().parse().expect("a line")
    });
    let shapes: BTreeSet<_> = lines.map(|line| function_around(&program, line)).collect();
    let expected = ["async_closure_ref", "closure_ref", "iter_map", "iter_map_ref", "result_ref"];
    assert_eq!(shapes.into_iter().collect::<Vec<_>>(), expected);
}

/// The name of the function in which a line, counted from 1, stands.
fn function_around(program: &str, line: usize) -> &str {
    let before = program.lines().take(line);
    before.filter_map(|line| line.strip_prefix("fn ")?.split('(').next()).last().expect("a function")
}
