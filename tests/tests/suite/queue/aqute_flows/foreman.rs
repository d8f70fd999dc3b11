//! Barebone workers: no retries, a rate, results one by one.

use crate::queue::support::{Diary, millis, numbers, takes, values, why};
use regatta::strategies::SlidingWindow;
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn workers_alone_hand_results_out_one_by_one(world: World) {
        let (begun, inner) = (Diary::new(&world), world.clone());
        let diary = begun.clone();
        let mut rng = world.rng();
        let pauses: Vec<u64> = (0..20).map(|_| 10 + rng.u64(..90)).collect();
        let (queue, mut results, engine) = numbers(&world, 10)
            .capacity(100)
            .unwrap()
            .strategy(SlidingWindow::new(5, millis(1_000)).unwrap())
            .build(async move |n, _| {
                diary.note(*n);
                inner.sleep(millis(pauses[*n as usize])).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        let mut read = Vec::new();
        for _ in 0..20 {
            read.push(results.next().await.unwrap());
        }
        assert!(read.iter().all(|done| done.is_ok() && done.attempts == 1 && done.errors().is_empty()));
        let mut all = values(&read);
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
        assert_eq!(begun.when(), (0..20).map(|n| n / 5 * 1_000).collect::<Vec<_>>(), "five in each second");
        // `finalize`: nobody has to read before it, and nothing goes on after it.
        queue.close();
        let finished = handle.await;
        assert_eq!((why(&finished), finished.stats.ok, finished.stats.retries), ("completed", 20, 0));
        assert!(results.next().await.is_none());
    }

    // "Do not finalize before result extraction": here one may.
    async fn ending_before_the_results_are_read_loses_none(world: World) {
        let (queue, mut results, engine) = numbers(&world, 10).build(takes(&world, millis(20))).unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        queue.close();
        assert_eq!(handle.await.stats.ok, 20);
        let mut read = Vec::new();
        while let Some(done) = results.next().await {
            read.push(done);
        }
        assert_eq!(read.len(), 20);
    }

    async fn an_error_stands_at_once_where_there_are_no_retries(world: World) {
        let (queue, mut results, engine) =
            numbers(&world, 2).build(async |_, _| Err::<u8, _>("no")).unwrap();
        queue.push(1).await.unwrap();
        queue.close();
        assert_eq!(engine.spawn_on(world.executor()).await.stats.failed, 1);
        let done = results.next().await.unwrap();
        assert_eq!((done.attempts, done.result.unwrap_err().failure()), (1, Some(&"no")));
    }
}
