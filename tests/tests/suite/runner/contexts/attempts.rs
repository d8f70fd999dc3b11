//! Factories are called when their task starts, once per attempt, and are told which attempt it is.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{Backoff, Ctx, Runner, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};

on_every_executor! {
    async fn attempts_are_numbered_from_one(world: World) {
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let seen = numbers.clone();
        let mut runner = Runner::new().clock(world.clock());
        let make = move |ctx: Ctx| async move {
            seen.lock().unwrap().push(ctx.attempt());
            if ctx.attempt() < 3 { Err("busy") } else { Ok(ctx.attempt()) }
        };
        runner.add_retry_with("a", Backoff::constant(secs(1)).times(5), make).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 3"]);
        assert_eq!(*numbers.lock().unwrap(), [1, 2, 3]);
    }

    async fn a_task_without_retries_has_one_attempt(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add_with("a", async |ctx: Ctx| Err::<u8, _>(format!("attempt {}", ctx.attempt()))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: attempt 1"]);
        assert_eq!(report.tasks()[0].attempts(), 1);
    }

    async fn a_factory_is_not_called_before_its_task_starts(world: World) {
        let made = Gauge::default();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..3 {
            let (made, inner) = (made.clone(), world.clone());
            runner
                .add_with(key, move |_| {
                    made.pass();
                    owned(&inner, secs(1), Ok(made.entered()))
                })
                .unwrap();
        }
        let (made_later, inner) = (made.clone(), world.clone());
        let watch = async {
            for second in 1..=3 {
                world.sleep(secs(1) / 2).await;
                assert_eq!(made_later.entered(), second);
                world.sleep(secs(1) / 2).await;
            }
        };
        assert_eq!(made.entered(), 0);
        let (report, ()) = futures::join!(runner.run(), watch);
        assert_eq!(ends(&report), ["ok 1", "ok 2", "ok 3"]);
        drop(inner);
    }

    async fn a_factory_whose_task_never_starts_is_dropped_and_never_called(world: World) {
        let guard = Arc::new(());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(1));
        runner.add("long", owned(&world, secs(9), Ok(1))).unwrap();
        let inside = guard.clone();
        runner
            .add_with("never", move |_| {
                let _inside = inside;
                async { panic!("it was called") }
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["timed out after 1s", "not started: the run's time was up"]);
        assert_eq!(Arc::strong_count(&guard), 1);
    }

    async fn a_factory_that_panics_is_a_panic_of_its_task(world: World) {
        let mut runner = Runner::<_, u8, Fault>::new().limit(1).unwrap().clock(world.clock());
        let tries = Gauge::default();
        let counter = tries.clone();
        runner
            .add_with("once", |_| -> std::future::Ready<Result<u8, Fault>> { panic!("no task today") })
            .unwrap();
        let rule = retry_fn(|attempts, error: &TaskError<Fault>| {
            matches!(error, TaskError::Panicked(_)).then_some(secs(u64::from(attempts)))
        });
        let inner = world.clone();
        runner
            .add_retry_with("again", rule, move |ctx: Ctx| {
                counter.pass();
                assert_eq!(ctx.attempt(), 3, "not yet");
                owned(&inner, secs(1), Ok(3))
            })
            .unwrap();
        runner.add("other", owned(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["panicked: no task today", "ok 3", "ok 1"]);
        assert_eq!((tries.entered(), report.task("again").unwrap().attempts()), (3, 3));
    }

    async fn a_factory_may_borrow(world: World) {
        let text = String::from("borrowed");
        let text = &text;
        let mut runner = Runner::new().clock(world.clock());
        runner.add_with("a", async move |_| Ok::<_, Fault>(text.len())).unwrap();
        runner.add_retry_with("b", Backoff::constant(secs(1)), async move |_| Ok(text.as_str().len() + 1)).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 8", "ok 9"]);
    }

    async fn each_attempt_has_a_token_of_its_own(world: World) {
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let kept = tokens.clone();
        let mut runner = Runner::new().clock(world.clock());
        let inner = world.clone();
        let make = move |ctx: Ctx| async move {
            // The first attempt cancels its own; that doesn't reach the second.
            assert!(!ctx.is_cancelled());
            ctx.token().cancel();
            kept.lock().unwrap().push(ctx.token().clone());
            inner.sleep(secs(1)).await;
            Err::<u8, _>("busy")
        };
        runner.add_retry_with("a", Backoff::constant(secs(1)).times(2), make).unwrap();
        assert_eq!(ends(&runner.run().await), ["failed: busy"]);
        assert_eq!(tokens.lock().unwrap().len(), 3);
    }
}
