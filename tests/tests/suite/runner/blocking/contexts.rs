//! A closure that looks whether it should stop.

use super::{Gate, until};
use crate::runner::support::{Fault, ends, millis};
use regatta::{BlockingRunner, CancelToken, Ctx, StopReason};
use regatta_tests::Watchdog;
use std::thread;
use std::time::Duration;

/// Says that it has begun, and works until it is told to stop.
fn works(begun: &Gate) -> impl FnOnce(Ctx) -> Result<&'static str, Fault> + Clone + Send + 'static {
    let begun = begun.clone();
    move |ctx| {
        begun.pass();
        while !ctx.is_cancelled() {
            thread::yield_now();
        }
        Ok("stopped in good order")
    }
}

fn open_gate() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}

#[test]
fn what_stops_within_the_grace_has_its_result() {
    let _watchdog = Watchdog::new();
    let (begun, token) = (open_gate(), CancelToken::new());
    let mut runner = BlockingRunner::new().limit(2).unwrap().cancel_on(&token).grace(Duration::from_secs(20));
    for key in 0..3 {
        runner.add_with(key, works(&begun)).unwrap();
    }
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        begun.wait_for(2);
        token.cancel();
        run.join().unwrap()
    });
    let good = r#"ok "stopped in good order""#;
    assert_eq!(ends(&report), [good, good, "not started: it was cancelled first"]);
    assert!(matches!(report.stopped(), StopReason::Cancelled));
    assert!(report.elapsed() < Duration::from_secs(20), "the grace is not used up");
}

#[test]
fn a_timeout_tells_the_closure_and_does_not_wait_for_it() {
    let _watchdog = Watchdog::new();
    let begun = open_gate();
    let mut runner = BlockingRunner::new().timeout(millis(30));
    runner.add_with("works", works(&begun)).unwrap();
    let report = runner.run();
    assert_eq!(ends(&report), ["timed out after 30ms"]);
    until(|| report.still_running().count() == 0);
}

#[test]
fn a_cancel_by_key_tells_that_closure_alone() {
    let _watchdog = Watchdog::new();
    let (begun, gate) = (open_gate(), Gate::default());
    let mut runner = BlockingRunner::new().grace(Duration::from_secs(20));
    runner.add_with("told", works(&begun)).unwrap();
    let inside = gate.clone();
    runner
        .add_with("not told", move |ctx| {
            inside.pass();
            if ctx.is_cancelled() { Err("told") } else { Ok("undisturbed") }
        })
        .unwrap();
    let handle = runner.handle();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        begun.wait_for(1);
        gate.wait_for(1);
        assert!(handle.cancel("told"));
        until(|| handle.progress().ok == 1);
        gate.open();
        run.join().unwrap()
    });
    assert_eq!(ends(&report), [r#"ok "stopped in good order""#, r#"ok "undisturbed""#]);
    assert!(matches!(report.stopped(), StopReason::Completed));
}
