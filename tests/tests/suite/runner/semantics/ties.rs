//! What happens at the same moment: completion comes first.

use crate::runner::support::{Fault, after, ends, hows, secs};
use regatta::{CancelToken, Report, Runner, StopOn, StopReason, for_each, map};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn completion_beats_the_end_of_the_run(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(5));
        runner.add("just in time", after(&world, secs(5), Ok(1))).unwrap();
        runner.add("too late", after(&world, secs(6), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "timed out after 5s"]);
    }

    async fn a_run_that_is_finished_at_its_deadline_has_not_timed_out(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(5));
        runner.add("a", after(&world, secs(5), Ok(1))).unwrap();
        let report = runner.run().await;
        assert!(report.is_ok() && !report.timed_out());
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn completion_beats_the_deadline_of_the_task(world: World) {
        let items = [5, 6, 5];
        let mapped = map(items, 3, async |s| after(&world, secs(s), Ok(s)).await);
        let results = mapped.unwrap().clock(world.clock()).task_timeout(secs(5)).await;
        assert_eq!(hows(&results), ["ok 5", "timed out after 5s", "ok 5"]);
    }

    async fn completion_beats_the_cancel(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token);
        runner.add("just in time", after(&world, secs(5), Ok(1))).unwrap();
        runner.add("too late", after(&world, secs(6), Ok(1))).unwrap();
        let (clock, canceller) = (world.clone(), token.clone());
        world.spawn(async move {
            clock.sleep(secs(5)).await;
            canceller.cancel();
        });
        assert_eq!(ends(&runner.run().await), ["ok 1", "cancelled"]);
    }

    async fn a_run_that_is_finished_when_it_is_cancelled_was_not_cancelled(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token);
        runner.add_ok("a", async { token.cancel() }).unwrap();
        let report: Report<_, _, Fault> = runner.run().await;
        assert!(report.is_ok());
        assert!(matches!(report.stopped(), StopReason::Completed));
        let empty = Runner::<u8, u8, Fault>::new().cancel_on(&token).run().await;
        assert!(matches!(empty.stopped(), StopReason::Completed));
    }

    async fn all_that_end_at_once_are_recorded_before_the_stop_rule_acts(world: World) {
        let mut runner = Runner::new().limit(4).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        runner.add("a", after(&world, secs(1), Err("first"))).unwrap();
        runner.add("b", after(&world, secs(1), Err("second"))).unwrap();
        runner.add("c", after(&world, secs(1), Ok(1))).unwrap();
        runner.add("d", after(&world, secs(2), Ok(1))).unwrap();
        runner.add("e", after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        let stopped = "not started: the run was stopped by its stop rule";
        assert_eq!(ends(&report), ["failed: first", "failed: second", "ok 1", "cancelled", stopped]);
        assert!(matches!(report.stopped(), StopReason::StopRule));
        assert_eq!(report.elapsed(), secs(1));
    }

    /// More than one pass polls.
    async fn a_thousand_that_end_at_the_deadline_are_all_in_time(world: World) {
        let mut runner = Runner::new().unlimited().clock(world.clock()).timeout(secs(5));
        for key in 0..1000 {
            runner.add(key, after(&world, secs(5), Ok(1))).unwrap();
        }
        let report = runner.run().await;
        assert!(report.is_ok() && !report.timed_out());
        let mapped = map(0..1000, 1000, async |_| after(&world, secs(5), Ok(1)).await);
        let results = mapped.unwrap().clock(world.clock()).task_timeout(secs(5)).await;
        assert!(results.iter().all(Result::is_ok));
    }

    async fn a_for_each_that_is_finished_at_its_deadline_is_complete(world: World) {
        let each = for_each(
            0..3,
            3,
            async |_| after(&world, secs(5), Ok(1)).await,
            async |mut done| {
                let mut read = 0;
                while let Some(result) = done.next().await {
                    read += result.unwrap();
                }
                (read, done.is_complete())
            },
        );
        assert_eq!(each.unwrap().clock(world.clock()).timeout(secs(5)).await, (3, true));
    }

    async fn a_for_each_whose_last_item_meets_the_stop_rule_is_complete(world: World) {
        let last_fails = async |n: u64| {
            let result: Result<u64, Fault> = if n == 2 { Err("last") } else { Ok(n) };
            after(&world, secs(n), result).await
        };
        let each = for_each(0..3, 1, last_fails, async |mut done| {
            let mut read = 0;
            while done.next().await.is_some() {
                read += 1;
            }
            (read, done.is_complete())
        });
        assert_eq!(each.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await, (3, true));
    }
}
