//! The number of workers, and of places, changes while it runs.

use crate::queue::support::{Gauge, jobs, left, millis, numbers, secs, takes, why};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn more_and_fewer_workers_in_place(world: World) {
        let gauge = Gauge::default();
        let (queue, _results, mut engine) = numbers(&world, 2)
            .build(async |_, _| {
                let _inside = gauge.enter();
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let begun = world.now();
        let (_, finished) = engine
            .run_with(async {
                world.sleep(millis(500)).await;
                assert_eq!(gauge.inside(), 2);
                queue.set_workers(5).unwrap();
                world.sleep(millis(100)).await;
                assert_eq!(gauge.inside(), 5, "they begin at once");
                queue.set_workers(1).unwrap();
                world.sleep(millis(600)).await;
                assert_eq!((gauge.inside(), queue.stats().ok), (3, 2), "those above it go on to their end");
                world.sleep(millis(700)).await;
                assert_eq!((gauge.inside(), queue.stats().ok), (1, 5));
                queue.set_workers(10).unwrap();
                assert!(queue.set_workers(0).is_err());
            })
            .await;
        assert_eq!((finished.stats.ok, gauge.most()), (20, 10));
        assert_eq!(world.now().since(begun), millis(1_900) + secs(2));
    }

    async fn more_and_fewer_workers_on_an_executor(world: World) {
        let (gauge, inner) = (Gauge::default(), world.clone());
        let own = gauge.clone();
        let (queue, _results, engine) = numbers(&world, 2)
            .build(async move |_, _| {
                let _inside = own.enter();
                inner.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        world.sleep(millis(500)).await;
        assert_eq!(gauge.inside(), 2);
        queue.set_workers(5).unwrap();
        world.sleep(millis(100)).await;
        assert_eq!(gauge.inside(), 5);
        queue.set_workers(1).unwrap();
        world.sleep(millis(600)).await;
        assert_eq!((gauge.inside(), queue.stats().ok), (3, 2));
        world.sleep(millis(700)).await;
        assert_eq!((gauge.inside(), queue.stats().ok), (1, 5));
        queue.set_workers(10).unwrap();
        queue.close();
        assert_eq!((handle.await.stats.ok, gauge.most()), (20, 10));
        assert_eq!(world.now().since(begun), millis(1_900) + secs(2));
    }

    // Set before the run, and after it, it counts for the next one.
    async fn the_number_may_be_set_at_any_time(world: World) {
        let gauge = Gauge::default();
        let (queue, _results, mut engine) = numbers(&world, 1)
            .build(async |_, _| {
                let _inside = gauge.enter();
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for workers in [3, 6] {
            queue.set_workers(workers).unwrap();
            for n in 0..12 {
                queue.push(n).await.unwrap();
            }
            queue.close();
            assert_eq!((engine.run().await.stats.ok, gauge.most()), (12, workers));
            engine.reopen();
        }
    }

    async fn more_places_let_those_who_wait_in(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(9))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                queue.push(0).await.unwrap();
                world.sleep(millis(1)).await;
                queue.push(1).await.unwrap();
                let begun = world.now();
                let more = async {
                    world.sleep(secs(1)).await;
                    assert_eq!(queue.stats().blocked, 2);
                    queue.set_capacity(3).unwrap();
                };
                let (second, third, ()) = futures::join!(queue.push(2), queue.push(3), more);
                assert!(second.is_ok() && third.is_ok());
                assert_eq!((world.now().since(begun), queue.stats().blocked), (secs(1), 0));
                queue.set_capacity(1).unwrap();
                assert!(queue.try_push(4).is_err() && queue.set_capacity(0).is_err());
                assert_eq!(queue.stats().pending, 3, "those above it keep their places");
            })
            .await;
        assert_eq!((finished.stats.ok, jobs(&results.drain())), (4, vec![0, 1, 2, 3]));
    }

    // 1, 30, 31, 200 idle workers shut down, by a close and by a stop.
    async fn all_idle_workers_shut_down(world: World) {
        for workers in [1, 30, 31, 200] {
            for stop in [false, true] {
                let (queue, _results, engine) = numbers(&world, workers).build(takes(&world, secs(1))).unwrap();
                let handle = engine.spawn_on(world.executor());
                world.sleep(secs(1)).await;
                queue.push(1).await.unwrap();
                queue.settled().await.unwrap();
                let begun = world.now();
                if stop { queue.stop() } else { queue.close() }
                let finished = handle.await;
                assert_eq!(why(&finished), "completed", "there was nothing left to cancel");
                assert_eq!((finished.stats.ok, left(&finished).len(), world.now()), (1, 0, begun));
            }
        }
    }
}
