//! Changing a run of closures from elsewhere.

use super::Gate;
use crate::runner::support::{Fault, ends};
use regatta::{BlockingHandle, BlockingReport, BlockingRunner};
use regatta_tests::Watchdog;
use std::thread;

/// So many closures that wait at a gate, one at a time at first; `control` is called while the first one waits.
fn at_the_gate(
    count: usize,
    control: impl FnOnce(&BlockingHandle<usize, usize, Fault>, &Gate),
) -> (BlockingReport<usize, usize, Fault>, BlockingHandle<usize, usize, Fault>) {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(1).unwrap();
    for key in 0..count {
        let gate = gate.clone();
        runner
            .add(key, move || {
                gate.pass();
                Ok(key)
            })
            .unwrap();
    }
    let handle = runner.handle();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        control(&handle, &gate);
        gate.open();
        run.join().unwrap()
    });
    (report, handle)
}

#[test]
fn a_pending_closure_is_cancelled_and_never_called() {
    let (report, handle) = at_the_gate(3, |handle, gate| {
        assert!(handle.cancel(&1));
        assert!(!handle.cancel(&7));
        super::until(|| handle.progress().not_ok == 1);
        assert_eq!(gate.come(), 1);
    });
    assert_eq!(ends(&report), ["ok 0", "not started: it was cancelled first", "ok 2"]);
    assert_eq!(report.task(&1).unwrap().attempts(), 0);
    assert!(!handle.cancel(&0), "the run is over");
}

#[test]
fn a_running_closure_has_its_outcome_at_once_and_keeps_its_slot() {
    let (report, _) = at_the_gate(2, |handle, gate| {
        assert!(handle.cancel(&0));
        super::until(|| handle.progress().not_ok == 1);
        assert_eq!((handle.progress().waiting, gate.come()), (1, 1));
    });
    assert_eq!(ends(&report), ["cancelled", "ok 1"]);
}

#[test]
fn raising_the_limit_starts_more_at_once() {
    let (report, _) = at_the_gate(12, |handle, gate| {
        handle.set_limit(10).unwrap();
        assert_eq!(gate.wait_for(10), 10);
        assert_eq!((handle.progress().running, handle.progress().waiting), (10, 2));
        assert!(handle.set_limit(0).is_err());
    });
    assert!(report.is_ok());
}

#[test]
fn a_stop_returns_at_once() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let mut runner = BlockingRunner::new().limit(1).unwrap();
    for key in 0..2 {
        let gate = gate.clone();
        runner.add_ok(key, move || gate.pass()).unwrap();
    }
    let handle = runner.handle();
    let report: BlockingReport<_, _, Fault> = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(1);
        handle.clone().stop();
        run.join().unwrap()
    });
    assert_eq!(ends(&report), ["cancelled", "not started: it was cancelled first"]);
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&0]);
    assert_eq!((handle.progress().not_ok, handle.progress().total()), (2, 2));
    gate.open();
}

#[test]
fn the_numbers_add_up() {
    let (report, handle) = at_the_gate(5, |handle, _| {
        let now = handle.progress();
        assert_eq!((now.waiting, now.running, now.total()), (4, 1, 5));
    });
    assert_eq!((handle.progress().ok, handle.progress().total()), (report.len(), 5));
}
