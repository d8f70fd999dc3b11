//! When a task's token is cancelled, and when it is not.

use crate::runner::handles::later;
use crate::runner::support::{Fault, ends, secs};
use regatta::{Backoff, CancelToken, Ctx, Runner, StopOn};
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::sync::{Arc, Mutex};

/// The tokens of all attempts, as they were made.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<Vec<CancelToken>>>);

impl Tokens {
    fn keep(&self, ctx: &Ctx) {
        self.0.lock().unwrap().push(ctx.token().clone());
    }

    fn cancelled(&self) -> Vec<bool> {
        self.0.lock().unwrap().iter().map(CancelToken::is_cancelled).collect()
    }
}

/// Tells, when it is dropped, whether its task had been told to stop by then.
struct ToldByThen(Ctx, Arc<Mutex<Option<bool>>>);

impl Drop for ToldByThen {
    fn drop(&mut self) {
        *self.1.lock().unwrap() = Some(self.0.is_cancelled());
    }
}

on_every_executor! {
    async fn the_token_of_a_task_that_ends_by_itself_is_not_cancelled(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::new().clock(world.clock());
        for (key, result) in [("ok", Ok(1)), ("fails", Err("no"))] {
            let (kept, inner) = (tokens.clone(), world.clone());
            runner
                .add_with(key, async move |ctx: Ctx| {
                    kept.keep(&ctx);
                    inner.sleep(secs(1)).await;
                    result
                })
                .unwrap();
        }
        let (kept, inner) = (tokens.clone(), world.clone());
        runner
            .add_with("watches", async move |_| {
                inner.sleep(secs(2)).await;
                assert_eq!(kept.cancelled(), [false; 2]);
                Ok(1)
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "failed: no", "ok 1"]);
        assert_eq!(tokens.cancelled(), [false; 2], "nor after the run");
    }

    async fn a_timeout_of_a_task_tells_its_token(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::new().clock(world.clock()).task_timeout(secs(2)).grace(secs(50));
        let kept = tokens.clone();
        runner
            .add_with("hangs", async move |ctx: Ctx| {
                kept.keep(&ctx);
                pending::<Result<u8, Fault>>().await
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["timed out after 2s"]);
        assert_eq!(report.elapsed(), secs(2), "a timeout has no grace");
        assert_eq!(tokens.cancelled(), [true]);
    }

    async fn what_an_attempt_left_elsewhere_is_told_when_its_time_is_up(world: World) {
        let mut runner = Runner::new().clock(world.clock()).attempt_timeout(secs(2));
        let (inner, stopped) = (world.clone(), Arc::new(Mutex::new(Vec::new())));
        let heard = stopped.clone();
        let make = move |ctx: Ctx| {
            let (helper, clock, heard) = (ctx.token().clone(), inner.clone(), heard.clone());
            inner.spawn(async move {
                helper.cancelled().await;
                heard.lock().unwrap().push(clock.now());
            });
            pending::<Result<u8, Fault>>()
        };
        runner.add_retry_with("a", Backoff::constant(secs(1)).times(1), make).unwrap();
        let begun = world.now();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["timed out after 2s"]);
        world.sleep(secs(1)).await;
        assert_eq!(*stopped.lock().unwrap(), [begun + secs(2), begun + secs(5)]);
    }

    async fn a_timeout_of_the_run_tells_the_tokens(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(2)).grace(secs(50));
        for key in 0..3 {
            let kept = tokens.clone();
            runner
                .add_with(key, async move |ctx: Ctx| {
                    kept.keep(&ctx);
                    pending::<Result<u8, Fault>>().await
                })
                .unwrap();
        }
        assert!(runner.run().await.timed_out());
        assert_eq!(tokens.cancelled(), [true; 3]);
    }

    async fn a_stop_rule_tells_the_tokens(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::new().clock(world.clock()).stop_on(StopOn::FirstOk);
        let kept = tokens.clone();
        runner
            .add_with("hangs", async move |ctx: Ctx| {
                kept.keep(&ctx);
                pending().await
            })
            .unwrap();
        runner.add("ok", async { Ok::<_, Fault>(1) }).unwrap();
        assert_eq!(ends(&runner.run().await), ["cancelled", "ok 1"]);
        assert_eq!(tokens.cancelled(), [true]);
    }

    async fn dropping_the_run_tells_the_tokens(world: World) {
        let tokens = Tokens::default();
        for spawned in [false, true] {
            let mut runner = Runner::new().clock(world.clock());
            let kept = tokens.clone();
            runner
                .add_with("hangs", async move |ctx: Ctx| {
                    kept.keep(&ctx);
                    pending::<Result<u8, Fault>>().await
                })
                .unwrap();
            let run: futures::future::LocalBoxFuture<'_, _> = match spawned {
                true => Box::pin(runner.spawn_on(world.executor())),
                false => Box::pin(runner.run()),
            };
            let left = futures::future::select(run, world.sleep(secs(1))).await;
            assert!(matches!(left, futures::future::Either::Right(_)));
        }
        assert_eq!(tokens.cancelled(), [true; 2]);
    }

    async fn a_task_that_is_dropped_has_been_told(world: World) {
        let told = Arc::new(Mutex::new(None));
        let mut runner = Runner::new().clock(world.clock()).grace(secs(1));
        let heard = told.clone();
        runner
            .add_with("hangs", async move |ctx: Ctx| {
                let _guard = ToldByThen(ctx, heard);
                pending::<Result<u8, Fault>>().await
            })
            .unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("hangs"));
        });
        assert_eq!(ends(&runner.run().await), ["cancelled"]);
        assert_eq!(*told.lock().unwrap(), Some(true));
    }

    async fn a_panic_tells_what_the_attempt_left_elsewhere(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::<_, u8, Fault>::new().clock(world.clock());
        let kept = tokens.clone();
        runner
            .add_with("panics", async move |ctx: Ctx| {
                kept.keep(&ctx);
                panic!("overboard")
            })
            .unwrap();
        assert_eq!(ends(&runner.run().await), ["panicked: overboard"]);
        assert_eq!(tokens.cancelled(), [true]);
    }

    async fn a_task_that_cancels_its_own_token_stops_nobody_else(world: World) {
        let tokens = Tokens::default();
        let mut runner = Runner::new().clock(world.clock());
        runner
            .add_with("itself", async |ctx: Ctx| {
                ctx.token().cancel();
                ctx.cancelled().await;
                Ok::<_, Fault>(1)
            })
            .unwrap();
        let (kept, inner) = (tokens.clone(), world.clone());
        runner
            .add_with("other", async move |ctx: Ctx| {
                kept.keep(&ctx);
                inner.sleep(secs(1)).await;
                Ok(2)
            })
            .unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 2"]);
        assert_eq!(tokens.cancelled(), [false]);
    }
}
