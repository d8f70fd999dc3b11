//! How many threads at once, and really at once.

use super::Gate;
use crate::runner::support::{Fault, Gauge, ends};
use regatta::{Backoff, BlockingRunner, StopReason, TaskError, retry_fn};
use regatta_tests::Watchdog;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

#[test]
fn closures_really_run_in_parallel() {
    let _watchdog = Watchdog::new();
    let barrier = Arc::new(Barrier::new(4));
    let mut runner = BlockingRunner::new().limit(4).unwrap();
    for key in 0..4 {
        let barrier = barrier.clone();
        // Alone, none of them would ever return.
        runner
            .add(key, move || Ok::<_, Fault>((barrier.wait().is_leader(), thread::current().id())))
            .unwrap();
    }
    let report = runner.run();
    let values: Vec<_> = report.ok().map(|(_, value)| *value).collect();
    assert_eq!((values.len(), values.iter().filter(|(leads, _)| *leads).count()), (4, 1));
    assert!(values.iter().all(|(_, id)| *id != thread::current().id()), "none on the caller's thread");
}

#[test]
fn the_limit_is_reached_and_kept() {
    let _watchdog = Watchdog::new();
    let (gauge, gate) = (Gauge::default(), Gate::default());
    let mut runner = BlockingRunner::new().limit(3).unwrap();
    for key in 0..12 {
        let (gauge, gate) = (gauge.clone(), gate.clone());
        runner
            .add(key, move || {
                let _inside = gauge.enter();
                gate.pass();
                Ok::<_, Fault>(())
            })
            .unwrap();
    }
    let handle = runner.handle();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| runner.run());
        gate.wait_for(3);
        assert_eq!((handle.progress().running, handle.progress().waiting), (3, 9));
        assert_eq!(gauge.inside(), 3);
        gate.open();
        run.join().unwrap()
    });
    assert!(report.is_ok());
    assert_eq!((gauge.most(), gauge.entered()), (3, 12));
}

#[test]
fn a_limit_of_one_is_one_after_the_other_in_order() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut runner = BlockingRunner::new().limit(1).unwrap();
    for key in 0..20 {
        let order = order.clone();
        runner.add_ok(key, move || order.lock().unwrap().push(key)).unwrap();
    }
    let report: regatta::BlockingReport<_, _, Fault> = runner.run();
    assert!(report.is_ok());
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn without_a_limit_all_run_at_once() {
    let _watchdog = Watchdog::new();
    let barrier = Arc::new(Barrier::new(40));
    let mut runner = BlockingRunner::new().unlimited();
    for key in 0..40 {
        let barrier = barrier.clone();
        runner.add(key, move || Ok::<_, Fault>(barrier.wait().is_leader())).unwrap();
    }
    assert_eq!(runner.run().ok().filter(|(_, leads)| **leads).count(), 1);
}

#[test]
fn a_panic_is_the_end_of_its_closure_alone() {
    let mut runner = BlockingRunner::new().limit(1).unwrap();
    runner
        .add("panics", || -> Result<u8, Fault> { std::panic::resume_unwind(Box::new("overboard")) })
        .unwrap();
    runner.add("ok", || Ok(1)).unwrap();
    let report = runner.run();
    assert_eq!(ends(&report), ["panicked: overboard", "ok 1"]);
    assert_eq!(report.still_running().count(), 0, "its thread is free again");
    assert!(matches!(report.stopped(), StopReason::Completed));
}

#[test]
fn a_closure_is_called_again_after_a_failure() {
    let tries = Gauge::default();
    let mut runner = BlockingRunner::new();
    runner
        .add_retry("flaky", Backoff::constant(Duration::ZERO).times(5), move |ctx| {
            assert_eq!(usize::try_from(ctx.attempt()).unwrap(), tries.pass());
            if ctx.attempt() < 3 { Err("busy") } else { Ok(ctx.attempt()) }
        })
        .unwrap();
    let rule = retry_fn(|attempts, error: &TaskError<Fault>| {
        (attempts < 2 && matches!(error, TaskError::Panicked(_))).then_some(Duration::ZERO)
    });
    runner
        .add_retry("panics once", rule, |ctx| {
            if ctx.attempt() == 1 {
                std::panic::resume_unwind(Box::new("overboard"));
            }
            Ok(7)
        })
        .unwrap();
    let report = runner.run();
    assert_eq!(ends(&report), ["ok 3", "ok 7"]);
    assert_eq!(report.task("flaky").unwrap().attempts(), 3);
    assert_eq!(report.still_running().count(), 0);
}

#[test]
fn a_strategy_is_asked_before_each_start() {
    use regatta::strategies::Concurrency;
    use regatta::{Limiter, Rejection, Request};
    let shared = Limiter::new(Concurrency::new(2).unwrap());
    let gauge = Gauge::default();
    let mut runner = BlockingRunner::new().strategy(shared.clone());
    for key in 0..10_u32 {
        let gauge = gauge.clone();
        runner
            .add(key, move || {
                let _inside = gauge.enter();
                thread::yield_now();
                Ok::<_, Fault>(())
            })
            .unwrap();
    }
    let report = runner.request(|key| Request::new().cost(if *key == 4 { 3 } else { 1 })).run();
    assert!(gauge.most() <= 2);
    let too_costly = Rejection::TooCostly { cost: 3, max: 2 };
    assert!(matches!(report.get(&4), Some(Err(TaskError::Rejected(why))) if *why == too_costly), "{report}");
    assert_eq!((report.counts().ok, gauge.entered(), shared.issued()), (9, 9, 0));
}
