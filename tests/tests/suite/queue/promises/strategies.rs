//! Strategies between a queue and its starts: each attempt asks, and each outcome is told.

use crate::queue::support::{Diary, ends, millis, numbers, secs, takes};
use regatta::queue::Options;
use regatta::strategies::{Breaker, Concurrency, SlidingWindow};
use regatta::{Backoff, Class, Limiter};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn several_strategies_hold_together(world: World) {
        let diary = Diary::new(&world);
        let both = (Concurrency::new(2).unwrap(), SlidingWindow::new(3, secs(10)).unwrap());
        let (queue, _results, mut engine) = numbers(&world, 9)
            .strategy(both)
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 6);
        assert_eq!(diary.when(), [0, 0, 1_000, 10_000, 10_000, 11_000]);
    }

    // Jobs behind an open breaker wait; the probe goes first, and then the others.
    async fn jobs_wait_behind_an_open_breaker(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .strategy(Breaker::consecutive(2).unwrap().open_for(secs(30)).unwrap())
            .retry(Backoff::constant(secs(1)).times(5))
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(millis(100)).await;
                if world.now().since(regatta::Time::ZERO) < secs(20) { Err("down") } else { Ok(()) }
            })
            .unwrap();
        for n in 0..4 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, finished.stats.retries), (4, 2), "two attempts opened it, none was wasted on it");
        assert_eq!(diary.when(), [0, 100, 30_200, 30_300, 30_400, 30_500]);
    }

    async fn a_job_that_costs_too_much_is_rejected_alone(world: World) {
        for spawned in [false, true] {
            let (queue, mut results, mut engine) = numbers(&world, 2)
                .strategy(SlidingWindow::new(5, secs(1)).unwrap())
                .build(takes(&world, millis(1)))
                .unwrap();
            for (n, cost) in [(0, 1), (1, 6), (2, 4)] {
                queue.push_with(n, Options::new().cost(cost)).await.unwrap();
            }
            let ticket = queue.submit_with(3, Options::new().cost(7)).await.unwrap();
            queue.close();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((finished.stats.ok, finished.stats.rejected), (2, 2));
            let mut all = results.drain();
            all.sort_by_key(|done| done.id);
            let costs = |cost| format!("rejected: it costs {cost}, and at most 5 can ever be given at once");
            assert_eq!(ends(&all), ["ok 0".into(), costs(6), "ok 2".into()]);
            let done = ticket.await;
            assert_eq!((ends(&[done])[0].clone(), all[1].attempts), (costs(7), 0));
        }
    }

    // Costs count: a heavy job waits until there is room for all of it.
    async fn a_heavy_job_waits_for_all_its_room(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 9)
            .strategy(SlidingWindow::new(4, secs(10)).unwrap())
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        for (n, cost) in [(0, 2), (1, 3), (2, 1)] {
            queue.push_with(n, Options::new().cost(cost)).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 3);
        assert_eq!(diary.lines(), [(0, 0), (1, 10_000), (2, 10_000)]);
    }

    // Each has an end, and every place comes back, however its jobs end.
    async fn a_shared_limit_gets_everything_back(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(2).unwrap(), world.clock());
        let inner = world.clone();
        let (queue, _results, engine) = numbers(&world, 4)
            .strategy(limiter.clone())
            .attempt_timeout(secs(2))
            .build(async move |n, _| match *n % 4 {
                0 => Err("no"),
                1 => crate::queue::support::overboard(),
                2 => std::future::pending().await,
                _ => {
                    inner.sleep(secs(1)).await;
                    Ok(())
                }
            })
            .unwrap();
        for n in 0..16 {
            queue.push_with(n, Options::new().class(Class::of(&n))).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        world.sleep(secs(3)).await;
        queue.stop();
        let finished = handle.await;
        assert!(finished.stats.running == 0 && finished.stats.admitted == 16);
        // The handle doesn't wait until the executor has dropped what ran.
        world.sleep(millis(1)).await;
        assert_eq!(limiter.peek(Concurrency::in_flight), 0);
    }
}
