//! The limit, changed on the way.

use super::{later, owned, starts};
use crate::runner::support::{Fault, Gauge, secs};
use regatta::Runner;
use regatta_tests::{World, on_every_executor};

/// So many tasks of ten seconds each.
fn tens(world: &World, count: usize) -> Runner<'static, usize, u8, Fault> {
    let mut runner = Runner::new().clock(world.clock());
    for key in 0..count {
        runner.add(key, owned(world, secs(10), Ok(1))).unwrap();
    }
    runner
}

on_every_executor! {
    async fn raising_the_limit_starts_what_now_fits_at_once(world: World) {
        let begun = world.now();
        let mut runner = tens(&world, 20).limit(1).unwrap();
        let handle = runner.handle();
        later(&world, secs(3), move || handle.set_limit(10).unwrap());
        let report = runner.run().await;
        assert!(report.is_ok());
        let expected = [vec![0], vec![3; 9], vec![10], vec![13; 9]].concat();
        assert_eq!(starts(&report, begun), expected.into_iter().map(Some).collect::<Vec<_>>());
    }

    async fn raising_the_limit_of_spawned_tasks_starts_what_now_fits_at_once(world: World) {
        let begun = world.now();
        let mut runner = tens(&world, 20).limit(1).unwrap();
        let handle = runner.handle();
        later(&world, secs(3), move || handle.set_limit(10).unwrap());
        let report = runner.spawn_on(world.executor()).await;
        let expected = [vec![0], vec![3; 9], vec![10], vec![13; 9]].concat();
        assert_eq!(starts(&report, begun), expected.into_iter().map(Some).collect::<Vec<_>>());
    }

    async fn lowering_the_limit_lets_those_above_it_go_on(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(5).unwrap().clock(world.clock());
        for key in 1..=8 {
            runner.add(key, owned(&world, secs(key), Ok(1))).unwrap();
        }
        let handle = runner.handle();
        later(&world, secs(1) / 2, move || handle.set_limit(2).unwrap());
        let report = runner.run().await;
        assert!(report.is_ok(), "nobody was stopped for it");
        // Five run; those of 1, 2 and 3 s leave two; the end at 4 s frees the first slot within the new limit.
        let expected = [0, 0, 0, 0, 0, 4, 5, 10];
        assert_eq!(starts(&report, begun), expected.map(Some));
    }

    async fn a_limit_goes_up_and_down_many_times(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in 0..200 {
            let (gauge, world) = (gauge.clone(), world.clone());
            runner
                .add(key, async move {
                    let _inside = gauge.enter();
                    world.sleep(secs(1)).await;
                    Ok::<_, Fault>(())
                })
                .unwrap();
        }
        let (handle, begun) = (runner.handle(), world.now());
        let watched = gauge.clone();
        let inner = world.clone();
        let changes = async move {
            for (second, limit) in (0..12).zip([3, 1, 7, 2, 5, 1, 9, 4, 4, 10, 1, 6]) {
                inner.sleep((begun + secs(second) + secs(1) / 2).since(inner.now())).await;
                handle.set_limit(limit).unwrap();
                inner.sleep(secs(1) / 4).await;
                assert!(watched.inside() >= limit, "what fits starts at once");
            }
        };
        world.spawn(changes);
        let report = runner.run().await;
        assert!(report.is_ok());
        assert!(gauge.most() <= 10);
    }

    async fn no_limit_starts_all_that_wait(world: World) {
        let begun = world.now();
        let mut runner = tens(&world, 300).limit(1).unwrap();
        let handle = runner.handle();
        later(&world, secs(2), move || handle.set_unlimited());
        let report = runner.run().await;
        assert_eq!(starts(&report, begun)[..3], [Some(0), Some(2), Some(2)]);
        assert_eq!(report.elapsed(), secs(12));
    }

    async fn a_limit_that_is_set_before_the_run_replaces_that_of_the_runner(world: World) {
        let mut runner = tens(&world, 6);
        runner.handle().set_limit(2).unwrap();
        assert_eq!(runner.limit(5).unwrap().run().await.elapsed(), secs(30));
    }

    async fn the_last_of_several_limits_counts(world: World) {
        let mut runner = tens(&world, 6);
        let handle = runner.handle();
        handle.set_unlimited();
        handle.set_limit(1).unwrap();
        handle.set_limit(3).unwrap();
        assert_eq!(runner.run().await.elapsed(), secs(20));
    }

    async fn a_limit_of_zero_is_refused_and_changes_nothing(world: World) {
        let mut runner = tens(&world, 4).limit(2).unwrap();
        let handle = runner.handle();
        assert_eq!(handle.set_limit(0).unwrap_err().field, "limit");
        let report = runner.run().await;
        assert_eq!(report.elapsed(), secs(20));
        assert!(handle.set_limit(0).is_err(), "also after the end");
        assert!(handle.set_limit(7).is_ok(), "a run that has ended takes any limit");
        handle.set_unlimited();
    }
}
