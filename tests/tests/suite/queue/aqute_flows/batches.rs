//! A whole batch at once: `apply_to_all` and `apply_to_each`.

use crate::queue::support::{ends, jobs, millis, numbers, values};
use regatta::Backoff;
use regatta::queue;
use regatta_tests::{World, on_every_executor};
use std::sync::Arc;

on_every_executor! {
    // The quickstart: results in the order of the items, although later ones are ready earlier.
    async fn apply_to_all_gives_results_in_the_order_of_the_items(world: World) {
        let begun = world.now();
        let double = async |n: Arc<u32>, _| {
            world.sleep(millis(50 * u64::from(10 - *n))).await;
            Ok::<_, ()>(*n * 2)
        };
        let results = queue::map(0..10_u32, 2, double).unwrap().await;
        assert_eq!(values(&results), (0..10).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(jobs(&results), (0..10).collect::<Vec<_>>());
        // Two at once: half of the 2,750 ms that it takes one by one, and not more than the longest on top.
        let took = world.now().since(begun);
        assert!((millis(1_375)..millis(1_875)).contains(&took), "{took:?}");
    }

    // "Each task result is wrapped in AquteTask": the item comes back with what became of it, also where it failed.
    async fn the_items_come_back_with_their_results_and_errors(world: World) {
        let mut rng = world.rng();
        let pauses: Vec<u64> = (0..20).map(|_| 10 + rng.u64(..90)).collect();
        let handler = async |n: Arc<u32>, _| {
            world.sleep(millis(pauses[*n as usize])).await;
            if *n >= 19 { Err(format!("the key for {n}")) } else { Ok(format!("success {n}")) }
        };
        let rule = Backoff::constant(millis(1)).times(2);
        let mapped = numbers(&world, 10).retry(rule).map(0..20, handler).unwrap().await;
        assert_eq!(jobs(&mapped.results), (0..20).collect::<Vec<_>>());
        let (last, others) = mapped.results.split_last().unwrap();
        assert!(others.iter().all(|done| done.is_ok() && done.attempts == 1));
        assert_eq!(others[7].result.as_ref().unwrap(), "success 7");
        assert_eq!(last.result.as_ref().unwrap_err().failure().unwrap(), "the key for 19");
        assert_eq!((last.attempts, last.errors().len()), (3, 2));
        assert_eq!((mapped.finished.stats.ok, mapped.finished.stats.failed), (19, 1));
    }

    async fn apply_to_each_gives_results_as_they_are_completed(world: World) {
        let handler = async |n: Arc<u32>, _| {
            world.sleep(millis(1_000 - 10 * u64::from(*n))).await;
            if n.is_multiple_of(5) { Err("no fives") } else { Ok(*n) }
        };
        let read = async |mut results: queue::Reader<u32, u32, &'static str>| {
            let mut read = Vec::new();
            while let Some(done) = results.next().await {
                read.push(done);
            }
            read
        };
        let (read, finished) = numbers(&world, 20).for_each(0..20, handler, read).unwrap().await;
        assert_eq!(jobs(&read), (0..20).rev().collect::<Vec<_>>(), "the last item is the first to be ready");
        let failed: Vec<u32> = read.iter().filter(|done| !done.is_ok()).map(|done| *done.job).collect();
        assert_eq!(failed, [15, 10, 5, 0]);
        assert_eq!(finished.stats.settled, 20);
        assert_eq!(ends(&read)[4..6], ["failed: no fives", "ok 14"]);
    }

    async fn an_empty_batch_is_done_at_once(world: World) {
        let begun = world.now();
        let results = queue::map(std::iter::empty::<u32>(), 3, async |n, _| Ok::<_, ()>(*n)).unwrap().await;
        assert!(results.is_empty());
        assert_eq!(world.now(), begun);
    }
}
