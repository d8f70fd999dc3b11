//! Closures on threads, awaited inside an executor.

use super::{Gate, until};
use crate::runner::support::{Fault, ends, millis};
use futures::future::{Either, select};
use regatta::BlockingRunner;
use regatta_tests::Watchdog;
use std::future::poll_fn;
use std::task::Poll;

/// A few closures, one of which fails.
fn few() -> BlockingRunner<u32, u32, Fault> {
    let mut runner = BlockingRunner::new().limit(2).unwrap();
    for key in 0..6 {
        runner.add(key, move || if key == 3 { Err("no") } else { Ok(key * key) }).unwrap();
    }
    runner
}

fn few_are_right(report: &regatta::BlockingReport<u32, u32, Fault>) {
    assert_eq!(ends(report), ["ok 0", "ok 1", "ok 4", "failed: no", "ok 16", "ok 25"]);
}

#[test]
fn it_is_awaited_on_smol() {
    smol::block_on(async {
        few_are_right(&few().run_async().await);
        // The future may move between threads.
        few_are_right(&smol::spawn(few().run_async()).await);
    });
}

#[test]
fn it_is_awaited_on_tokio() {
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    many.block_on(async { few_are_right(&tokio::spawn(few().run_async()).await.unwrap()) });
    let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
    one.block_on(async { few_are_right(&few().run_async().await) });
}

#[test]
fn it_is_awaited_on_futures() {
    few_are_right(&futures::executor::block_on(few().run_async()));
}

#[test]
fn other_tasks_go_on_meanwhile() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let inside = gate.clone();
    let mut runner = BlockingRunner::new();
    runner.add_ok("stuck", move || inside.pass()).unwrap();
    let other = async {
        // It yields while the thread is blocked, and then frees it: a run that blocked this thread would never end.
        while gate.come() == 0 {
            regatta_sim::yield_now().await;
        }
        gate.open();
    };
    let (report, ()) = futures::executor::block_on(async { futures::join!(runner.run_async(), other) });
    let report: regatta::BlockingReport<_, _, Fault> = report;
    assert!(report.is_ok());
}

#[test]
fn its_timeout_is_kept_inside_an_executor() {
    let _watchdog = Watchdog::new();
    let gate = Gate::default();
    let inside = gate.clone();
    let mut runner = BlockingRunner::new().timeout(millis(30));
    runner.add_ok("stuck", move || inside.pass()).unwrap();
    let report: regatta::BlockingReport<_, _, Fault> = smol::block_on(runner.run_async());
    assert_eq!(ends(&report), ["timed out after 30ms"]);
    assert_eq!(report.still_running().collect::<Vec<_>>(), [&"stuck"]);
    gate.open();
}

#[test]
fn dropping_it_cancels_what_waits_and_tells_what_runs() {
    let _watchdog = Watchdog::new();
    let (gate, told) = (Gate::default(), Gate::default());
    told.open();
    let mut runner = BlockingRunner::new().limit(1).unwrap();
    let (inside, heard) = (gate.clone(), told.clone());
    runner
        .add_with("runs", move |ctx| {
            inside.pass();
            while !ctx.is_cancelled() {
                std::thread::yield_now();
            }
            heard.pass();
            Ok::<_, Fault>(())
        })
        .unwrap();
    let inside = gate.clone();
    runner
        .add("waits", move || {
            inside.pass();
            Ok(())
        })
        .unwrap();
    let handle = runner.handle();
    let begun = gate.clone();
    let come = poll_fn(move |cx| {
        if begun.come() == 1 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    futures::executor::block_on(async {
        match select(runner.run_async(), come).await {
            Either::Left(_) => panic!("it can't end by itself"),
            Either::Right(((), run)) => drop(run),
        }
    });
    assert_eq!((handle.progress().not_ok, told.come()), (2, 0));
    gate.open();
    until(|| told.gone() == 1);
    assert_eq!(gate.come(), 1, "what waited never starts");
}

#[test]
fn a_run_that_is_never_polled_starts_nothing() {
    let gate = Gate::default();
    let inside = gate.clone();
    let mut runner = BlockingRunner::<_, _, Fault>::new();
    runner.add_ok("never", move || inside.pass()).unwrap();
    drop(runner.run_async());
    assert_eq!(gate.come(), 0);
}
