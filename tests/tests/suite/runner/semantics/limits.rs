//! At most so many at once, and really so many.

use crate::runner::support::{Fault, Gauge, ends, hows, secs};
use regatta::{Runner, for_each, map, map_ok};
use regatta_tests::{World, on_every_executor};

/// A task of one second that counts itself.
async fn counted(world: &World, gauge: &Gauge) -> Result<u8, Fault> {
    let _inside = gauge.enter();
    world.sleep(secs(1)).await;
    Ok(1)
}

on_every_executor! {
    async fn a_runner_reaches_its_limit_and_keeps_it(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        for key in 0..10 {
            runner.add(key, counted(&world, &gauge)).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1"; 10]);
        assert_eq!((gauge.most(), gauge.entered()), (3, 10));
        assert_eq!(report.elapsed(), secs(4));
    }

    async fn a_map_reaches_its_limit_and_keeps_it(world: World) {
        let (gauge, start) = (Gauge::default(), world.now());
        let results =
            map(0..10, 3, async |_| counted(&world, &gauge).await).unwrap().clock(world.clock()).await;
        assert_eq!(hows(&results), ["ok 1"; 10]);
        assert_eq!((gauge.most(), gauge.entered()), (3, 10));
        assert_eq!(world.now().since(start), secs(4));
    }

    async fn a_map_of_plain_values_reaches_its_limit_and_keeps_it(world: World) {
        let (gauge, start) = (Gauge::default(), world.now());
        let results = map_ok(0..10, 3, async |n| counted(&world, &gauge).await.map_or(0, |one| one + n));
        let results = results.unwrap().clock(world.clock()).await;
        assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        assert_eq!(gauge.most(), 3);
        assert_eq!(world.now().since(start), secs(4));
    }

    async fn a_for_each_reaches_its_limit_and_keeps_it(world: World) {
        let (gauge, start) = (Gauge::default(), world.now());
        let read = for_each(
            0..10,
            3,
            async |_| counted(&world, &gauge).await,
            async |mut done| {
                let mut read = 0;
                while let Some(result) = done.next().await {
                    read += usize::from(result.unwrap());
                }
                read
            },
        );
        assert_eq!(read.unwrap().clock(world.clock()).await, 10);
        assert_eq!((gauge.most(), gauge.entered()), (3, 10));
        assert_eq!(world.now().since(start), secs(4));
    }

    async fn sixteen_at_once_unless_told_otherwise(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().clock(world.clock());
        for key in 0..40 {
            runner.add(key, counted(&world, &gauge)).unwrap();
        }
        assert_eq!(runner.run().await.elapsed(), secs(3));
        assert_eq!(gauge.most(), 16);
    }

    async fn without_a_limit_all_run_at_once(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().unlimited().clock(world.clock());
        for key in 0..300 {
            runner.add(key, counted(&world, &gauge)).unwrap();
        }
        assert_eq!(runner.run().await.elapsed(), secs(1));
        assert_eq!(gauge.most(), 300);
    }

    async fn a_limit_of_one_is_one_after_the_other(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..5 {
            runner.add(key, counted(&world, &gauge)).unwrap();
        }
        let report = runner.run().await;
        assert_eq!((gauge.most(), report.elapsed()), (1, secs(5)));
        let order: Vec<_> = report.by_completion().iter().map(|task| *task.key()).collect();
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }

    async fn a_slot_is_filled_again_as_soon_as_it_is_free(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for (key, seconds) in [("long", 5), ("a", 1), ("b", 3), ("c", 1)] {
            let world = &world;
            runner.add_ok(key, async move { world.sleep(secs(seconds)).await }).unwrap();
        }
        let report: regatta::Report<_, _, Fault> = runner.run().await;
        let starts: Vec<_> =
            report.tasks().iter().map(|task| task.started().unwrap().since(begun).as_secs()).collect();
        assert_eq!(starts, [0, 0, 1, 4]);
        assert_eq!(report.elapsed(), secs(5));
    }

    async fn a_task_that_waits_for_its_turn_is_not_polled(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).timeout(secs(1) / 2);
        for key in 0..5 {
            runner.add(key, counted(&world, &gauge)).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(gauge.entered(), 2);
        assert_eq!(gauge.inside(), 0, "what was started was dropped");
        assert_eq!(report.counts().not_started, 3);
    }
}
