//! `tokio_clock`: an hour of tokio's time. What it claims, it asserts itself.

use crate::build::example;
use crate::program::run;
use std::process::Command;

#[test]
fn an_hour_passes_at_once() {
    let ended = run(&mut Command::new(example("tokio_clock")));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.assert_says("4 tasks: 1 ok, 1 failed, 2 timed out in 1 h; completed");
    ended.assert_says("an hour of the run passed in less than a minute of the world");
}
