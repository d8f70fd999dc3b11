//! Handles keep nothing alive, and what comes too late is dropped with the run.

use super::owned;
use crate::runner::support::{Fault, Gauge, ends, secs};
use futures::future::{Either, select};
use regatta::{AddError, Handle, Runner, StopOn};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

type TheHandle = Handle<'static, &'static str, u8, Fault>;

/// A task that holds a handle of its own run, and something that can be counted.
fn holder(
    probe: &Probe,
    handle: &TheHandle,
) -> impl Future<Output = Result<u8, Fault>> + Send + 'static + use<> {
    let (handle, inside) = (handle.clone(), probe.also(pending::<()>()));
    async move {
        inside.await;
        drop(handle);
        Ok(1)
    }
}

/// Adds a task when it is dropped.
struct AddsInDrop(TheHandle, Arc<std::sync::Mutex<Option<Result<(), AddError>>>>);

impl Drop for AddsInDrop {
    fn drop(&mut self) {
        *self.1.lock().unwrap() = Some(self.0.add("in drop", async { Ok(1) }));
    }
}

on_every_executor! {
    async fn tasks_with_a_handle_are_dropped_with_the_run(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let handle = runner.handle();
        runner.add("runs", holder(&probe, &handle)).unwrap();
        runner.add("waits", holder(&probe, &handle)).unwrap();
        handle.add("added", holder(&probe, &handle)).unwrap();
        {
            let run = pin!(runner.run());
            assert!(matches!(select(run, world.sleep(secs(1))).await, Either::Right(_)));
            handle.add("unseen", holder(&probe, &handle)).unwrap();
        }
        assert_eq!((probe.wrapped(), probe.alive()), (4, 0));
        assert_eq!(handle.add("late", holder(&probe, &handle)), Err(AddError::Closed));
        assert_eq!(probe.alive(), 0);
    }

    async fn tasks_with_a_handle_are_dropped_with_a_runner_that_never_ran(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner.add("here", holder(&probe, &handle)).unwrap();
        handle.add("through", holder(&probe, &handle)).unwrap();
        drop(runner);
        assert_eq!((probe.wrapped(), probe.alive()), (2, 0));
        assert_eq!(handle.add("late", holder(&probe, &handle)), Err(AddError::Closed));
        assert_eq!(handle.progress().total(), 2);
    }

    async fn tasks_with_a_handle_that_never_start_are_dropped_at_the_end(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        let handle = runner.handle();
        runner.add("fails", owned(&world, secs(1), Err("no"))).unwrap();
        runner.add("waits", holder(&probe, &handle)).unwrap();
        handle.add("added", holder(&probe, &handle)).unwrap();
        let report = runner.run().await;
        assert_eq!(report.counts().not_started, 2);
        assert_eq!((probe.alive(), probe.polls()), (0, 0));
    }

    async fn tasks_with_a_handle_on_an_executor_are_dropped_with_the_run(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let handle = runner.handle();
        runner.add("runs", holder(&probe, &handle)).unwrap();
        handle.add("added", holder(&probe, &handle)).unwrap();
        let started = runner.start(world.executor());
        world.sleep(secs(1)).await;
        drop(started);
        world.sleep(secs(1)).await;
        assert_eq!((probe.wrapped(), probe.alive()), (2, 0));
        assert_eq!(handle.progress().not_ok, 2);
    }

    async fn a_handle_keeps_no_run_alive(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let handles: Vec<_> = (0..5).map(|_| runner.handle()).collect();
        runner.add("a", owned(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!((ends(&report), report.elapsed()), (vec!["ok 1".to_owned()], secs(1)));
        for handle in &handles {
            handle.stop();
            handle.set_unlimited();
            assert!(!handle.cancel("a"));
            assert_eq!(handle.progress().ok, 1);
        }
    }

    async fn what_is_left_of_a_run_is_freed_with_its_last_handle(world: World) {
        let gauge = Gauge::default();
        let guard = Arc::new(gauge.enter());
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        let inside = guard.clone();
        handle
            .add("a", async move {
                let _inside = inside;
                Ok::<_, Fault>(())
            })
            .unwrap();
        drop(runner.run().await);
        assert_eq!(Arc::strong_count(&guard), 1, "the task is gone although a handle is there");
        drop(handle);
    }

    /// A task that runs is dropped before the run ends, one that never started after it: either way nothing is lost.
    async fn a_task_that_is_added_in_a_drop_is_reported_or_refused(world: World) {
        for runs in [true, false] {
            let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(1));
            let handle: TheHandle = runner.handle();
            let said = Arc::default();
            let guard = AddsInDrop(handle.clone(), Arc::clone(&said));
            if !runs {
                runner.add("first", pending()).unwrap();
            }
            runner
                .add("guarded", async move {
                    let _guard = guard;
                    pending().await
                })
                .unwrap();
            let report = runner.run().await;
            let added = said.lock().unwrap().take().expect("it was dropped");
            assert_eq!(added.is_ok(), report.get("in drop").is_some());
        }
    }
}
