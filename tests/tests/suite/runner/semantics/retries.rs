//! Tasks that are made again after a failure.

use crate::runner::support::{Fault, Gauge, after, ends, millis, secs};
use regatta::{Backoff, Runner, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::time::Duration;

on_every_executor! {
    async fn attempts_and_their_errors_are_kept(world: World) {
        let tries = Gauge::default();
        let third_time_lucky = || async {
            let _inside = tries.enter();
            let result = match tries.entered() {
                1 => Err("no route"),
                2 => Err("busy"),
                n => Ok(n),
            };
            after(&world, secs(1), result).await
        };
        let mut runner = Runner::new().clock(world.clock());
        runner.add_retry("a", Backoff::exponential(secs(10)).times(5), third_time_lucky).unwrap();
        let report = runner.run().await;
        let task = report.task("a").unwrap();
        assert_eq!(ends(&report), ["ok 3"]);
        assert_eq!(task.attempts(), 3);
        let errors: Vec<_> = task.retried().iter().map(|attempt| *attempt.error().failure().unwrap()).collect();
        assert_eq!(errors, ["no route", "busy"]);
        assert_eq!(task.elapsed(), Some(secs(1 + 10 + 1 + 20 + 1)));
    }

    async fn when_no_retry_is_left_the_last_failure_is_the_result(world: World) {
        let tries = Gauge::default();
        let numbered = || async {
            let _inside = tries.enter();
            Err::<u8, _>(["first", "second", "third"][tries.entered() - 1])
        };
        let mut runner = Runner::new().clock(world.clock());
        runner.add_retry("a", Backoff::constant(secs(1)).times(2), numbered).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: third"]);
        assert_eq!(report.tasks()[0].retried().len(), 2);
        assert_eq!(report.elapsed(), secs(2));
    }

    async fn a_pause_holds_no_slot(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("retried", Backoff::constant(secs(100)).times(1), fails).unwrap();
        for key in ["a", "b", "c"] {
            runner.add(key, after(&world, secs(10), Ok(1))).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "ok 1", "ok 1", "ok 1"]);
        // 1 s, the pause of 100 s in which the others have their 30 s, 1 s.
        assert_eq!(report.elapsed(), secs(102));
    }

    async fn a_retry_that_is_due_goes_before_tasks_that_never_ran(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("retried", Backoff::constant(secs(1)).times(1), fails).unwrap();
        for key in ["a", "b"] {
            runner.add(key, after(&world, secs(10), Ok(1))).unwrap();
        }
        let report = runner.run().await;
        let order: Vec<_> = report.by_completion().iter().map(|task| *task.key()).collect();
        assert_eq!(order, ["a", "retried", "b"]);
    }

    async fn no_retry_is_due_after_the_end_of_the_run(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(5));
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("later", Backoff::constant(secs(10)), fails).unwrap();
        runner.add_retry("at the end", Backoff::constant(secs(4)), fails).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy"; 2]);
        assert!(report.tasks().iter().all(|task| task.attempts() == 1 && task.retried().is_empty()));
        assert_eq!(report.elapsed(), secs(1), "there is nothing to wait for");
        assert!(!report.timed_out());
    }

    async fn no_retry_is_due_after_the_end_of_its_task(world: World) {
        let mut runner = Runner::new().clock(world.clock()).task_timeout(secs(5));
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("later", Backoff::constant(secs(10)), fails).unwrap();
        runner.add_retry("at the end", Backoff::constant(secs(4)), fails).unwrap();
        runner.add_retry("in time", Backoff::constant(millis(3500)), fails).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "failed: busy", "timed out after 5s"]);
        assert_eq!(report.tasks().iter().map(|task| task.attempts()).collect::<Vec<_>>(), [1, 1, 2]);
        assert_eq!(report.elapsed(), secs(5), "what would come too late is not waited for");
    }

    /// A retry was due in time, but others held all slots until its task's time was up.
    async fn a_retry_that_got_no_slot_in_time_does_not_start(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).task_timeout(secs(5));
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("late", Backoff::constant(secs(1)), fails).unwrap();
        runner.add("hangs", pending()).unwrap();
        runner.add("next", after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "timed out after 5s", "ok 1"]);
        assert_eq!(report.task("late").unwrap().attempts(), 1);
        assert!(report.task("late").unwrap().retried().is_empty(), "the last failure is the result");
        assert_eq!(report.elapsed(), secs(7));
    }

    async fn a_pause_of_zero_touches_no_timer(world: World) {
        let tries = Gauge::default();
        let mut runner = Runner::new().clock(world.clock());
        let often = || async {
            let _inside = tries.enter();
            assert_eq!(world.clock.timers(), 0);
            if tries.entered() < 1000 { Err("busy") } else { Ok(1) }
        };
        runner.add_retry("a", Backoff::constant(Duration::ZERO).forever(), often).unwrap();
        let report = runner.run().await;
        assert_eq!((report.tasks()[0].attempts(), report.elapsed()), (1000, Duration::ZERO));
        assert!(report.is_ok());
    }

    async fn a_rule_chooses_by_the_failure(world: World) {
        let rule = || {
            retry_fn(|attempts, failure: &TaskError<Fault>| match failure {
                TaskError::Failed("busy") if attempts < 5 => Some(secs(1)),
                TaskError::Panicked(_) if attempts < 3 => Some(Duration::ZERO),
                _ => None,
            })
        };
        let mut runner = Runner::new().clock(world.clock());
        runner.add_retry("busy", rule(), || after(&world, secs(0), Err::<u8, _>("busy"))).unwrap();
        runner.add_retry("forbidden", rule(), || after(&world, secs(0), Err("forbidden"))).unwrap();
        runner.add_retry("panics", rule(), || async { panic!("overboard") }).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "failed: forbidden", "panicked: overboard"]);
        assert_eq!(report.tasks().iter().map(|task| task.attempts()).collect::<Vec<_>>(), [5, 1, 3]);
    }

    async fn a_backoff_does_not_retry_a_panic(world: World) {
        let mut runner = Runner::<_, u8, Fault>::new().clock(world.clock());
        runner.add_retry("a", Backoff::constant(secs(1)), || async { panic!("overboard") }).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["panicked: overboard"]);
        assert_eq!(report.tasks()[0].attempts(), 1);
    }

    async fn retries_keep_the_limit(world: World) {
        let (gauge, limit) = (Gauge::default(), 3);
        let mut runner = Runner::new().limit(limit).unwrap().clock(world.clock());
        for key in 0..12 {
            let (gauge, world) = (&gauge, &world);
            runner
                .add_retry(key, Backoff::constant(secs(1)).times(4), move || async move {
                    let _inside = gauge.enter();
                    after(world, secs(1), Err::<u8, _>("busy")).await
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert_eq!((gauge.most(), gauge.entered()), (3, 12 * 5));
        assert_eq!(report.counts().failed, 12);
        assert_eq!(report.elapsed(), secs(20), "a slot never rests while a retry is due");
    }
}
