//! A test in a process of its own: for what a process has only one of, such as a terminal.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Set in that process.
const ON_STAGE: &str = "REGATTA_ON_STAGE";

/// Whether this is that process.
pub(super) fn is_here() -> bool {
    env::var_os(ON_STAGE).is_some()
}

/// The suite itself, as a program.
pub(super) fn program() -> PathBuf {
    env::current_exe().expect("a test knows where it is")
}

/// The arguments with which the suite runs that test alone, and lets its output through.
pub(super) fn arguments(module: &str, test: &str) -> [String; 3] {
    let (_, module) = module.split_once("::").expect("it is a module of the suite");
    ["--exact".into(), format!("{module}::{test}"), "--nocapture".into()]
}

/// Makes what `command` starts that process.
pub(super) fn set(command: &mut Command) -> &mut Command {
    command.env(ON_STAGE, "1").stdin(Stdio::null())
}
