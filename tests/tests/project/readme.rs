//! README.md tells the truth: its Rust blocks are doctests, and its commands run as they stand.

use crate::tree::{self, File};
use std::env;
use std::process::{Command, Stdio};

const RELATIVE: &str = "include_str!(\"../../../README.md\")";

/// A fenced block: where its fence stands, its info string, its lines with their numbers. Numbers count from 0.
struct Block<'a> {
    fence: usize,
    info: &'a str,
    lines: Vec<(usize, &'a str)>,
}

fn blocks(readme: &File) -> Vec<Block<'_>> {
    let mut blocks = Vec::<Block<'_>>::new();
    let mut open = false;
    for (number, line) in readme.text.lines().enumerate() {
        match (line.trim().strip_prefix("```"), blocks.last_mut().filter(|_| open)) {
            (Some(info), None) => {
                open = true;
                blocks.push(Block { fence: number, info: info.trim(), lines: Vec::new() });
            }
            (Some(_), Some(_)) => open = false,
            (None, Some(block)) => block.lines.push((number, line)),
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of the shell blocks that start so, without prompt and comment.
pub(crate) fn commands(readme: &File, start: &str) -> Vec<(usize, String)> {
    let shell = blocks(readme).into_iter().filter(|block| matches!(block.info, "sh" | "console" | "bash"));
    shell
        .flat_map(|block| block.lines)
        .map(|(number, line)| (number, line.trim().trim_start_matches("$ ")))
        .map(|(number, line)| (number, line.split(" #").next().unwrap_or(line).trim_end().to_owned()))
        .filter(|(_, command)| command.starts_with(start))
        .collect()
}

/// The arguments after `cargo`. `[DIR]` and the like stand for what a user may add, so they are left out.
fn arguments(command: &str) -> Vec<&str> {
    command.split_whitespace().skip(1).filter(|word| !word.starts_with('[')).collect()
}

/// Rust blocks that rustdoc would not even compile.
fn check_blocks(readme: &File) -> Vec<String> {
    let has = |block: &Block<'_>, word: &str| block.info.split(',').any(|part| part.trim() == word);
    let rust: Vec<_> = blocks(readme).into_iter().filter(|block| has(block, "rust")).collect();
    if rust.is_empty() {
        return vec![readme.at(0, "show an example in a ```rust block")];
    }
    let skipped = rust.iter().filter(|block| has(block, "ignore"));
    skipped.map(|block| readme.at(block.fence, "let this block compile: remove `ignore`")).collect()
}

/// The facade must take README.md as its documentation, at least for doctests.
fn check_facade(lib: &File) -> Vec<String> {
    let lines: Vec<_> = lib.text.lines().map(str::trim).collect();
    let included = lines.iter().enumerate().any(|(number, line)| {
        let for_doctest = lines[number.saturating_sub(3)..number].contains(&"#[cfg(doctest)]");
        let is_doc = line.starts_with("#![doc")
            || line.starts_with("#![cfg_attr(doctest, doc")
            || line.starts_with("#[cfg_attr(doctest, doc")
            || (line.starts_with("#[doc") && for_doctest);
        is_doc && line.contains(RELATIVE)
    });
    match included {
        true => Vec::new(),
        false => vec![
            lib.at(0, &format!("make README.md a doctest: `#[doc = {RELATIVE}]` under `#[cfg(doctest)]`")),
        ],
    }
}

#[test]
fn rust_blocks_of_the_readme_are_doctests() {
    let mut findings = check_blocks(&tree::read("README.md"));
    findings.extend(check_facade(&tree::read("crates/regatta/src/lib.rs")));
    tree::assert_none(&findings);
}

#[test]
fn commands_of_the_readme_run() {
    let readme = tree::read("README.md");
    let commands = commands(&readme, "cargo run");
    assert!(!commands.is_empty(), "README.md: show at least one `cargo run` command in a ```sh block");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut findings = Vec::new();
    for (line, command) in commands {
        let output = Command::new(&cargo)
            .args(arguments(&command))
            .current_dir(tree::root())
            .stdin(Stdio::null())
            .output()
            .expect("cargo starts");
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            findings.push(
                readme.at(line, &format!("`{command}` ends with {}; mend it\n{errors}", output.status)),
            );
        }
    }
    tree::assert_none(&findings);
}

#[test]
fn commands_are_read_as_a_user_would_type_them() {
    let readme = File::new(
        "README.md",
        "cargo run --no\n```sh\n$ cargo run --release --example a -- -v [DIR]   # what it shows\ncargo test --workspace\n```\n\
         ```text\ncargo run --neither\n```\n",
    );
    let runs = commands(&readme, "cargo run");
    assert_eq!(runs, [(2, "cargo run --release --example a -- -v [DIR]".to_owned())]);
    assert_eq!(arguments(&runs[0].1), ["run", "--release", "--example", "a", "--", "-v"]);
}

#[test]
fn untested_blocks_are_found() {
    let found = |text: &str| check_blocks(&File::new("README.md", text)).len();
    assert_eq!(found("```rust\nfn main() {}\n```\n```rust,no_run\n```\n"), 0);
    assert_eq!(found("```rust,ignore\n\nfn main() {}\n```\n"), 1);
    assert_eq!(found("```text\nrust\n```\n"), 1);

    let facade = |text: String| check_facade(&File::new("lib.rs", &text)).len();
    assert_eq!(facade(format!("#![doc = {RELATIVE}]\n")), 0);
    assert_eq!(facade(format!("#[cfg(doctest)]\n#[doc = {RELATIVE}]\nstruct Readme;\n")), 0);
    assert_eq!(facade(format!("#[doc = {RELATIVE}]\nstruct Readme;\n")), 1);
    assert_eq!(facade(format!("// {RELATIVE}\n")), 1);
}
