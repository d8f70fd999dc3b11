//! The report as people read it.

use crate::runner::support::{Fault, after, millis, secs};
use regatta::{Backoff, Runner};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_report_prints_as_a_table(world: World) {
        let mut runner =
            Runner::new().limit(3).unwrap().name("night load").clock(world.clock()).timeout(secs(5));
        runner.add("ann", after(&world, millis(1500), Ok(1))).unwrap();
        let fails = || after(&world, millis(20), Err("two\nlines"));
        runner.add_retry("bob", Backoff::constant(millis(0)).times(2), fails).unwrap();
        runner.add("cyd", async { panic!("overboard") }).unwrap();
        runner.add("dan", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("eve", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("fay", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("gil", after(&world, secs(60), Ok(1))).unwrap();
        let text = runner.run().await.to_string();
        let lines: Vec<_> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "night load, began 2026-01-01T00:00:00Z",
                "task state attempts time error",
                r#""ann" ok 1 1.50 s"#,
                r#""bob" failed 3 60.0 ms two\nlines"#,
                r#""cyd" panicked 1 0 ns panicked: overboard"#,
                r#""dan" timed out 1 5.00 s timed out after 5s"#,
                r#""eve" timed out 1 4.94 s timed out after 5s"#,
                r#""fay" timed out 1 3.50 s timed out after 5s"#,
                r#""gil" not started 0 not started: the run's time was up"#,
                "7 tasks: 1 ok, 1 failed, 1 panicked, 3 timed out, 1 not started in 5.00 s; stopped by its timeout",
            ],
            "{text}"
        );
    }

    async fn a_report_of_one_task_and_of_none(_world: World) {
        let mut runner = Runner::new();
        runner.add(1, async { Ok::<_, Fault>(()) }).unwrap();
        let text = runner.run().await.to_string();
        assert!(text.lines().last().unwrap().starts_with("1 task: 1 ok in "), "{text}");
        let text = Runner::<u8, u8, Fault>::new().run().await.to_string();
        assert!(text.starts_with("0 tasks: 0 ok in ") && text.ends_with("; completed"), "{text}");
    }
}
