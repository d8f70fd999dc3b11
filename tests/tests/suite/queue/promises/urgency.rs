//! Priorities and orders: any discipline, and jobs that become more urgent.

use crate::queue::support::{Diary, millis, numbers, secs};
use regatta::queue::Options;
use regatta::strategies::{Lifo, Priority, WeightedFair};
use regatta::{Backoff, Class};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_waiting_job_is_raised(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Priority::strict())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let (_, _) = engine
            .run_with(async {
                let mut ids = Vec::new();
                for n in 0..6 {
                    ids.push(queue.push_with(n, Options::new().priority(1)).await.unwrap());
                }
                world.sleep(millis(500)).await;
                assert!(queue.raise(ids[4], 5), "it passes the others");
                assert!(queue.raise(ids[5], 1) && queue.raise(ids[3], -9), "which changes nothing");
                assert!(queue.raise(ids[0], 9), "it runs");
                world.sleep(secs(1)).await;
                assert!(!queue.raise(ids[0], 9), "it has its end");
            })
            .await;
        assert_eq!(diary.who(), [0, 4, 1, 2, 3, 5]);
    }

    // Inheritance by hand: what an urgent job waits for becomes as urgent.
    async fn what_an_urgent_job_waits_for_inherits_its_priority(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 2)
            .discipline(Priority::strict())
            .build(async |n, ctx| {
                diary.note(*n);
                if *n == 9 {
                    let queue = ctx.queue();
                    let needed = queue.find("needed").unwrap();
                    assert!(queue.raise(needed, 9));
                    while queue.state(needed).is_some() {
                        world.sleep(millis(100)).await;
                    }
                }
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..4 {
            queue.push_with(n, Options::new().priority(1)).await.unwrap();
        }
        queue.push_with(4, Options::new().key("needed")).await.unwrap();
        queue.push_with(9, Options::new().priority(9)).await.unwrap();
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 6);
        assert_eq!(diary.who(), [9, 4, 0, 1, 2, 3]);
    }

    async fn a_job_that_waits_for_its_time_is_raised(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Priority::strict())
            .retry(Backoff::constant(millis(500)).times(1))
            .build(async |n, ctx| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                if *n == 7 && ctx.attempt() == 1 { Err("again") } else { Ok(()) }
            })
            .unwrap();
        let (_, _) = engine
            .run_with(async {
                let tried = queue.push(7).await.unwrap();
                for n in 0..3 {
                    queue.push_with(n, Options::new().priority(1)).await.unwrap();
                }
                let delayed = queue.push_with(8, Options::new().delay(millis(1_200))).await.unwrap();
                world.sleep(millis(1_100)).await;
                assert!(queue.raise(tried, 3) && queue.raise(delayed, 2));
            })
            .await;
        assert_eq!(diary.who(), [0, 1, 7, 8, 7, 2]);
    }

    async fn the_latest_first(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Lifo)
            .build(async |n, _| {
                diary.note(*n);
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..5 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 5);
        assert_eq!(diary.who(), [4, 3, 2, 1, 0]);
    }

    // Two tenants of equal weight take turns, although one of them has come with all its jobs first.
    async fn tenants_take_turns(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(WeightedFair::new())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(millis(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..20 {
            queue.push_with(n, Options::new().class(Class::of(&(n / 10)))).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 20);
        let turns: Vec<u32> = diary.who().iter().map(|n| n / 10).collect();
        for half in turns.chunks(2) {
            assert_eq!(half.iter().sum::<u32>(), 1, "{turns:?}");
        }
    }

    // With ageing nobody waits for ever behind a stream of urgent ones.
    async fn with_ageing_nobody_starves(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Priority::ageing(secs(1)).unwrap())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let (_, _) = engine
            .run_with(async {
                queue.push(0).await.unwrap();
                queue.push(99).await.unwrap();
                for n in 1..30 {
                    queue.push_with(n, Options::new().priority(5)).await.unwrap();
                    world.sleep(secs(1)).await;
                }
            })
            .await;
        let place = diary.who().iter().position(|n| *n == 99).unwrap();
        assert!((4..=8).contains(&place), "{:?}", diary.who());
    }
}
