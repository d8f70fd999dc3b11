//! The progress bar on a terminal: a run in a process of its own, whose standard error is one, or isn't.

use super::stage;
use crate::runner::support::Fault;
use regatta::{Progress, Runner};
#[cfg(target_os = "linux")]
use std::io::{self, Write};
use std::process::Command;

const TASKS: usize = 5;

/// Says that a check is left out, past the test harness, which would keep it to itself.
///
/// # Panics
///
/// If nothing may be left out.
#[cfg(target_os = "linux")]
fn skip(what: &str) {
    assert!(
        std::env::var_os("REGATTA_REQUIRE_TOOLS").is_none(),
        "this machine can't check everything: {what}"
    );
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "skipped: {what}");
}

/// A command for a shell that runs this test in a process of its own.
fn on_stage(shell: &mut Command, test: &str) -> String {
    stage::set(shell).env("PROGRAM", stage::program()).env("TERM", "xterm");
    format!("\"$PROGRAM\" {}", stage::arguments(module_path!(), test).join(" "))
}

/// What that process does.
fn run_with_a_bar() {
    println!("visible: {}", Progress::is_visible());
    let mut runner = Runner::new().limit(2).expect("two is allowed").observer(Progress::new(TASKS));
    for key in 0..TASKS {
        runner.add(key, async { Ok::<_, Fault>(()) }).expect("the keys differ");
    }
    println!("all is well: {}", futures::executor::block_on(runner.run()).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_shows_a_bar_and_is_clean_afterwards() {
    if stage::is_here() {
        return run_with_a_bar();
    }
    let mut script = Command::new("script");
    let command = on_stage(&mut script, "a_terminal_shows_a_bar_and_is_clean_afterwards");
    let output = match script.args(["-qec", &command, "/dev/null"]).output() {
        Ok(output) => output,
        Err(error) => return skip(&format!("`script`, which makes a terminal: {error}")),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text:?}");
    assert!(text.contains("visible: true") && text.contains("all is well: true"), "{text:?}");
    let bar = text.rfind(&format!("/{TASKS} eta ")).unwrap_or_else(|| panic!("no bar in {text:?}"));
    assert!(text.contains(&format!("{} 0/{TASKS} ", "-".repeat(32))), "{text:?}");
    // The line is cleared after the bar was drawn for the last time, and before the program goes on.
    let clean = text[bar..].find("\u{1b}[2K").or_else(|| text[bar..].find("\u{1b}[K"));
    let goes_on = text[bar..].find("all is well");
    assert!(clean.is_some() && clean < goes_on, "{text:?}");
}

#[test]
fn a_pipe_gets_no_bar() {
    if stage::is_here() {
        return run_with_a_bar();
    }
    let mut shell = Command::new("sh");
    let command = on_stage(&mut shell, "a_pipe_gets_no_bar");
    let output = shell.args(["-c", &command]).output().expect("every Unix has a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text:?}");
    assert!(text.contains("visible: false") && text.contains("all is well: true"), "{text:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
