//! The gate runs what the README tells a user to run, tests first, and the workflow runs the gate.

use crate::readme;
use crate::tree::{self, File};

const TEST: &str = "cargo test --workspace --all-features";

fn check(gate: &File, readme: &File, workflow: &File) -> Vec<String> {
    let has_line = |command: &str| gate.text.lines().any(|line| line.trim() == command);
    let mut findings = Vec::new();
    let first = gate.text.lines().map(str::trim).enumerate().find(|(_, line)| line.starts_with("cargo "));
    if first.is_none_or(|(_, line)| line != TEST) {
        let number = first.map_or(0, |(number, _)| number);
        findings.push(gate.at(number, &format!("run `{TEST}` before any other cargo command")));
    }
    let shown = readme::commands(readme, "cargo test");
    if shown.is_empty() {
        findings.push(readme.at(0, "show the `cargo test` command in a ```sh block"));
    }
    for (number, command) in shown.iter().filter(|(_, command)| !has_line(command)) {
        findings.push(
            readme
                .at(*number, &format!("`{command}` doesn't stand in {}; show what the gate runs", gate.path)),
        );
    }
    if !workflow.text.contains("run: .ci/run") {
        findings.push(workflow.at(0, "run `.ci/run` in a step"));
    }
    findings
}

#[test]
fn the_gate_runs_what_the_readme_shows() {
    let [gate, readme, workflow] = [".ci/run", "README.md", ".github/workflows/ci.yml"].map(tree::read);
    tree::assert_none(&check(&gate, &readme, &workflow));
}

#[cfg(unix)]
#[test]
fn the_gate_is_executable() {
    use std::os::unix::fs::PermissionsExt;
    let gate = std::fs::metadata(tree::root().join(".ci/run")).expect(".ci/run exists");
    assert_eq!(gate.permissions().mode() & 0o111, 0o111, ".ci/run: chmod +x");
}

#[test]
fn a_gate_that_runs_something_else_is_found() {
    let readme = File::new("README.md", &format!("```sh\n{TEST}  # all of it\n```\n"));
    let workflow = File::new("ci.yml", "      - run: .ci/run\n");
    let found = |gate: &str, workflow: &File| check(&File::new(".ci/run", gate), &readme, workflow).len();
    assert_eq!(found(&format!("tests() {{\n  {TEST}\n}}\n  cargo fmt --all\n"), &workflow), 0);
    assert_eq!(found(&format!("cargo fmt --all\n{TEST}\n"), &workflow), 1);
    assert_eq!(found(&format!("{TEST} --quiet\n"), &workflow), 2);
    assert_eq!(found(&format!("{TEST}\n"), &File::new("ci.yml", "  run: make\n")), 1);
    assert_eq!(check(&File::new(".ci/run", TEST), &File::new("README.md", ""), &workflow).len(), 1);
}
