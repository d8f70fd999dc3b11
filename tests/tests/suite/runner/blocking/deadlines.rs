//! A run returns when its time is up, whatever its threads still do, and says which of them are busy.

use super::{Gate, until};
use crate::runner::support::{Fault, ends, millis};
use regatta::{BlockingRunner, CancelToken, StopOn, StopReason};
use regatta_tests::{ManualClock, Watchdog};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than a machine that is busy with other tests needs to wake one thread.
const NOISE: Duration = millis(2000);

#[test]
fn it_returns_at_its_timeout_while_a_thread_is_still_blocked() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(2).unwrap().timeout(millis(80));
    runner.add("quick", || Ok::<_, Fault>("done")).unwrap();
    for key in ["stuck", "stuck too", "never"] {
        let gate = gate.clone();
        runner
            .add(key, move || {
                gate.pass();
                Ok("late")
            })
            .unwrap();
    }
    let start = Instant::now();
    let report = runner.run();
    let took = start.elapsed();
    assert!(took >= millis(80) && took < millis(80) + NOISE, "{took:?}");
    let timed_out = "timed out after 80ms";
    let expected = [r#"ok "done""#, timed_out, timed_out, "not started: the run's time was up"];
    assert_eq!(ends(&report), expected);
    assert!(report.timed_out() && !report.is_ok());
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"stuck", &"stuck too"]);
    assert!(report.to_string().ends_with("still running: \"stuck\" \"stuck too\""), "{report}");
    gate.open();
    until(|| report.still_running().count() == 0);
    assert_eq!((gate.come(), gate.gone()), (2, 2), "what was pending never starts");
    assert!(!report.to_string().contains("still running"));
    assert_eq!(ends(&report), expected, "what comes too late changes nothing");
}

#[test]
fn fewer_are_still_running_as_they_return() {
    let _watchdog = Watchdog::new();
    let gates: [Gate; 3] = Default::default();
    let mut runner = BlockingRunner::new();
    for (key, gate) in gates.iter().enumerate() {
        let gate = gate.clone();
        runner
            .add(key, move || {
                gate.pass();
                Ok::<_, Fault>(())
            })
            .unwrap();
    }
    let token = CancelToken::new();
    let runner = runner.cancel_on(&token);
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gates.iter().for_each(|gate| {
            gate.wait_for(1);
        });
        token.cancel();
        run.join().unwrap()
    });
    assert_eq!(ends(&report), ["cancelled"; 3]);
    assert!(matches!(report.stopped(), StopReason::Cancelled));
    let mut left = vec![0, 1, 2];
    for key in [1, 2, 0] {
        assert_eq!(report.still_running().copied().collect::<Vec<_>>(), left);
        gates[key].open();
        left.retain(|&other| other != key);
        until(|| report.still_running().count() == left.len());
    }
    assert_eq!(report.into_report().len(), 3);
}

#[test]
fn a_deadline_on_a_clock_of_ones_own_is_exact() {
    let _watchdog = Watchdog::new();
    let (gate, clock) = (Gate::default(), ManualClock::new());
    let begun = clock.now();
    let mut runner = BlockingRunner::new().clock(clock.shared()).timeout(millis(500));
    let inside = gate.clone();
    runner
        .add("stuck", move || {
            inside.pass();
            Ok::<_, Fault>(())
        })
        .unwrap();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        until(|| clock.timers() > 0);
        clock.advance(millis(499));
        thread::yield_now();
        assert!(!run.is_finished());
        clock.advance(millis(1));
        run.join().unwrap()
    });
    assert_eq!((ends(&report), report.elapsed()), (vec!["timed out after 500ms".to_owned()], millis(500)));
    assert_eq!(report.task("stuck").unwrap().ended(), Some(begun + millis(500)));
    assert_eq!(report.still_running().count(), 1);
    gate.open();
}

#[test]
fn a_zero_timeout_starts_nothing() {
    let mut runner = BlockingRunner::new().timeout(Duration::ZERO);
    runner.add("never", || -> Result<(), Fault> { panic!("it was called") }).unwrap();
    let report = runner.run();
    assert_eq!(ends(&report), ["not started: the run's time was up"]);
    assert_eq!(report.still_running().count(), 0);
}

#[test]
fn a_stop_rule_returns_at_once_too() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(2).unwrap().stop_on(StopOn::FirstError);
    let inside = gate.clone();
    runner
        .add("stuck", move || {
            inside.pass();
            Ok(())
        })
        .unwrap();
    let other = gate.clone();
    runner
        .add("fails", move || {
            other.wait_for(1);
            Err("no")
        })
        .unwrap();
    runner.add("never", || Ok(())).unwrap();
    let report = runner.run();
    assert_eq!(
        ends(&report),
        ["cancelled", "failed: no", "not started: the run was stopped by its stop rule"]
    );
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"stuck"]);
    gate.open();
}

#[test]
fn a_run_that_ends_by_itself_leaves_no_thread_busy() {
    for _ in 0..50 {
        let mut runner = BlockingRunner::new();
        for key in 0..8 {
            runner.add(key, move || if key % 2 == 0 { Ok(key) } else { Err("odd") }).unwrap();
        }
        let report = runner.run();
        assert_eq!(report.still_running().count(), 0, "a result is there only when its closure is gone");
        assert_eq!((report.counts().ok, report.counts().failed), (4, 4));
    }
}
