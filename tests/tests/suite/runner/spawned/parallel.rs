//! Spawned tasks really run at the same time.

use crate::runner::support::{Fault, ends};
use regatta::Runner;
use std::sync::{Arc, Barrier};
use std::thread;

/// Each waits, with its whole thread, until the other is there too: in one thread that would be a deadlock.
fn need_each_other<'a>() -> Runner<'a, &'static str, bool, Fault> {
    let barrier = Arc::new(Barrier::new(2));
    let mut runner = Runner::new().limit(2).unwrap();
    for key in ["a", "b"] {
        let barrier = barrier.clone();
        runner.add(key, async move { Ok(barrier.wait().is_leader()) }).unwrap();
    }
    runner
}

fn both_ended(report: &regatta::Report<&str, bool, Fault>) {
    let mut ends = ends(report);
    ends.sort();
    assert_eq!(ends, ["ok false", "ok true"]);
}

#[test]
fn on_tokio_two_tasks_meet_at_a_barrier() {
    let _watchdog = regatta_tests::Watchdog::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let report = runtime.block_on(need_each_other().spawn_on(|task| {
        tokio::spawn(task);
    }));
    both_ended(&report);
    let report = runtime.block_on(async {
        let started = need_each_other().start(|task| {
            tokio::spawn(task);
        });
        started.await
    });
    both_ended(&report);
}

#[test]
fn on_smol_two_tasks_meet_at_a_barrier() {
    let _watchdog = regatta_tests::Watchdog::new();
    let executor = Arc::new(smol::Executor::new());
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    thread::scope(|scope| {
        let _stop = stop;
        for _ in 0..2 {
            scope.spawn(|| smol::block_on(executor.run(stopped.recv())));
        }
        let tasks = executor.clone();
        let report = smol::block_on(need_each_other().spawn_on(move |task| tasks.spawn(task).detach()));
        both_ended(&report);
    });
}

#[test]
fn one_thread_per_task_is_an_executor_too() {
    let _watchdog = regatta_tests::Watchdog::new();
    let run = need_each_other().spawn_on(|task| {
        thread::spawn(|| futures::executor::block_on(task));
    });
    both_ended(&futures::executor::block_on(run));
}
