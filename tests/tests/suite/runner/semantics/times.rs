//! Timeouts of the run, of a task, of an attempt; and the deadline.

use crate::runner::support::{Fault, Gauge, after, ends, hows, millis, secs};
use regatta::{Backoff, CancelToken, Report, Runner, StopReason, TaskError, Time, for_each, map};
use regatta_tests::{ManualClock, World, on_every_executor};
use std::future::pending;
use std::time::Duration;

/// Two at a time: at 5 s two have ended, two run, and one has never started.
fn five(world: &World) -> Runner<'_, &'static str, u8, Fault> {
    let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
    for (key, seconds) in [("quick", 1), ("slow", 10), ("second", 1), ("stuck", 100), ("last", 1)] {
        runner.add(key, after(world, secs(seconds), Ok(1))).unwrap();
    }
    runner
}

const AFTER_FIVE_SECONDS: [&str; 5] =
    ["ok 1", "timed out after 5s", "ok 1", "timed out after 5s", "not started: the run's time was up"];

fn assert_stopped_after_five_seconds(report: &Report<&str, u8, Fault>) {
    assert_eq!(ends(report), AFTER_FIVE_SECONDS);
    assert!(report.timed_out() && !report.is_ok());
    assert!(matches!(report.stopped(), StopReason::TimedOut));
    assert_eq!(report.elapsed(), secs(5));
}

/// Each ended like this; shows the first that did not.
fn assert_all(expected: &str, results: &[Result<u8, TaskError<Fault>>]) {
    let other = hows(results).into_iter().find(|how| how != expected);
    assert_eq!(other, None);
    assert_eq!(results.len(), 300);
}

on_every_executor! {
    async fn a_timeout_keeps_what_is_finished_and_names_every_key(world: World) {
        assert_stopped_after_five_seconds(&five(&world).timeout(secs(5)).run().await);
    }

    async fn a_deadline_is_a_timeout_at_an_instant(world: World) {
        let deadline = world.now() + secs(5);
        assert_stopped_after_five_seconds(&five(&world).deadline(deadline).run().await);
    }

    async fn of_timeout_and_deadline_the_earlier_counts(world: World) {
        let late = world.now() + secs(50);
        assert_stopped_after_five_seconds(&five(&world).timeout(secs(5)).deadline(late).run().await);
        let early = world.now() + secs(5);
        assert_stopped_after_five_seconds(&five(&world).timeout(secs(50)).deadline(early).run().await);
    }

    async fn a_timeout_counts_from_the_first_poll(world: World) {
        let run = five(&world).timeout(secs(5)).run();
        world.sleep(secs(60)).await;
        assert_stopped_after_five_seconds(&run.await);
    }

    async fn a_deadline_in_the_past_starts_nothing(world: World) {
        let report = five(&world).deadline(Time::ZERO).run().await;
        assert_eq!(ends(&report), ["not started: the run's time was up"; 5]);
        assert!(report.timed_out());
        assert_eq!(report.elapsed(), Duration::ZERO);
    }

    async fn a_zero_timeout_is_legal_and_starts_nothing(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).timeout(Duration::ZERO);
        runner.add_ok("a", async { drop(gauge.enter()) }).unwrap();
        let report: Report<_, _, Fault> = runner.run().await;
        assert_eq!(ends(&report), ["not started: the run's time was up"]);
        assert!(report.timed_out());

        let mapped = map([1, 2], 8, async |_| Ok::<_, Fault>(gauge.pass()));
        let results = mapped.unwrap().clock(world.clock()).timeout(Duration::ZERO).await;
        assert_eq!(hows(&results), ["not started: the run's time was up"; 2]);

        let each = for_each(
            [1, 2],
            8,
            async |_| Ok::<_, Fault>(gauge.pass()),
            async |mut done| (done.next().await.is_none(), done.is_complete()),
        );
        assert_eq!(each.unwrap().clock(world.clock()).timeout(Duration::ZERO).await, (true, false));
        assert_eq!(gauge.entered(), 0);
    }

    async fn a_map_times_out_item_by_item(world: World) {
        let items = [1, 10, 1, 100, 1];
        let mapped = map(items, 2, async |seconds| after(&world, secs(seconds), Ok(1)).await);
        let results = mapped.unwrap().clock(world.clock()).timeout(secs(5)).await;
        assert_eq!(hows(&results), AFTER_FIVE_SECONDS);
    }

    async fn a_for_each_hands_out_what_the_timeout_has_stopped_and_ends(world: World) {
        let items = [1, 10, 1, 100, 1];
        let each = for_each(
            items,
            2,
            async |s| after(&world, secs(s), Ok(1)).await,
            async |mut done| {
                let mut read = Vec::new();
                while let Some((index, result)) = done.next_indexed().await {
                    read.push((index, crate::runner::support::how(&result)));
                }
                read.sort();
                (read, done.is_complete())
            },
        );
        let (read, complete) = each.unwrap().clock(world.clock()).timeout(secs(5)).await;
        let expected: Vec<_> =
            AFTER_FIVE_SECONDS.map(str::to_owned).into_iter().enumerate().take(4).collect();
        assert_eq!(read, expected);
        assert!(!complete, "one item was never run");
    }

    async fn a_task_timeout_counts_from_the_start_of_the_task(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).task_timeout(secs(3));
        for (key, seconds) in [("a", 2), ("b", 2), ("late", 4), ("c", 2)] {
            runner.add(key, after(&world, secs(seconds), Ok(0))).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 0", "ok 0", "timed out after 3s", "ok 0"]);
        assert!(!report.timed_out(), "a task's time was up, not the run's");
        assert!(matches!(report.stopped(), StopReason::Completed));
        assert_eq!(report.elapsed(), secs(9));
    }

    async fn a_task_timeout_holds_in_map_and_for_each(world: World) {
        let seconds = async |s: u64| after(&world, secs(s), Ok(s)).await;
        let expected = ["ok 2", "timed out after 3s", "ok 1"];
        let mapped = map([2, 9, 1], 1, seconds).unwrap().clock(world.clock()).task_timeout(secs(3));
        assert_eq!(hows(&mapped.await), expected);
        let each = for_each([2, 9, 1], 1, seconds, async |mut done| {
            let mut read = Vec::new();
            while let Some(result) = done.next().await {
                read.push(result);
            }
            read
        });
        let read = each.unwrap().clock(world.clock()).task_timeout(secs(3)).await;
        assert_eq!(hows(&read), expected);
    }

    async fn an_attempt_timeout_ends_the_attempt_and_a_retry_follows(world: World) {
        let tries = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).attempt_timeout(secs(2));
        let hangs_once = || async {
            let _inside = tries.enter();
            match tries.entered() {
                1 => pending().await,
                n => after(&world, secs(1), Ok(n)).await,
            }
        };
        runner.add_retry("hangs once", Backoff::constant(secs(1)), hangs_once).unwrap();
        runner.add("hangs", pending()).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 2", "timed out after 2s"]);
        let task = report.task("hangs once").unwrap();
        assert_eq!(task.attempts(), 2);
        assert_eq!(task.elapsed(), Some(secs(4)), "2 s, the pause of 1 s, 1 s");
        assert_eq!(
            task.retried().iter().map(|attempt| attempt.error().to_string()).collect::<Vec<_>>(),
            ["timed out after 2s"]
        );
    }

    async fn a_task_timeout_covers_all_attempts_and_pauses(world: World) {
        let mut runner = Runner::new().clock(world.clock()).attempt_timeout(secs(2)).task_timeout(secs(7));
        runner.add_retry("a", Backoff::constant(secs(1)).forever(), pending::<Result<u8, Fault>>).unwrap();
        let report = runner.run().await;
        let task = report.task("a").unwrap();
        // Attempts at 0, 3 and 6 s; the last is stopped by the task's own end.
        assert_eq!((task.attempts(), task.elapsed()), (3, Some(secs(7))));
        assert_eq!(ends(&report), ["timed out after 7s"]);
    }

    async fn a_task_without_time_still_gets_one_poll(world: World) {
        let mut runner = Runner::new().clock(world.clock()).task_timeout(Duration::ZERO);
        runner.add("ready", async { Ok::<_, Fault>(1) }).unwrap();
        runner.add("waits", after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "timed out after 0ns"]);
        assert_eq!(report.elapsed(), Duration::ZERO);
    }

    /// More tasks than one pass polls, all of them always ready; each poll takes a millisecond.
    async fn busy_tasks_do_not_hold_up_what_is_due(world: World) {
        let busy = async || -> Result<u8, Fault> {
            loop {
                world.clock.advance(millis(1));
                world.yield_now().await;
            }
        };
        let by_timeout = map(0..300, 300, async |_| busy().await).unwrap().timeout(secs(3));
        assert_all("timed out after 3s", &by_timeout.clock(world.clock()).await);
        let by_task_timeout = map(0..300, 300, async |_| busy().await).unwrap().task_timeout(secs(3));
        assert_all("timed out after 3s", &by_task_timeout.clock(world.clock()).await);
        let token = CancelToken::new();
        let last_cancels = async |n| {
            if n == 299 {
                token.cancel();
            }
            busy().await
        };
        let by_cancel = map(0..300, 300, last_cancels).unwrap().cancel_on(&token);
        assert_all("cancelled", &by_cancel.clock(world.clock()).await);
        assert!(world.now() < ManualClock::START + secs(20));
    }

    async fn the_longest_times_are_never(world: World) {
        let longest = Duration::MAX;
        let mut runner = Runner::new().clock(world.clock()).timeout(longest).deadline(Time::MAX);
        runner = runner.task_timeout(longest).attempt_timeout(longest).grace(longest);
        runner.add("a", after(&world, secs(1_000_000), Ok(1))).unwrap();
        assert!(runner.run().await.is_ok());
    }
}
