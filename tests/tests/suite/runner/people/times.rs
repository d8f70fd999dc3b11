//! When things happened, for machines and for people.

use crate::runner::support::{after, millis, secs};
use regatta::{Backoff, Clock, Runner};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn each_task_has_its_times(world: World) {
        world.sleep(secs(10)).await;
        let (began, wall) = (world.now(), world.clock().wall());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(6));
        runner.add("first", after(&world, secs(1), Ok(1))).unwrap();
        let fails = || after(&world, secs(1), Err("busy"));
        runner.add_retry("retried", Backoff::constant(secs(2)).times(1), fails).unwrap();
        runner.add("slow", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("never", after(&world, secs(1), Ok(1))).unwrap();
        let report = runner.run().await;

        assert_eq!((report.began().at, report.began().wall), (began, wall));
        assert_eq!((report.ended().at, report.ended().wall), (began + secs(6), wall + secs(6)));
        let since = |time: regatta::Time| time.since(began).as_secs();
        let times: Vec<_> = (&report)
            .into_iter()
            .zip(report.tasks())
            .map(|((key, _), task)| {
                let waited = task.waited().map(|waited| waited.as_secs());
                (*key, since(task.queued()), waited, task.started().map(since), task.ended().map(since))
            })
            .collect();
        assert_eq!(
            times,
            [
                ("first", 0, Some(0), Some(0), Some(1)),
                // Its retry was due when the slow one had the only slot.
                ("retried", 0, Some(1), Some(1), Some(6)),
                ("slow", 0, Some(2), Some(2), Some(6)),
                ("never", 0, None, None, None),
            ]
        );
        let first = report.task("first").and_then(|task| task.ended()).unwrap();
        assert_eq!(report.wall(first), wall + secs(1));
    }

    async fn each_attempt_has_its_times(world: World) {
        let began = world.now();
        let mut runner = Runner::<_, u8, _>::new().clock(world.clock());
        let fails = || after(&world, secs(1), Err("busy"));
        runner.add_retry('a', Backoff::constant(millis(500)).times(2), fails).unwrap();
        let report = runner.run().await;
        let task = report.task(&'a').unwrap();
        let since = |time: regatta::Time| time.since(began).as_millis();
        let attempts: Vec<_> = task
            .retried()
            .iter()
            .map(|attempt| (since(attempt.started()), since(attempt.ended()), attempt.error().to_string()))
            .collect();
        assert_eq!(attempts, [(0, 1000, "busy".to_owned()), (1500, 2500, "busy".to_owned())]);
        assert_eq!(task.last_started().map(since), Some(3000));
        assert_eq!((task.attempts(), task.ended().map(since)), (3, Some(4000)));
    }
}
