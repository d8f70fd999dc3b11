//! Stop, grace, abort: in time, whatever the handlers do.

use crate::queue::support::{Gauge, left, millis, numbers, secs, states, takes, why};
use regatta::queue::Refusal;
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // Handlers that use the grace end it early.
    async fn a_grace_lasts_no_longer_than_it_is_needed(world: World) {
        for spawned in [false, true] {
            let (tidied, inner) = (Gauge::default(), world.clone());
            let own = tidied.clone();
            let (queue, mut results, mut engine) = numbers(&world, 2)
                .grace(secs(60))
                .build(async move |n, ctx| {
                    ctx.cancelled().await;
                    inner.sleep(secs(u64::from(*n))).await;
                    own.pass();
                    Ok::<_, &str>(*n)
                })
                .unwrap();
            for n in 1..=3 {
                queue.push(n).await.unwrap();
            }
            crate::queue::support::later(&world, secs(1), {
                let queue = queue.clone();
                move || queue.stop()
            });
            let begun = world.now();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", secs(3)));
            assert_eq!((tidied.entered(), left(&finished), results.drain().len()), (2, vec![3], 2));
        }
    }

    // During the grace nothing comes in, from outside or from handlers.
    async fn nothing_comes_in_during_the_grace(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 1)
            .grace(secs(5))
            .build(async |_, ctx| {
                ctx.cancelled().await;
                world.sleep(secs(1)).await;
                assert_eq!(ctx.push(7).unwrap_err().why, Refusal::Stopped);
                Ok::<_, &str>(())
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                queue.push(1).await.unwrap();
                world.sleep(secs(1)).await;
                queue.stop();
                assert_eq!(queue.push(2).await.unwrap_err().why, Refusal::Stopped);
                assert_eq!(queue.try_push(2).unwrap_err().why, Refusal::Stopped);
                assert_eq!(queue.reserve().await.unwrap_err(), Refusal::Stopped);
            })
            .await;
        assert_eq!((finished.stats.admitted, finished.stats.panicked), (1, 0));
    }

    // An attempt that fails as it is asked to stop is not made again.
    async fn attempts_are_not_made_again_while_it_stops(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .grace(secs(60))
            .retry(regatta::Backoff::constant(secs(1)).forever())
            .build(async |n, ctx| {
                if *n == 1 {
                    ctx.cancelled().await;
                }
                Err::<(), _>("no")
            })
            .unwrap();
        let begun = world.now();
        let (_, finished) = engine
            .run_with(async {
                queue.push(2).await.unwrap();
                queue.push(1).await.unwrap();
                world.sleep(millis(500)).await;
                queue.stop();
            })
            .await;
        assert_eq!((world.now().since(begun), finished.leftover.len()), (millis(500), 0));
        let mut all = results.drain();
        all.sort_by_key(|done| done.id);
        assert!(all.iter().all(|done| done.attempts == 1 && !done.is_ok()), "{all:?}");
    }

    async fn an_abort_is_a_stop_without_grace(world: World) {
        let (queue, mut results, engine) =
            numbers(&world, 2).grace(secs(60)).build(takes(&world, secs(5))).unwrap();
        for n in 0..4 {
            queue.push(n).await.unwrap();
        }
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        world.sleep(secs(1)).await;
        handle.abort();
        let finished = handle.await;
        assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", secs(1)));
        assert_eq!((left(&finished), states(&results.drain())), (vec![2, 3], vec!["cancelled", "cancelled"]));
    }

    // In the middle of a grace, too.
    async fn an_abort_ends_a_grace(world: World) {
        let (queue, _results, engine) =
            numbers(&world, 2).grace(secs(60)).build(takes(&world, secs(500))).unwrap();
        queue.push(1).await.unwrap();
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        world.sleep(secs(1)).await;
        queue.stop();
        world.sleep(secs(1)).await;
        handle.abort();
        assert_eq!(handle.await.stats.cancelled, 1);
        assert_eq!(world.now().since(begun), secs(2));
    }

    // Stopped before it has begun: it ends at once, and everything comes back.
    async fn a_queue_may_be_stopped_before_it_runs(world: World) {
        for spawned in [false, true] {
            let (queue, mut results, mut engine) = numbers(&world, 2).build(takes(&world, secs(5))).unwrap();
            for n in 0..4 {
                queue.push(n).await.unwrap();
            }
            queue.stop();
            let begun = world.now();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), left(&finished), world.now()), ("cancelled", vec![0, 1, 2, 3], begun));
            assert!(results.next().await.is_none());
        }
    }

    // Twice is once.
    async fn a_second_stop_changes_nothing(world: World) {
        let (queue, _results, engine) =
            numbers(&world, 1).grace(secs(5)).build(takes(&world, secs(500))).unwrap();
        queue.push(1).await.unwrap();
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        for _ in 0..3 {
            world.sleep(secs(1)).await;
            queue.stop();
            queue.close();
        }
        assert_eq!(handle.await.stats.cancelled, 1);
        assert_eq!(world.now().since(begun), secs(1 + 5));
    }
}
