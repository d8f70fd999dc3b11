//! Cancelling from outside, with and without grace.

use crate::runner::support::{Fault, Gauge, after, ends, how, hows, secs};
use regatta::{Backoff, CancelToken, Runner, StopOn, StopReason, for_each, map};
use regatta_tests::{World, on_every_executor};
use std::time::Duration;

const NEVER: &str = "not started: it was cancelled first";

/// Cancels the token after so many seconds.
fn cancel_after(world: &World, seconds: u64, token: &CancelToken) {
    let (inner, token) = (world.clone(), token.clone());
    world.spawn(async move {
        inner.sleep(secs(seconds)).await;
        token.cancel();
    });
}

/// Three at a time: they end at 1, 4 and 9 s; the fourth starts at 1 s and ends at 5 s; the fifth starts at 4 s.
fn five<'a>(world: &'a World, token: &CancelToken) -> Runner<'a, u8, u8, Fault> {
    let mut runner = Runner::new().limit(3).unwrap().clock(world.clock()).cancel_on(token);
    for (key, seconds) in (0..).zip([1, 4, 9, 4, 1]) {
        runner.add(key, after(world, secs(seconds), Ok(1))).unwrap();
    }
    runner
}

on_every_executor! {
    async fn a_cancel_drops_what_runs_and_keeps_what_is_finished(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let report = five(&world, &token).run().await;
        assert_eq!(ends(&report), ["ok 1", "cancelled", "cancelled", "cancelled", NEVER]);
        assert!(matches!(report.stopped(), StopReason::Cancelled));
        assert!(!report.timed_out(), "a cancel is not a timeout");
        assert_eq!(report.elapsed(), secs(2));
    }

    async fn what_ends_within_the_grace_keeps_its_result(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let report = five(&world, &token).grace(secs(3)).run().await;
        // At 4 s a slot is free, but nothing more starts; the end at 5 s is just in time.
        assert_eq!(ends(&report), ["ok 1", "ok 1", "cancelled", "ok 1", NEVER]);
        assert_eq!(report.elapsed(), secs(5));
    }

    async fn a_long_grace_ends_with_the_last_task(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let report = five(&world, &token).grace(secs(3600)).run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 1", "ok 1", "ok 1", NEVER]);
        assert_eq!(report.elapsed(), secs(9));
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn the_grace_does_not_outlast_the_run(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let report = five(&world, &token).grace(secs(3600)).timeout(secs(4)).run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 1", "cancelled", "cancelled", NEVER]);
        assert_eq!(report.elapsed(), secs(4));
    }

    async fn a_failure_within_the_grace_is_not_retried(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token).grace(secs(10));
        runner
            .add_retry("a", Backoff::constant(secs(1)), || after(&world, secs(3), Err::<u8, _>("busy")))
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy"]);
        assert_eq!((report.tasks()[0].attempts(), report.elapsed()), (1, secs(3)));
    }

    async fn a_stop_rule_ends_the_grace(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token).grace(secs(10));
        runner = runner.stop_on(StopOn::FirstError);
        runner.add("a", after(&world, secs(3), Err("no"))).unwrap();
        runner.add("b", after(&world, secs(5), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: no", "cancelled"]);
        assert_eq!(report.elapsed(), secs(3));
    }

    async fn a_cancel_before_the_run_starts_nothing(world: World) {
        let token = CancelToken::new();
        token.cancel();
        let gauge = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token).grace(secs(9));
        runner.add("a", async { Ok::<_, Fault>(gauge.pass()) }).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), [NEVER]);
        assert_eq!((gauge.entered(), report.elapsed()), (0, Duration::ZERO));
        let mapped = map([1, 2], 2, async |_| Ok::<_, Fault>(gauge.pass()));
        assert_eq!(hows(&mapped.unwrap().clock(world.clock()).cancel_on(&token).await), [NEVER; 2]);
        assert_eq!(gauge.entered(), 0);
    }

    async fn a_parent_cancels_the_runs_of_its_children(world: World) {
        let parent = CancelToken::new();
        let (first, second) = (parent.child(), parent.child());
        cancel_after(&world, 2, &parent);
        let (a, b) = futures::join!(five(&world, &first).run(), five(&world, &second).run());
        assert_eq!(ends(&a), ends(&b));
        assert_eq!(a.counts().cancelled, 3);
    }

    async fn a_cancel_after_the_end_changes_nothing(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 20, &token);
        let report = five(&world, &token).run().await;
        assert!(report.is_ok());
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_task_may_cancel_its_own_run(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).cancel_on(&token);
        runner
            .add("cancels", async {
                world.sleep(secs(1)).await;
                token.cancel();
                Ok::<_, Fault>(1)
            })
            .unwrap();
        runner.add("runs", after(&world, secs(5), Ok(1))).unwrap();
        runner.add("waits", after(&world, secs(5), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(report.elapsed(), secs(1));
        assert_eq!(how(report.get("cancels").unwrap()), "ok 1");
        assert_eq!(how(report.get("runs").unwrap()), "cancelled");
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    async fn a_map_is_cancelled_with_grace(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let mapped = map([1, 4, 9, 4, 1], 3, async |s| after(&world, secs(s), Ok(s)).await);
        let results = mapped.unwrap().clock(world.clock()).cancel_on(&token).grace(secs(3)).await;
        assert_eq!(hows(&results), ["ok 1", "ok 4", "cancelled", "ok 4", NEVER]);
    }

    async fn a_for_each_is_cancelled_with_grace_and_its_body_reads_on(world: World) {
        let token = CancelToken::new();
        cancel_after(&world, 2, &token);
        let seconds = async |s| after(&world, secs(s), Ok(s)).await;
        let each = for_each([1, 4, 9, 4, 1], 3, seconds, async |mut done| {
            let mut read = Vec::new();
            while let Some((index, result)) = done.next_indexed().await {
                read.push((index, how(&result)));
            }
            (read, done.is_complete())
        });
        let (read, complete) = each.unwrap().clock(world.clock()).cancel_on(&token).grace(secs(3)).await;
        let expected = [(0, "ok 1"), (1, "ok 4"), (3, "ok 4"), (2, "cancelled")];
        assert_eq!(read, expected.map(|(index, text)| (index, text.to_owned())));
        assert!(!complete);
    }
}
