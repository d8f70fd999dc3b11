//! The strategies of async-task-manager, each with what its README promises.

use super::{paced, starts};
use crate::runner::handles::owned;
use crate::runner::support::{Gauge, millis, secs};
use regatta::strategies::{Concurrency, FixedWindow, Measure, Spacing};
use regatta::{Limiter, Runner};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // Eight tasks of a second, three at once.
    async fn concurrent_limit_is_never_exceeded(world: World) {
        let (begun, gauge) = (world.now(), Gauge::default());
        let mut runner = Runner::new().clock(world.clock()).strategy(Concurrency::new(3).unwrap());
        for task in 0..8 {
            let (world, gauge) = (world.clone(), gauge.clone());
            let work = async move {
                let _inside = gauge.enter();
                world.sleep(secs(1)).await;
                Ok::<_, ()>(task)
            };
            runner.add(task, work).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(starts(&report, begun), [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000]);
        assert_eq!((gauge.most(), report.elapsed()), (3, secs(3)));
    }

    async fn concurrent_limit_leaks_no_slot_to_failures(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(1).unwrap(), world.clock());
        let mut runner = Runner::new().clock(world.clock()).task_timeout(millis(500)).strategy(limiter.clone());
        runner.add(0, owned(&world, millis(10), Err("no"))).unwrap();
        runner.add(1, async { std::panic::resume_unwind(Box::new("overboard")) }).unwrap();
        runner.add(2, owned(&world, secs(9), Ok(1))).unwrap();
        runner.add(3, owned(&world, millis(10), Ok(1))).unwrap();
        assert_eq!(runner.run().await.counts().ok, 1);
        assert_eq!(limiter.peek(Concurrency::in_flight), 0);
    }

    // "Each backup waits 30 seconds after the previous one completes."
    async fn delayed_waits_from_the_end_of_the_one_before(world: World) {
        let begun = world.now();
        let delayed = Spacing::new(secs(30)).unwrap().from(Measure::Finish);
        let report = paced(&world, &[5_000, 1_000, 2_000]).strategy(delayed).run().await;
        assert_eq!(starts(&report, begun), [0, 35_000, 66_000]);
    }

    // "300 requests per 15 minutes".
    async fn fixed_window_admits_so_many_per_window(world: World) {
        world.sleep(secs(900)).await;
        let begun = world.now();
        let aligned = begun - (begun.since(regatta::Time::ZERO) - secs(900));
        let window = FixedWindow::new(300, secs(900)).unwrap();
        let report = paced(&world, &[0; 601]).limit(1_000).unwrap().strategy(window).run().await;
        let started: Vec<_> = report.tasks().iter().map(|task| task.started().unwrap()).collect();
        for nth in 0..10_u32 {
            let (from, until) = (aligned + secs(900) * nth, aligned + secs(900) * (nth + 1));
            assert!(started.iter().filter(|at| (from..until).contains(at)).count() <= 300);
        }
        assert!(report.elapsed() <= secs(1_800));
    }
}
