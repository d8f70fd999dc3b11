//! The progress bar on a terminal: a run in a process of its own, whose standard error is one, or isn't.

use crate::runner::support::Fault;
use regatta::{Progress, Runner};
use std::env;
#[cfg(target_os = "linux")]
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Set in the process that runs the tasks.
const ON_STAGE: &str = "REGATTA_BAR";
const TASKS: usize = 5;

/// Says that a check is left out, past the test harness, which would keep it to itself.
///
/// # Panics
///
/// If nothing may be left out.
#[cfg(target_os = "linux")]
fn skip(what: &str) {
    assert!(env::var_os("REGATTA_REQUIRE_TOOLS").is_none(), "this machine can't check everything: {what}");
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "skipped: {what}");
}

/// This test in a process of its own: the command that runs it.
fn on_stage(shell: &mut Command, test: &str) -> String {
    let program = env::current_exe().expect("a test knows where it is");
    shell.env(ON_STAGE, "1").env("PROGRAM", program).env("TERM", "xterm").stdin(Stdio::null());
    format!(
        "\"$PROGRAM\" --exact {}::{test} --nocapture",
        module_path!().split_once("::").expect("it is in the suite").1
    )
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
    if env::var_os(ON_STAGE).is_some() {
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
    if env::var_os(ON_STAGE).is_some() {
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
