//! The behaviours of the Python library mm-concurrency's own suite for its async runner.

use crate::runner::support::{Fault, Gauge, after, ends, how, millis, secs};
use regatta::{DuplicateKey, Runner, StopReason};
use regatta_tests::{World, on_every_executor};
use std::time::Duration;

on_every_executor! {
    async fn basic_run(world: World) {
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        for (key, value) in [("task1", "result1"), ("task2", "result2"), ("task3", "result3")] {
            runner.add(key, after(&world, millis(100), Ok(value))).unwrap();
        }
        let report = runner.run().await;
        assert!(report.is_ok() && !report.timed_out());
        let results: Vec<_> = report.ok().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(results, [("task1", "result1"), ("task2", "result2"), ("task3", "result3")]);
        assert_eq!(report.errors().count(), 0);
    }

    async fn errors_are_keyed_and_one_failure_does_not_stop_the_others(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        runner.add("bad", async { Err("no route") }).unwrap();
        runner.add("good1", after(&world, millis(100), Ok(1))).unwrap();
        runner.add("good2", after(&world, millis(100), Ok(2))).unwrap();
        let report = runner.run().await;
        assert!(!report.is_ok() && !report.timed_out());
        let errors: Vec<_> = report.errors().map(|(key, error)| (*key, error.failure().copied())).collect();
        assert_eq!(errors, [("bad", Some("no route"))]);
        assert_eq!(report.counts().ok, 2);
    }

    async fn mixed_results(world: World) {
        let mut runner = Runner::new().limit(5).unwrap().clock(world.clock());
        for n in 0..10_u64 {
            let result = if n % 3 == 0 { Err("a multiple of three") } else { Ok(n) };
            runner.add(n, after(&world, millis(n), result)).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(report.ok().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 2, 4, 5, 7, 8]);
        assert_eq!(report.errors().map(|(key, _)| *key).collect::<Vec<_>>(), [0, 3, 6, 9]);
    }

    async fn the_limit_is_respected(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..5 {
            let (gauge, world) = (&gauge, &world);
            runner
                .add_ok(key, async move {
                    let _inside = gauge.enter();
                    world.sleep(millis(100)).await;
                })
                .unwrap();
        }
        let report: regatta::Report<_, _, Fault> = runner.run().await;
        assert!(report.is_ok());
        assert_eq!(gauge.most(), 2);
        assert_eq!(report.elapsed(), millis(300));
    }

    async fn tasks_really_run_in_parallel(world: World) {
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        for key in 0..3 {
            runner.add(key, after(&world, secs(1), Ok(key))).unwrap();
        }
        assert_eq!(runner.run().await.elapsed(), secs(1));
    }

    async fn an_overall_timeout_keeps_finished_results(world: World) {
        let mut runner = Runner::new().limit(5).unwrap().timeout(millis(200)).clock(world.clock());
        runner.add("fast", after(&world, millis(50), Ok("done"))).unwrap();
        runner.add("slow", after(&world, secs(1), Ok("late"))).unwrap();
        let report = runner.run().await;
        assert!(report.timed_out() && !report.is_ok());
        assert_eq!(ends(&report), [r#"ok "done""#, "timed out after 200ms"]);
        assert_eq!(report.elapsed(), millis(200));
    }

    async fn a_duplicate_key_is_refused(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add("task1", async { Ok::<_, Fault>(1) }).unwrap();
        let refused: DuplicateKey = runner.add("task1", async { Ok(2) }).unwrap_err();
        assert!(refused.to_string().contains("task1"));
        assert!(matches!(runner.run().await.get("task1"), Some(Ok(1))));
    }

    /// There, a blank key is an error. Here keys are the user's, whatever their type.
    async fn a_blank_key_is_a_key_like_any_other(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add(String::new(), async { Ok::<_, Fault>(1) }).unwrap();
        runner.add(String::from("   "), async { Ok(2) }).unwrap();
        assert_eq!(runner.add(String::new(), async { Ok(3) }).unwrap_err().key, "\"\"");
        let report = runner.run().await;
        assert_eq!(how(report.get("").unwrap()), "ok 1");
        assert_eq!(how(report.get("   ").unwrap()), "ok 2");
    }

    async fn a_zero_limit_is_refused(_world: World) {
        assert!(Runner::<&str, u8, Fault>::new().limit(0).is_err());
    }

    /// There, a zero timeout is an error. Here it is a budget that was used up before.
    async fn a_zero_timeout_is_legal_and_starts_nothing(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().timeout(Duration::ZERO).clock(world.clock());
        runner.add("a", async { Ok::<_, Fault>(gauge.pass()) }).unwrap();
        let report = runner.run().await;
        assert!(report.timed_out());
        assert_eq!((gauge.entered(), report.counts().not_started), (0, 1));
    }

    async fn a_runner_without_tasks_gives_an_empty_report(world: World) {
        let report = Runner::<&str, u8, Fault>::new().clock(world.clock()).run().await;
        assert!(report.is_ok() && report.is_empty() && !report.timed_out());
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn empty_results_are_results(_world: World) {
        let mut options = Runner::new();
        options.add("none", async { Ok::<_, Fault>(None::<u8>) }).unwrap();
        let report = options.run().await;
        assert!(report.is_ok());
        assert_eq!(report.get("none").unwrap().as_ref().unwrap(), &None);

        let mut texts = Runner::new();
        texts.add("empty", async { Ok::<_, Fault>("") }).unwrap();
        assert_eq!(ends(&texts.run().await), [r#"ok """#]);

        let mut numbers = Runner::new();
        numbers.add("zero", async { Ok::<_, Fault>(0) }).unwrap();
        assert_eq!(ends(&numbers.run().await), ["ok 0"]);

        let mut truths = Runner::new();
        truths.add("false", async { Ok::<_, Fault>(false) }).unwrap();
        assert_eq!(ends(&truths.run().await), ["ok false"]);
    }

    async fn fifty_tasks_at_limit_ten(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(10).unwrap().clock(world.clock());
        for n in 0..50 {
            let (gauge, world) = (&gauge, &world);
            runner
                .add(format!("task{n}"), async move {
                    let _inside = gauge.enter();
                    after(world, millis(10), Ok(n * 2)).await
                })
                .unwrap();
        }
        let report = runner.run().await;
        assert!(
            (0..50).all(|n| matches!(report.get(&*format!("task{n}")), Some(Ok(value)) if *value == n * 2))
        );
        assert_eq!((report.len(), gauge.most(), report.elapsed()), (50, 10, millis(50)));
    }

    async fn a_name_reaches_the_report(_world: World) {
        let report = Runner::<&str, u8, Fault>::new().name("my_runner").run().await;
        assert_eq!(report.name(), Some("my_runner"));
    }
}
