//! Pause and resume, in place and with workers that are tasks of their own.

use crate::queue::support::{Gauge, later, left, millis, numbers, secs, takes, why};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn nothing_starts_while_it_is_paused(world: World) {
        let started = Gauge::default();
        let (queue, _results, mut engine) = numbers(&world, 2)
            .build(async |_, _| {
                started.pass();
                world.sleep(secs(1)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        let begun = world.now();
        let (_, finished) = engine
            .run_with(async {
                world.sleep(millis(500)).await;
                queue.pause();
                assert!(queue.is_paused());
                queue.push(6).await.unwrap();
                world.sleep(secs(10)).await;
                assert_eq!((started.entered(), queue.stats().ok), (2, 2), "what ran went on");
                queue.resume();
                assert!(!queue.is_paused());
            })
            .await;
        assert_eq!((finished.stats.ok, world.now().since(begun)), (7, millis(10_500) + secs(3)));
    }

    async fn a_queue_that_begins_paused_waits_for_its_sign(world: World) {
        let (queue, results, engine) = numbers(&world, 3).paused().build(takes(&world, secs(1))).unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        later(&world, secs(5), {
            let queue = queue.clone();
            move || queue.resume()
        });
        assert_eq!(handle.await.stats.ok, 3);
        assert_eq!((world.now().since(begun), results.len()), (secs(6), 3));
    }

    // However many idle workers there are, all of them hear of it.
    async fn all_idle_workers_go_on_after_a_pause(world: World) {
        for workers in [1, 30, 31, 200] {
            let (gauge, inner) = (Gauge::default(), world.clone());
            let own = gauge.clone();
            let (queue, _results, engine) = numbers(&world, workers)
                .build(async move |_, _| {
                    let _inside = own.enter();
                    inner.sleep(secs(1)).await;
                    Ok::<_, ()>(())
                })
                .unwrap();
            let handle = engine.spawn_on(world.executor());
            world.sleep(secs(1)).await;
            queue.pause();
            for n in 0..u32::try_from(workers).unwrap() {
                queue.push(n).await.unwrap();
            }
            world.sleep(secs(1)).await;
            assert_eq!(gauge.entered(), 0);
            let resumed = world.now();
            queue.resume();
            queue.settled().await.unwrap();
            assert_eq!((gauge.most(), world.now().since(resumed)), (workers, secs(1)));
            queue.close();
            assert_eq!(handle.await.stats.ok, workers);
            assert_eq!(world.now().since(resumed), secs(1), "they shut down at once");
        }
    }

    // Each worker that falls idle is found again by the next job.
    async fn jobs_that_come_one_by_one_find_their_workers(world: World) {
        let (queue, mut results, engine) = numbers(&world, 7).build(takes(&world, millis(15))).unwrap();
        let handle = engine.spawn_on(world.executor());
        let mut rng = world.rng();
        for n in 0..200 {
            queue.push(n).await.unwrap();
            world.sleep(millis(rng.u64(0..10))).await;
        }
        queue.close();
        assert_eq!(handle.await.stats.ok, 200);
        let slowest = results.drain().iter().map(|done| done.queued_for()).max().unwrap();
        assert!(slowest <= millis(15), "{slowest:?}");
    }

    // After `pause` has returned, nothing starts that was not on its way.
    async fn a_pause_holds_from_its_return_on(world: World) {
        let (gauge, inner) = (Gauge::default(), world.clone());
        let own = gauge.clone();
        let (queue, _results, engine) = numbers(&world, 4)
            .build(async move |_, _| {
                own.pass();
                inner.yield_now().await;
                Ok::<_, ()>(())
            })
            .unwrap();
        let handle = engine.spawn_on(world.executor());
        for n in 0..400 {
            queue.push(n).await.unwrap();
            if n % 50 == 0 {
                queue.pause();
                let stats = queue.stats();
                let on_their_way = stats.admitted - stats.pending;
                for _ in 0..5 {
                    world.yield_now().await;
                }
                assert!(gauge.entered() <= on_their_way, "{} of {on_their_way}", gauge.entered());
                assert_eq!(queue.stats().pending, stats.pending);
                queue.resume();
            }
        }
        queue.close();
        assert_eq!(handle.await.stats.ok, 400);
    }

    // Paused, it can be stopped; nothing that waits is lost.
    async fn a_paused_queue_can_be_stopped(world: World) {
        for spawned in [false, true] {
            let (queue, _results, mut engine) = numbers(&world, 2).paused().build(takes(&world, secs(1))).unwrap();
            for n in 0..3 {
                queue.push(n).await.unwrap();
            }
            later(&world, secs(1), {
                let queue = queue.clone();
                move || queue.stop()
            });
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), left(&finished)), ("cancelled", vec![0, 1, 2]));
        }
    }
}
