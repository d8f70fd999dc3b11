//! Who goes first, and who holds what meanwhile.

use crate::queue::support::{Diary, Gauge, later, millis, numbers, secs};
use regatta::queue::Options;
use regatta::strategies::{Gcra, Keyed, Priority, SlidingWindow, Spacing};
use regatta::{Backoff, BoxStrategy, Class};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // Aqute sleeps inside the worker.
    async fn a_pause_before_a_retry_holds_no_worker(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .retry(Backoff::constant(secs(10)).times(1))
            .build(async |n, ctx| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                if *n == 0 && ctx.attempt() == 1 { Err("later") } else { Ok(()) }
            })
            .unwrap();
        for n in 0..5 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 5);
        assert_eq!(diary.lines(), [(0, 0), (1, 1_000), (2, 2_000), (3, 3_000), (4, 4_000), (0, 11_000)]);
    }

    // Nor does it leave the bounded input and stand in line again: its place is kept, and it is not overtaken for ever.
    async fn a_retry_is_not_overtaken_by_all_who_came_later(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .capacity(3)
            .unwrap()
            .retry(Backoff::constant(millis(1)).times(1))
            .build(async |n, ctx| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                if *n == 0 && ctx.attempt() == 1 { Err("again") } else { Ok(()) }
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                for n in 0..8 {
                    queue.push(n).await.unwrap();
                }
            })
            .await;
        assert_eq!(finished.stats.ok, 8);
        assert_eq!(diary.who(), [0, 1, 0, 2, 3, 4, 5, 6, 7], "it comes second, not last");
    }

    // A heap of (priority, task) forgets who came first.
    async fn equal_priorities_are_first_come_first_served(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Priority::strict())
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        let mut rng = world.rng();
        let mut expected = Vec::new();
        for n in 0..100 {
            let priority = rng.i32(-2..=2);
            expected.push((-priority, n));
            queue.push_with(n, Options::new().priority(priority)).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 100);
        expected.sort_unstable();
        assert_eq!(diary.who(), expected.into_iter().map(|(_, n)| n).collect::<Vec<_>>());
    }

    // "Inverted by blocked adders": who is urgent passes those who wait at the door, and those inside.
    async fn an_urgent_job_at_the_door_of_a_full_queue_passes_those_that_wait(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .capacity(2)
            .unwrap()
            .discipline(Priority::strict())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                for n in 0..3 {
                    queue.push(n).await.unwrap();
                    world.sleep(millis(1)).await;
                }
                let low = futures::future::join_all((3..8).map(|n| queue.push(n)));
                let urgent = async {
                    world.sleep(millis(1)).await;
                    queue.push_with(99, Options::new().priority(9)).await
                };
                let (low, urgent) = futures::join!(low, urgent);
                assert!(low.into_iter().all(|admitted| admitted.is_ok()) && urgent.is_ok());
            })
            .await;
        assert_eq!(finished.stats.ok, 9);
        // 1 takes the worker as 0 leaves it, which makes the one place that there is to be had.
        assert_eq!(diary.who(), [0, 1, 99, 2, 3, 4, 5, 6, 7]);
    }

    // "Rate limiter taken before the slot": a token that was taken at 0 would be old at 2,000, and the next start would
    // follow after 10 ms.
    async fn a_rate_counts_starts_and_not_those_who_wait_for_a_worker(world: World) {
        let rates: [fn() -> BoxStrategy<'static>; 3] = [
            || BoxStrategy::new(Spacing::new(secs(1)).unwrap()),
            || BoxStrategy::new(SlidingWindow::new(1, secs(1)).unwrap()),
            || BoxStrategy::new(Gcra::new(1, secs(1)).unwrap()),
        ];
        for rate in rates {
            let diary = Diary::new(&world);
            let (queue, _results, mut engine) = numbers(&world, 1)
                .strategy(rate())
                .build(async |pause, _| {
                    diary.note(*pause);
                    world.sleep(millis(u64::from(*pause))).await;
                    Ok::<_, ()>(())
                })
                .unwrap();
            for pause in [2_000, 10, 10] {
                queue.push(pause).await.unwrap();
            }
            queue.close();
            assert_eq!((engine.run().await.stats.ok, diary.when()), (3, vec![0, 2_000, 3_000]));
        }
    }

    // The same with workers of their own tasks: who waits for the rate holds no worker back from nothing.
    async fn spawned_workers_keep_the_rate_too(world: World) {
        let (diary, inner) = (Diary::new(&world), world.clone());
        let own = diary.clone();
        let (queue, _results, engine) = numbers(&world, 1)
            .strategy(Spacing::new(secs(1)).unwrap())
            .build(async move |pause, _| {
                own.note(*pause);
                inner.sleep(millis(u64::from(*pause))).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for pause in [2_000, 10, 10] {
            queue.push(pause).await.unwrap();
        }
        queue.close();
        let finished = engine.spawn_on(world.executor()).await;
        assert_eq!((finished.stats.ok, diary.when()), (3, vec![0, 2_000, 3_000]));
    }

    // "Holding a worker while waiting": a host that is at its rate holds up neither a worker nor another host.
    async fn a_host_at_its_rate_holds_up_no_other(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .strategy(Keyed::new(Spacing::new(secs(10)).unwrap()))
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..6 {
            queue.push_with(n, Options::new().class(Class::of(&(n / 3)))).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 6);
        assert_eq!(
            diary.lines(),
            [(0, 0), (3, 1_000), (1, 10_000), (4, 11_000), (2, 20_000), (5, 21_000)]
        );
    }

    // Nor does a result that nobody reads hold a worker: the job was not started without a place for it.
    async fn no_finished_job_occupies_a_worker(world: World) {
        let gauge = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 3)
            .results(regatta::queue::Results::Bounded(2))
            .unwrap()
            .build(async |n, _| {
                let _inside = gauge.enter();
                world.sleep(millis(5)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                for n in 0..6 {
                    queue.push(n).await.unwrap();
                }
                for read in 0..6 {
                    world.sleep(secs(1)).await;
                    let stats = queue.stats();
                    assert_eq!((stats.running, stats.ok, gauge.entered()), (0, 6.min(read + 2), 6.min(read + 2)));
                    results.next().await.unwrap();
                }
            })
            .await;
        assert_eq!((gauge.most(), finished.stats.ok), (2, 6));
    }

    // A pause of 429 that is called off earlier is over earlier.
    async fn a_pause_that_is_called_off_ends_at_once(world: World) {
        let (diary, pause) = (Diary::new(&world), regatta::strategies::Pausable::new());
        pause.pause();
        let (queue, _results, mut engine) = numbers(&world, 2)
            .strategy(pause.clone())
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        later(&world, secs(5), move || pause.resume());
        assert_eq!((engine.run().await.stats.ok, diary.when()), (3, vec![5_000; 3]));
    }
}
