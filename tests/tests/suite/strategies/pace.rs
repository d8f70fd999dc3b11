//! When tasks start under rates and limits, alone and together.

use super::{paced, starts};
use crate::runner::support::{millis, secs};
use regatta::strategies::{
    Align, Concurrency, FixedWindow, Gcra, SlidingWindow, SlidingWindowCounter, Spacing,
};
use regatta::{BoxStrategy, Limiter, map};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // A token that is taken before the wait for a slot is old when the slot comes: the next start then follows after
    // 10 ms, which breaks the rate.
    async fn one_a_second_and_one_at_a_time_start_at_0_2000_and_3000_ms(world: World) {
        let one = || Concurrency::new(1).unwrap();
        let rates: [fn() -> BoxStrategy<'static>; 5] = [
            || BoxStrategy::new(Spacing::new(secs(1)).unwrap()),
            || BoxStrategy::new(Gcra::new(1, secs(1)).unwrap()),
            || BoxStrategy::new(SlidingWindow::new(1, secs(1)).unwrap()),
            || BoxStrategy::new(FixedWindow::new(1, secs(1)).unwrap().align(Align::FirstStart)),
            || BoxStrategy::new(Limiter::with_clock(Spacing::new(secs(1)).unwrap(), regatta::SystemClock::shared())),
        ];
        for rate in rates {
            let begun = world.now();
            let report = paced(&world, &[2_000, 10, 10]).strategy((one(), rate())).run().await;
            assert_eq!(starts(&report, begun), [0, 2_000, 3_000], "a limit beside the rate");
            world.sleep(secs(10)).await;
            let begun = world.now();
            let report = paced(&world, &[2_000, 10, 10]).limit(1).unwrap().strategy(rate()).run().await;
            assert_eq!(starts(&report, begun), [0, 2_000, 3_000], "the runner's own limit");
            world.sleep(secs(10)).await;
        }
    }

    async fn a_sliding_window_lets_a_burst_in_and_then_waits_for_its_oldest(world: World) {
        let begun = world.now();
        let window = SlidingWindow::new(3, secs(1)).unwrap();
        let report = paced(&world, &[10; 7]).strategy(window).run().await;
        assert_eq!(starts(&report, begun), [0, 0, 0, 1_000, 1_000, 1_000, 2_000]);
    }

    async fn a_fixed_window_may_admit_twice_as_much_at_its_edge(world: World) {
        world.sleep(millis(9_900) - world.now().since(regatta::Time::ZERO).min(millis(9_900))).await;
        let begun = world.now();
        let window = FixedWindow::new(3, secs(10)).unwrap();
        let report = paced(&world, &[10; 7]).strategy(window).run().await;
        assert_eq!(starts(&report, begun), [0, 0, 0, 100, 100, 100, 10_100]);
    }

    async fn a_counter_never_admits_more_than_the_window(world: World) {
        let begun = world.now();
        let window = SlidingWindowCounter::new(5, secs(1)).unwrap();
        let report = paced(&world, &[10; 20]).strategy(window).run().await;
        let starts = starts(&report, begun);
        assert!(starts.windows(6).all(|six| six[5] - six[0] >= 1_000), "{starts:?}");
        assert!(starts[19] < 4_500, "{starts:?}");
    }

    async fn a_rate_is_spread_evenly_behind_its_burst(world: World) {
        let begun = world.now();
        let rate = Gcra::new(10, secs(1)).unwrap().burst(3).unwrap();
        let report = paced(&world, &[10; 6]).strategy(rate).run().await;
        assert_eq!(starts(&report, begun), [0, 0, 0, 100, 200, 300]);
    }

    // The picture in the README of `regatta-strategies`.
    async fn seven_tasks_that_come_at_2_s_start_as_drawn(world: World) {
        let pictures: [(BoxStrategy<'static>, [u128; 7]); 4] = [
            (BoxStrategy::new(Spacing::new(secs(1)).unwrap()), [2, 3, 4, 5, 6, 7, 8]),
            (BoxStrategy::new(Gcra::new(1, secs(1)).unwrap().burst(3).unwrap()), [2, 2, 2, 3, 4, 5, 6]),
            (BoxStrategy::new(FixedWindow::new(3, secs(3)).unwrap()), [2, 2, 2, 3, 3, 3, 6]),
            (BoxStrategy::new(SlidingWindow::new(3, secs(3)).unwrap()), [2, 2, 2, 5, 5, 5, 8]),
        ];
        for (strategy, expected) in pictures {
            // A multiple of the windows ahead, and two seconds.
            let past = world.now().since(regatta::Time::ZERO).as_nanos();
            let origin = regatta::Time::ZERO + secs(3) * u32::try_from(past / secs(3).as_nanos() + 1).unwrap();
            world.sleep((origin + secs(2)).since(world.now())).await;
            let report = paced(&world, &[0; 7]).limit(9).unwrap().strategy(strategy).run().await;
            assert_eq!(starts(&report, origin), expected.map(|second| second * 1_000));
        }
    }

    async fn a_lazy_map_keeps_the_rate(world: World) {
        let begun = world.now();
        let inner = &world;
        let seen = map(0..4, 8, async |_| Ok::<_, ()>(inner.now().since(begun).as_millis())).unwrap();
        let rate = Gcra::new(2, secs(1)).unwrap();
        let seen = seen.clock(world.clock()).strategy(rate).await;
        assert_eq!(seen.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 500, 1_000, 1_500]);
    }
}
