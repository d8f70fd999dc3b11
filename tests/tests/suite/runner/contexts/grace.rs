//! A task that is told to stop cleans up within the grace, and what it returns by then counts.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{CancelToken, Ctx, Runner, StopReason};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::time::Duration;

/// Waits until it is told to stop, and cleans up for so long.
fn cleans_up(
    world: &World,
    cleaning: Duration,
    cleaned: &Gauge,
) -> impl FnOnce(Ctx) -> regatta::BoxFuture<'static, Result<&'static str, Fault>> + Clone + Send + 'static + use<>
{
    let (world, cleaned) = (world.clone(), cleaned.clone());
    move |ctx| {
        Box::pin(async move {
            ctx.cancelled().await;
            assert!(ctx.is_cancelled());
            world.sleep(cleaning).await;
            cleaned.pass();
            Ok("cleaned up")
        })
    }
}

/// A run with a grace of five seconds, and the token that cancels it after one.
fn stopped_after_one(world: &World) -> Runner<'static, &'static str, &'static str, Fault> {
    let token = CancelToken::new();
    let runner = Runner::new().clock(world.clock()).grace(secs(5)).cancel_on(&token);
    later(world, secs(1), move || token.cancel());
    runner
}

on_every_executor! {
    async fn a_clean_up_that_waits_itself_fits_into_the_grace(world: World) {
        let cleaned = Gauge::default();
        let mut runner = stopped_after_one(&world);
        runner.add_with("a", cleans_up(&world, secs(3), &cleaned)).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), [r#"ok "cleaned up""#]);
        assert_eq!((cleaned.entered(), report.elapsed()), (1, secs(4)));
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn a_clean_up_on_an_executor_fits_into_the_grace(world: World) {
        let cleaned = Gauge::default();
        let mut runner = stopped_after_one(&world);
        runner.add_with("a", cleans_up(&world, secs(3), &cleaned)).unwrap();
        runner.add_with("b", cleans_up(&world, secs(4), &cleaned)).unwrap();
        runner.add_with("c", cleans_up(&world, secs(6), &cleaned)).unwrap();
        let report = runner.spawn_on(world.executor()).await;
        assert_eq!(ends(&report), [r#"ok "cleaned up""#, r#"ok "cleaned up""#, "cancelled"]);
        assert_eq!((cleaned.entered(), report.elapsed()), (2, secs(6)));
    }

    async fn a_clean_up_that_takes_longer_is_cut_off(world: World) {
        let (cleaned, probe) = (Gauge::default(), Probe::new());
        let mut runner = stopped_after_one(&world);
        let (make, watch) = (cleans_up(&world, secs(6), &cleaned), probe.clone());
        runner.add_with("a", move |ctx| watch.also(make(ctx))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled"]);
        assert_eq!((cleaned.entered(), report.elapsed()), (0, secs(6)));
        assert_eq!((probe.drops(), probe.ended()), (1, 0));
    }

    async fn a_failure_within_the_grace_counts_and_is_not_retried(world: World) {
        let tries = Gauge::default();
        let counter = tries.clone();
        let mut runner = stopped_after_one(&world);
        runner
            .add_retry_with("a", regatta::Backoff::constant(secs(0)), move |ctx: Ctx| {
                counter.pass();
                async move {
                    ctx.cancelled().await;
                    Err("stopped half-way")
                }
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: stopped half-way"]);
        assert_eq!((tries.entered(), report.elapsed()), (1, secs(1)));
    }

    async fn without_a_grace_there_is_no_clean_up(world: World) {
        let cleaned = Gauge::default();
        let mut runner = stopped_after_one(&world).grace(Duration::ZERO);
        runner.add_with("a", cleans_up(&world, Duration::ZERO, &cleaned)).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled"]);
        assert_eq!((cleaned.entered(), report.elapsed()), (0, secs(1)));
    }

    async fn a_cancel_by_key_tells_that_task_alone(world: World) {
        let cleaned = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).grace(secs(5));
        runner.add_with("told", cleans_up(&world, secs(2), &cleaned)).unwrap();
        let inner = world.clone();
        runner
            .add_with("not told", async move |ctx: Ctx| {
                inner.sleep(secs(20)).await;
                assert!(!ctx.is_cancelled());
                Ok("undisturbed")
            })
            .unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("told"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), [r#"ok "cleaned up""#, r#"ok "undisturbed""#]);
        assert_eq!(report.by_completion()[0].elapsed(), Some(secs(3)));
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_cancel_by_key_in_the_grace_of_the_run_prolongs_nothing(world: World) {
        let mut runner = stopped_after_one(&world);
        runner.add_with("a", async |_: Ctx| pending().await).unwrap();
        let handle = runner.handle();
        later(&world, secs(3), move || {
            assert!(handle.cancel("a"), "it was told before, and has not ended");
        });
        let report = runner.run().await;
        assert_eq!((ends(&report), report.elapsed()), (vec!["cancelled".to_owned()], secs(6)));
    }

    async fn a_stop_by_handle_has_the_grace_too(world: World) {
        let cleaned = Gauge::default();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).grace(secs(5));
        runner.add_with("a", cleans_up(&world, secs(2), &cleaned)).unwrap();
        runner.add("b", owned(&world, secs(3), Ok("by itself"))).unwrap();
        runner.add_with("c", cleans_up(&world, secs(2), &cleaned)).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || handle.stop());
        let report = runner.run().await;
        let expected = [r#"ok "cleaned up""#, r#"ok "by itself""#, "not started: it was cancelled first"];
        assert_eq!(ends(&report), expected);
        assert_eq!((cleaned.entered(), report.elapsed()), (1, secs(3)));
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn a_task_that_looks_only_now_and_then_stops_too(world: World) {
        let mut runner = stopped_after_one(&world);
        let inner = world.clone();
        runner
            .add_with("loop", async move |ctx: Ctx| {
                while !ctx.is_cancelled() {
                    inner.sleep(secs(2)).await;
                }
                Ok("stopped")
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!((ends(&report), report.elapsed()), (vec![r#"ok "stopped""#.to_owned()], secs(2)));
    }

    async fn a_hundred_tasks_clean_up_at_once(world: World) {
        let cleaned = Gauge::default();
        let token = CancelToken::new();
        let mut runner = Runner::new().unlimited().clock(world.clock()).grace(secs(5)).cancel_on(&token);
        for key in 0..100 {
            runner.add_with(key, cleans_up(&world, secs(2), &cleaned)).unwrap();
        }
        later(&world, secs(1), move || token.cancel());
        let report = runner.run().await;
        assert_eq!((report.counts().ok, cleaned.entered(), report.elapsed()), (100, 100, secs(3)));
    }
}
