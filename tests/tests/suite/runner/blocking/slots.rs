//! A closure that has its outcome keeps its slot until its thread is back.

use super::{Gate, until};
use crate::runner::support::{Fault, ends, millis};
use regatta::{Backoff, BlockingRunner, Limiter};
use regatta_tests::{ManualClock, Watchdog};
use std::thread;
use std::time::Duration;

/// A runner on a clock of its own, whose only closure so far waits at the gate.
fn stuck(gate: &Gate, clock: &ManualClock) -> BlockingRunner<&'static str, u8, Fault> {
    let mut runner = BlockingRunner::new().limit(1).unwrap().clock(clock.shared());
    let gate = gate.clone();
    runner
        .add("stuck", move || {
            gate.pass();
            Ok(1)
        })
        .unwrap();
    runner
}

#[test]
fn a_timeout_of_a_task_frees_its_slot_only_when_the_thread_is_back() {
    let _watchdog = Watchdog::new();
    let (gate, clock) = (Gate::default(), ManualClock::new());
    let begun = clock.now();
    let mut runner = stuck(&gate, &clock).task_timeout(millis(100));
    runner.add("next", || Ok(2)).unwrap();
    let handle = runner.handle();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        until(|| clock.timers() > 0);
        clock.advance(millis(100));
        until(|| handle.progress().not_ok == 1);
        clock.advance(millis(400));
        assert_eq!((handle.progress().waiting, handle.progress().running), (1, 0));
        assert!(!run.is_finished());
        gate.open();
        run.join().unwrap()
    });
    assert_eq!(ends(&report), ["timed out after 100ms", "ok 2"]);
    assert_eq!(report.task("stuck").unwrap().ended(), Some(begun + millis(100)));
    assert_eq!(report.task("next").unwrap().started(), Some(begun + millis(500)));
    assert_eq!(report.still_running().count(), 0);
}

#[test]
fn the_last_one_is_not_waited_for() {
    let _watchdog = Watchdog::new();
    let (gate, clock) = (Gate::default(), ManualClock::new());
    let runner = stuck(&gate, &clock).task_timeout(millis(100));
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        until(|| clock.timers() > 0);
        clock.advance(millis(100));
        run.join().unwrap()
    });
    assert_eq!(ends(&report), ["timed out after 100ms"]);
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"stuck"]);
    gate.open();
    until(|| report.still_running().count() == 0);
}

#[test]
fn attempts_that_go_on_keep_their_key_busy() {
    let _watchdog = Watchdog::new();
    let (gate, clock) = (Gate::default(), ManualClock::new());
    let mut runner =
        BlockingRunner::new().limit(2).unwrap().clock(clock.shared()).attempt_timeout(millis(10));
    let inside = gate.clone();
    runner
        .add_retry("stuck", Backoff::constant(Duration::ZERO).times(1), move |_| {
            inside.pass();
            Ok::<_, Fault>(())
        })
        .unwrap();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        for attempt in 1..=2 {
            gate.wait_for(attempt);
            until(|| clock.timers() > 0);
            clock.advance(millis(10));
        }
        run.join().unwrap()
    });
    assert_eq!(ends(&report), ["timed out after 10ms"]);
    assert_eq!((report.tasks()[0].attempts(), gate.come()), (2, 2));
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"stuck"], "one key, though two threads");
    gate.open();
    until(|| report.still_running().count() == 0);
    assert_eq!(gate.gone(), 2);
}

#[test]
fn a_shared_limit_is_held_until_the_thread_is_back() {
    let _watchdog = Watchdog::new();
    let (gate, clock) = (Gate::default(), ManualClock::new());
    let shared = Limiter::new(regatta::strategies::Concurrency::new(1).unwrap());
    let runner = stuck(&gate, &clock).strategy(shared.clone()).timeout(millis(100));
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        until(|| clock.timers() > 0);
        clock.advance(millis(100));
        run.join().unwrap()
    });
    assert!(report.timed_out());
    assert!(shared.try_acquire().is_err(), "the thread still uses what it was admitted for");
    gate.open();
    until(|| shared.try_acquire().is_ok());
}
