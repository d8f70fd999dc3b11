//! Jobs that are added one by one: before the start, on the fly, and in a scope.

use crate::queue::support::{jobs, millis, numbers, secs, values, why};
use regatta::queue::{Key, Options, Refusal};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // "Manual task adding, context manager": ten before, five after 100 ms, five after 100 ms more.
    async fn jobs_are_added_before_the_start_and_on_the_fly(world: World) {
        let mut rng = world.rng();
        let pauses: Vec<u64> = (0..20).map(|_| 10 + rng.u64(..90)).collect();
        let (queue, mut results, mut engine) = numbers(&world, 10)
            .build(async |n, _| {
                world.sleep(millis(pauses[*n as usize])).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let add = async |n| queue.push_with(n, Options::new().key(format!("My task id: {n}"))).await.unwrap();
        for n in 0..10 {
            add(n).await;
        }
        let (_, finished) = engine
            .run_with(async {
                for more in [10..15, 15..20] {
                    world.sleep(millis(100)).await;
                    assert!(!results.is_empty(), "they are worked on meanwhile");
                    for n in more {
                        add(n).await;
                    }
                }
            })
            .await;
        assert_eq!((why(&finished), finished.stats.ok), ("completed", 20));
        let mut all = results.drain();
        all.sort_by_key(|done| done.id);
        assert_eq!(values(&all), (0..20).collect::<Vec<_>>());
        assert!(all.iter().all(|done| done.key() == Some(&Key::from(format!("My task id: {}", done.job)))));
    }

    // `async with aqute`: what is left of the scope is worked on before it ends, and nobody can add afterwards.
    async fn a_scope_ends_when_everything_in_it_has(world: World) {
        let begun = world.now();
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .build(async |n, _| {
                world.sleep(secs(1)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (said, finished) = engine
            .run_with(async {
                for n in 0..6 {
                    queue.push(n).await.unwrap();
                }
                "the body is through"
            })
            .await;
        assert_eq!((said, world.now().since(begun)), ("the body is through", secs(3)));
        assert_eq!((finished.stats.ok, jobs(&results.drain())), (6, vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(queue.try_push(7).unwrap_err().why, Refusal::Closed);
        assert!(results.next().await.is_none());
    }

    // A body that leaves with an error closes its queue all the same: nothing hangs, and nothing is lost.
    async fn a_scope_whose_body_fails_still_ends_what_was_added(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .build(async |n, _| {
                world.sleep(secs(1)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (said, finished) = engine
            .run_with(async {
                queue.push(1).await.unwrap();
                Err::<(), _>("out of paper")
            })
            .await;
        assert_eq!((said, finished.stats.ok), (Err("out of paper"), 1));
        assert_eq!(results.drain().len(), 1);
    }

    // `wait_till_end` inside the scope: the results are there before the scope is left.
    async fn everything_is_settled_inside_the_scope(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 3)
            .build(async |n, _| {
                world.sleep(millis(10)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                for round in 1..=3 {
                    for n in 0..10 {
                        queue.push(n).await.unwrap();
                    }
                    queue.settled().await.unwrap();
                    assert_eq!((results.drain().len(), queue.stats().settled), (10, 10 * round));
                }
            })
            .await;
        assert_eq!(finished.stats.ok, 30);
    }
}
