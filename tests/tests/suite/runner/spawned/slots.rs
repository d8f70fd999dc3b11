//! A task that must end keeps its slot until its executor has dropped it.

use crate::runner::handles::{later, owned};
use crate::runner::support::{ends, secs};
use regatta::{Backoff, Runner};
use regatta_sim::Probe;
use regatta_tests::{Gated, World, on_every_executor};
use std::future::pending;

on_every_executor! {
    async fn a_timeout_frees_no_slot_before_its_task_is_gone(world: World) {
        let probe = Probe::new();
        let executor = Gated::new(world.executor());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).task_timeout(secs(2));
        runner.add("hangs", probe.also(pending())).unwrap();
        runner.add("next", owned(&world, secs(1), Ok(1))).unwrap();
        let (gate, watched) = (executor.clone(), probe.clone());
        later(&world, secs(1), move || gate.shut());
        let gate = executor.clone();
        later(&world, secs(5), move || {
            assert_eq!(watched.alive(), 1);
            gate.open();
        });
        let begun = world.now();
        let report = runner.spawn_on(executor).await;
        assert_eq!(ends(&report), ["timed out after 2s", "ok 1"]);
        let (hangs, next) = (report.task("hangs").unwrap(), report.task("next").unwrap());
        assert_eq!(hangs.ended(), Some(begun + secs(2)), "its outcome is fixed in time");
        assert_eq!(next.started(), Some(begun + secs(5)), "its slot is free only when it is gone");
        assert_eq!(probe.drops(), 1);
    }

    async fn a_cancel_frees_no_slot_before_its_task_is_gone(world: World) {
        let executor = Gated::new(world.executor());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add("hangs", pending()).unwrap();
        runner.add("next", owned(&world, secs(1), Ok(1))).unwrap();
        let (handle, gate) = (runner.handle(), executor.clone());
        later(&world, secs(1), move || {
            gate.shut();
            assert!(handle.cancel("hangs"));
        });
        let (gate, handle) = (executor.clone(), runner.handle());
        later(&world, secs(3), move || {
            assert!(!handle.cancel("hangs"), "it has its outcome");
            assert_eq!(handle.progress().not_ok, 1);
            gate.open();
        });
        let begun = world.now();
        let report = runner.spawn_on(executor).await;
        assert_eq!(ends(&report), ["cancelled", "ok 1"]);
        assert_eq!(report.task("next").unwrap().started(), Some(begun + secs(3)));
    }

    async fn the_run_waits_for_tasks_that_are_still_there(world: World) {
        let probe = Probe::new();
        let executor = Gated::new(world.executor());
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(2));
        for key in 0..3 {
            runner.add(key, probe.also(pending::<Result<u8, &str>>())).unwrap();
        }
        let gate = executor.clone();
        later(&world, secs(1), move || gate.shut());
        let gate = executor.clone();
        later(&world, secs(7), move || gate.open());
        let begun = world.now();
        let report = runner.spawn_on(executor).await;
        assert_eq!(ends(&report), ["timed out after 2s"; 3]);
        assert_eq!((probe.alive(), world.now()), (0, begun + secs(7)));
        assert!(report.tasks().iter().all(|task| task.ended() == Some(begun + secs(2))));
    }

    async fn a_retry_waits_for_the_slot_of_the_attempt_before_it(world: World) {
        let executor = Gated::new(world.executor());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).attempt_timeout(secs(2));
        let inner = world.clone();
        let begun = world.now();
        let make = move || {
            let pause = if inner.now() < begun + secs(2) { secs(100) } else { secs(1) };
            owned(&inner, pause, Ok::<_, &str>(1))
        };
        runner.add_retry("a", Backoff::constant(secs(1)), make).unwrap();
        let gate = executor.clone();
        later(&world, secs(1), move || gate.shut());
        let gate = executor.clone();
        later(&world, secs(6), move || gate.open());
        let report = runner.spawn_on(executor).await;
        assert_eq!(ends(&report), ["ok 1"]);
        let task = report.task("a").unwrap();
        assert_eq!((task.attempts(), task.last_started()), (2, Some(begun + secs(6))));
    }

    async fn a_result_that_comes_too_late_changes_nothing(world: World) {
        let executor = Gated::new(world.executor());
        let mut runner = Runner::new().clock(world.clock()).task_timeout(secs(2));
        // Its timer fires while the executor is shut.
        runner.add("late", owned(&world, secs(3), Ok(1))).unwrap();
        let gate = executor.clone();
        later(&world, secs(1), move || gate.shut());
        let gate = executor.clone();
        later(&world, secs(5), move || gate.open());
        let report = runner.spawn_on(executor).await;
        assert_eq!(ends(&report), ["timed out after 2s"]);
    }
}
