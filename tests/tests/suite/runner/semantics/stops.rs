//! Stop rules: when a run ends before all its tasks have.

use crate::runner::support::{Fault, Gauge, after, ends, how, hows, secs};
use regatta::{Backoff, Runner, StopOn, StopReason, for_each, map};
use regatta_tests::{World, on_every_executor};
use std::future::pending;

const STOPPED: &str = "not started: the run was stopped by its stop rule";

/// Two at a time: fails at 1 s, succeeds at 2 s, fails at 2 s, would end at 12 s, waits.
fn mixed(world: &World, rule: StopOn) -> Runner<'_, u8, u8, Fault> {
    let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).stop_on(rule);
    let tasks = [(1, Err("one")), (2, Ok(1)), (1, Err("two")), (10, Ok(1)), (10, Ok(1))];
    for (key, (seconds, result)) in (0..).zip(tasks) {
        runner.add(key, after(world, secs(seconds), result)).unwrap();
    }
    runner
}

on_every_executor! {
    async fn never_means_that_all_is_collected(world: World) {
        let report = mixed(&world, StopOn::Never).run().await;
        assert_eq!(ends(&report), ["failed: one", "ok 1", "failed: two", "ok 1", "ok 1"]);
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn the_first_error_stops_the_run(world: World) {
        let report = mixed(&world, StopOn::FirstError).run().await;
        assert_eq!(ends(&report), ["failed: one", "cancelled", STOPPED, STOPPED, STOPPED]);
        assert!(matches!(report.stopped(), StopReason::StopRule));
        assert_eq!(report.elapsed(), secs(1));
    }

    async fn the_second_failure_stops_the_run(world: World) {
        let report = mixed(&world, StopOn::failures(2).unwrap()).run().await;
        assert_eq!(ends(&report), ["failed: one", "ok 1", "failed: two", STOPPED, STOPPED]);
        assert_eq!(report.elapsed(), secs(2));
    }

    async fn the_first_success_stops_the_run(world: World) {
        let report = mixed(&world, StopOn::FirstOk).run().await;
        // Both that end at 2 s count; nothing starts in their places.
        assert_eq!(ends(&report), ["failed: one", "ok 1", "failed: two", STOPPED, STOPPED]);
        assert_eq!(report.elapsed(), secs(2));
    }

    async fn a_rule_that_is_never_met_stops_nothing(world: World) {
        let report = mixed(&world, StopOn::failures(3).unwrap()).run().await;
        assert_eq!(report.counts().not_started, 0);
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn panics_and_timeouts_count_as_failures(world: World) {
        let rule = StopOn::failures(2).unwrap();
        let mut runner =
            Runner::new().limit(2).unwrap().clock(world.clock()).stop_on(rule).task_timeout(secs(3));
        runner.add("hangs", pending::<Result<u8, Fault>>()).unwrap();
        runner.add("panics", async { panic!("overboard") }).unwrap();
        runner.add("is stopped", after(&world, secs(3), Ok(1))).unwrap();
        runner.add("never starts", after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        // The third ends at the moment in which the rule is met, and still counts.
        assert_eq!(ends(&report), ["timed out after 3s", "panicked: overboard", "ok 1", STOPPED]);
    }

    async fn nothing_starts_after_a_task_that_fails_at_once(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(10).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        for key in 0..6 {
            let gauge = &gauge;
            runner
                .add(key, async move {
                    let _inside = gauge.enter();
                    if key == 2 { Err("at once") } else { Ok(key) }
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 0", "ok 1", "failed: at once", STOPPED, STOPPED, STOPPED]);
        assert_eq!(gauge.entered(), 3);
    }

    async fn a_failure_that_is_retried_does_not_count(world: World) {
        let tries = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).stop_on(StopOn::FirstError);
        let third_time_lucky = || async {
            let _inside = tries.enter();
            if tries.entered() < 3 { Err("busy") } else { Ok(1) }
        };
        runner.add_retry("a", Backoff::constant(secs(1)), third_time_lucky).unwrap();
        runner.add("b", after(&world, secs(5), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 1"]);
    }

    async fn a_task_that_pauses_when_the_run_stops_keeps_its_last_failure(world: World) {
        let mut runner = Runner::new().clock(world.clock()).stop_on(StopOn::FirstOk);
        runner.add_retry("a", Backoff::constant(secs(10)), || after(&world, secs(1), Err("busy"))).unwrap();
        runner.add("b", after(&world, secs(5), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "ok 1"]);
        assert_eq!(report.task("a").unwrap().attempts(), 1);
        assert!(report.task("a").unwrap().retried().is_empty(), "the last failure is the result");
    }

    async fn a_map_stops_at_its_rule(world: World) {
        let mapped = map(0..5, 2, async |n: u64| {
            let result = if n == 1 { Err("one") } else { Ok(n) };
            after(&world, secs(n), result).await
        });
        let results = mapped.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await;
        assert_eq!(hows(&results), ["ok 0", "failed: one", "cancelled", STOPPED, STOPPED]);
    }

    async fn a_for_each_stops_at_its_rule(world: World) {
        let fails_at_one = async |n: u64| {
            let result = if n == 1 { Err("one") } else { Ok(n) };
            after(&world, secs(n), result).await
        };
        let each = for_each(0..5, 2, fails_at_one, async |mut done| {
            let mut read = Vec::new();
            while let Some((index, result)) = done.next_indexed().await {
                read.push((index, how(&result)));
            }
            (read, done.is_complete())
        });
        let (read, complete) = each.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await;
        let expected = [(0, "ok 0"), (1, "failed: one"), (2, "cancelled")];
        assert_eq!(read, expected.map(|(index, text)| (index, text.to_owned())));
        assert!(!complete);
    }
}
