//! Panics are data: each belongs to one task, and no other task notices.

use crate::runner::support::{Fault, after, ends, how, hows, secs};
use futures::FutureExt;
use regatta::{
    Backoff, Event, Observer, Panic, Runner, StopReason, TaskError, for_each, map, map_ok, retry_fn,
};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// A bomb, for a task that is dropped before its end; one that ends by itself takes it away before.
async fn with_bomb(world: &World, seconds: u64, explodes_at_its_end: bool) -> Result<u8, Fault> {
    let bomb = Bomb;
    world.sleep(secs(seconds)).await;
    if !explodes_at_its_end {
        std::mem::forget(bomb);
    }
    Ok(1)
}

/// A future that is ready at once and panics when it is dropped after that.
struct ReadyThenBomb(Bomb);

impl Future for ReadyThenBomb {
    type Output = Result<u8, Fault>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        let _armed = &self.0;
        std::task::Poll::Ready(Ok(1))
    }
}

/// Counts what it hears, and panics at the third event.
#[derive(Default)]
struct Nervous(AtomicUsize);

impl Observer for Nervous {
    fn on_event(&self, _: &Event<'_>) {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) < 2, "too much");
    }
}

#[derive(Default)]
struct Calm(AtomicUsize);

impl Observer for Calm {
    fn on_event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

on_every_executor! {
    async fn a_panic_is_the_end_of_its_task_alone(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        runner.add("at once", async { panic!("overboard") }).unwrap();
        runner
            .add("later", async {
                after::<()>(&world, secs(1), Ok(())).await?;
                panic!("man {}", 2)
            })
            .unwrap();
        runner.add("fine", after(&world, secs(2), Ok(1_u8))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["panicked: overboard", "panicked: man 2", "ok 1"]);
        assert!(matches!(report.stopped(), StopReason::Completed));
        assert_eq!(report.counts().panicked, 2);
    }

    async fn the_payload_of_a_panic_reaches_the_report(_world: World) {
        let mut runner = Runner::<_, u8, Fault>::new();
        runner.add("a", async { std::panic::panic_any(7_u32) }).unwrap();
        let (_, result) = runner.run().await.into_iter().next().unwrap();
        match result {
            Err(TaskError::Panicked(panic)) => {
                assert_eq!(panic.message(), "a payload that is not text");
                assert_eq!(panic.into_payload().downcast_ref(), Some(&7_u32));
            }
            other => panic!("{other:?}"),
        }
    }

    async fn a_finished_task_that_panics_in_its_drop_keeps_its_result(_world: World) {
        let mut runner = Runner::new();
        runner.add("a", ReadyThenBomb(Bomb)).unwrap();
        runner.add("b", async { Ok(2) }).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 2"]);
        let mapped = map([1, 2], 1, |_| ReadyThenBomb(Bomb)).unwrap();
        assert_eq!(hows(&mapped.await), ["ok 1", "ok 1"]);
    }

    async fn a_task_that_panics_as_it_ends_has_panicked(world: World) {
        let mapped = map([true, false], 2, async |explodes| with_bomb(&world, 1, explodes).await);
        assert_eq!(hows(&mapped.unwrap().clock(world.clock()).await), ["panicked: dropped", "ok 1"]);
    }

    async fn a_stopped_task_that_panics_in_its_drop_was_stopped(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).timeout(secs(5));
        runner.add("slow", with_bomb(&world, 10, false)).unwrap();
        runner.add("fine", after(&world, secs(5), Ok(2))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["timed out after 5s", "ok 2"]);
        let mapped = map(0..2, 2, async |_| with_bomb(&world, 10, false).await);
        let results = mapped.unwrap().clock(world.clock()).task_timeout(secs(5)).await;
        assert_eq!(hows(&results), ["timed out after 5s"; 2]);
    }

    async fn tasks_that_never_started_may_panic_in_their_drop(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(5));
        runner.add("runs", pending()).unwrap();
        let never: Vec<_> = (0..3).map(|_| ReadyThenBomb(Bomb)).collect();
        for (key, task) in ["a", "b", "c"].into_iter().zip(never) {
            runner.add(key, task).unwrap();
        }
        let (fine, probe) = Probe::wrap(async { Ok(1) });
        runner.add("d", fine).unwrap();
        let report = runner.run().await;
        assert_eq!(report.counts().not_started, 4);
        assert_eq!((probe.polls(), probe.drops()), (0, 1));
    }

    async fn dropping_a_run_survives_panics_in_drops(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        runner.add(0, with_bomb(&world, 10, false)).unwrap();
        runner.add(1, probe.also(pending())).unwrap();
        runner.add(2, ReadyThenBomb(Bomb)).unwrap();
        runner.add(3, probe.also(pending())).unwrap();
        let mut run = runner.run();
        assert!((&mut run).now_or_never().is_none());
        drop(run);
        assert_eq!((probe.polls(), probe.drops()), (1, 2));
    }

    async fn a_panic_in_a_for_each_body_goes_to_the_caller(world: World) {
        let probe = Probe::new();
        let tasks = async |n: u64| probe.also(after(&world, secs(n), Ok::<_, Fault>(n))).await;
        let each = for_each(1..10, 4, tasks, async |mut done| {
            done.next().await;
            panic!("the body has had enough");
        });
        let each = each.unwrap().clock(world.clock());
        let caught = AssertUnwindSafe(each.map(|()| ())).catch_unwind().await;
        let panic = Panic::new(caught.expect_err("it panicked"));
        assert_eq!(panic.message(), "the body has had enough");
        assert_eq!(probe.alive(), 0, "its tasks are gone");
        assert!(probe.wrapped() <= 5, "nothing more was started");
    }

    async fn tasks_that_panic_as_they_are_dropped_do_not_hide_the_panic_of_the_body(world: World) {
        let driver = async {
            let tasks = async |_| with_bomb(&world, 10, false).await;
            let each = for_each(0..5, 3, tasks, async |_done| {
                world.sleep(secs(1)).await;
                panic!("the body has had enough");
            });
            each.unwrap().clock(world.clock()).await;
        };
        // The tasks are dropped while the first panic unwinds.
        let caught = AssertUnwindSafe(driver).catch_unwind().await;
        let panic = Panic::new(caught.expect_err("it panicked"));
        assert_eq!(panic.message(), "the body has had enough");
    }

    async fn an_observer_that_panics_hears_no_more_and_the_others_hear_all(world: World) {
        let (nervous, calm) = (Arc::new(Nervous::default()), Arc::new(Calm::default()));
        let mut runner = Runner::new().clock(world.clock());
        for key in 0..3 {
            runner.add(key, after(&world, secs(1), Ok(1))).unwrap();
        }
        let runner = runner.observer(nervous.clone()).observer(calm.clone());
        assert!(runner.run().await.is_ok());
        assert_eq!(nervous.0.load(Ordering::SeqCst), 3);
        assert_eq!(calm.0.load(Ordering::SeqCst), 9, "queued, started and finished, of three tasks");
    }

    async fn a_factory_that_panics_is_the_end_of_its_task(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let no_future = || -> std::future::Ready<Result<u8, Fault>> { panic!("no future") };
        for key in 0..200 {
            runner.add_retry(key, Backoff::constant(secs(1)), no_future).unwrap();
        }
        runner.add(200, after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!((report.counts().panicked, report.counts().ok), (200, 1));
        assert!(report.tasks()[..200].iter().all(|task| how(task.result()) == "panicked: no future"));
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_retry_rule_that_panics_has_no_say(world: World) {
        let rule = retry_fn(|_, _: &TaskError<Fault>| panic!("no opinion"));
        let mut runner = Runner::new().clock(world.clock());
        runner.add_retry("a", rule, || after(&world, secs(1), Err::<u8, _>("busy"))).unwrap();
        runner.add("b", after(&world, secs(2), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "ok 1"]);
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_function_that_panics_is_the_result_of_its_item(world: World) {
        let odd_ones_panic = |n: u64| {
            assert!(n.is_multiple_of(2), "odd");
            after(&world, secs(1), Ok(n))
        };
        let results = map(0..300, 2, odd_ones_panic).unwrap().clock(world.clock()).await;
        for (n, result) in results.iter().enumerate() {
            let expected = if n % 2 == 0 { format!("ok {n}") } else { "panicked: odd".into() };
            assert_eq!(how(result), expected);
        }
        assert_eq!(results.len(), 300);
    }

    async fn a_function_that_always_panics_comes_to_an_end(_world: World) {
        let results = map_ok(0..1000, 3, |_| -> std::future::Ready<()> { panic!("never") }).unwrap().await;
        assert_eq!(results.len(), 1000);
        assert!(results.iter().all(|result| matches!(result, Err(TaskError::Panicked(_)))));
    }

    async fn an_iterator_that_panics_is_the_last_result(world: World) {
        let items = (0..10_u64).inspect(|n| assert!(*n < 3, "no more items"));
        let mapped = map(items, 2, async |n| after(&world, secs(n), Ok(n)).await);
        let results = mapped.unwrap().clock(world.clock()).await;
        assert_eq!(hows(&results), ["ok 0", "ok 1", "ok 2", "panicked: no more items"]);

        let items = (0..10_u64).inspect(|n| assert!(*n < 3, "no more items"));
        let each = for_each(
            items,
            2,
            async |n| after(&world, secs(n), Ok(n)).await,
            async |mut done| {
                let mut read = Vec::new();
                while let Some((index, result)) = done.next_indexed().await {
                    read.push((index, how(&result)));
                }
                read.sort();
                read
            },
        );
        let read = each.unwrap().clock(world.clock()).await;
        let expected = ["ok 0", "ok 1", "ok 2", "panicked: no more items"].map(str::to_owned);
        assert_eq!(read, expected.into_iter().enumerate().collect::<Vec<_>>());
    }
}
