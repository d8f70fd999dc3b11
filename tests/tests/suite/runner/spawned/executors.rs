//! Executors that refuse, drop or lose what they are given.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{BoxFuture, Executor, NotStarted, Runner, StopOn, StopReason, TaskError};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::sync::{Arc, Mutex};

const REFUSED: &str = "not started: the executor could not spawn it";

/// As tokio's does outside a runtime, but without a message on stderr.
fn refuses(task: BoxFuture<'static, ()>) {
    drop(task);
    std::panic::resume_unwind(Box::new("no runtime here"));
}

/// Takes so many tasks, and then does something else with them.
fn takes(
    count: usize,
    inner: impl Executor + 'static,
    other: fn(BoxFuture<'static, ()>),
) -> impl Executor + 'static {
    let taken = Gauge::default();
    move |task| if taken.pass() > count { other(task) } else { inner.spawn(task) }
}

on_every_executor! {
    async fn an_executor_that_panics_starts_nothing(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..3 {
            runner.add(key, probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        }
        let report = runner.spawn_on(refuses).await;
        assert_eq!(ends(&report), [REFUSED; 3]);
        assert_eq!((probe.polls(), probe.drops()), (0, 3));
        assert!(matches!(report.stopped(), StopReason::Completed));
        assert_eq!(report.elapsed(), secs(0));
    }

    async fn an_executor_that_panics_later_refuses_only_those(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..4 {
            runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
        }
        let report = runner.spawn_on(takes(2, world.executor(), refuses)).await;
        assert_eq!(ends(&report), ["ok 1", "ok 1", REFUSED, REFUSED]);
    }

    async fn a_refused_task_counts_for_the_stop_rule(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        for key in 0..3 {
            runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
        }
        let report = runner.spawn_on(takes(1, world.executor(), refuses)).await;
        assert_eq!(ends(&report), ["ok 1", REFUSED, "not started: the run was stopped by its stop rule"]);
    }

    async fn an_executor_that_drops_tasks_cancels_them(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..3 {
            runner.add(key, probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        }
        let report = runner.spawn_on(takes(1, world.executor(), drop)).await;
        assert_eq!(ends(&report), ["ok 1", "cancelled", "cancelled"]);
        assert_eq!(probe.drops(), 3);
    }

    async fn an_executor_that_dies_cancels_what_it_had(world: World) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeper = kept.clone();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..2 {
            runner.add(key, pending::<Result<u8, Fault>>()).unwrap();
        }
        let dying = async {
            world.sleep(secs(3)).await;
            kept.lock().unwrap().clear();
        };
        let run = runner.spawn_on(move |task| keeper.lock().unwrap().push(task));
        let (report, ()) = futures::join!(run, dying);
        assert_eq!(ends(&report), ["cancelled"; 2]);
        assert_eq!(report.elapsed(), secs(3));
    }

    async fn a_refused_driver_leaves_a_report(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock()).name("refused");
        for key in 0..2 {
            runner.add(key, probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        }
        let report = runner.start(refuses).await;
        assert_eq!(ends(&report), [REFUSED; 2]);
        assert!(matches!(report.get(&0), Some(Err(TaskError::NotStarted(NotStarted::Spawn)))));
        assert!(matches!(report.stopped(), StopReason::NotSpawned));
        assert_eq!((probe.polls(), probe.drops()), (0, 2));
        assert_eq!((report.name(), report.elapsed()), (Some("refused"), secs(0)));
    }

    async fn a_driver_that_is_dropped_unseen_leaves_a_report(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add("a", owned(&world, secs(1), Ok(1))).unwrap();
        let handle = runner.handle();
        let report = runner.start(drop).await;
        assert_eq!(ends(&report), [REFUSED]);
        assert!(matches!(report.stopped(), StopReason::NotSpawned));
        assert_eq!(handle.progress().not_ok, 1);
    }

    async fn a_driver_that_is_dropped_on_its_way_leaves_a_report(world: World) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeper = kept.clone();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add("done", async { Ok(1) }).unwrap();
        runner.add("runs", pending::<Result<u8, Fault>>()).unwrap();
        runner.add("waits", async { Ok(1) }).unwrap();
        let started = runner.start(move |task| keeper.lock().unwrap().push(task));
        // A small executor: polls all it has, a few times.
        let dying = async {
            for _ in 0..4 {
                let tasks = std::mem::take(&mut *kept.lock().unwrap());
                for mut task in tasks {
                    if futures::poll!(&mut task).is_pending() {
                        kept.lock().unwrap().push(task);
                    }
                }
                world.yield_now().await;
            }
            world.sleep(secs(2)).await;
            drop(std::mem::take(&mut *kept.lock().unwrap()));
        };
        let (report, ()) = futures::join!(started, dying);
        assert_eq!(ends(&report), ["ok 1", "cancelled", "not started: it was cancelled first"]);
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn a_driver_on_its_way_whose_tasks_are_refused_goes_on(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        for key in 0..3 {
            runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
        }
        // The driver and one task.
        let report = runner.start(takes(2, world.executor(), refuses)).await;
        assert_eq!(ends(&report), ["ok 1", REFUSED, REFUSED]);
    }
}
