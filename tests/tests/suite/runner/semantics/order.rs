//! The order of adding, and the order of completion.

use crate::runner::support::{Fault, after, hows, secs};
use regatta::{Runner, for_each, map};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_report_keeps_both_orders(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        for (key, seconds) in [("c", 3), ("a", 1), ("d", 4), ("b", 2)] {
            runner.add(key, after(&world, secs(seconds), Ok(seconds))).unwrap();
        }
        let report = runner.run().await;
        let added: String = report.tasks().iter().map(|task| *task.key()).collect();
        let completed: String = report.by_completion().iter().map(|task| *task.key()).collect();
        assert_eq!((&*added, &*completed), ("cadb", "abcd"));
        let ok: Vec<_> = report.ok().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(ok, [("c", 3), ("a", 1), ("d", 4), ("b", 2)]);
        assert_eq!(report.into_iter().map(|(key, _)| key).collect::<String>(), "cadb");
    }

    async fn what_never_started_has_no_place_in_the_order_of_completion(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).timeout(secs(3));
        for key in ["a", "b", "c"] {
            runner.add(key, after(&world, secs(2), Ok(0))).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(report.by_completion().iter().map(|task| *task.key()).collect::<String>(), "ab");
    }

    async fn a_map_keeps_the_order_of_the_items(world: World) {
        let mapped = map([3, 1, 2, 5, 4], 5, async |s| after(&world, secs(s), Ok(s)).await);
        let results = mapped.unwrap().clock(world.clock()).await;
        assert_eq!(hows(&results), ["ok 3", "ok 1", "ok 2", "ok 5", "ok 4"]);
    }

    async fn a_for_each_reads_in_the_order_of_completion_and_knows_the_items(world: World) {
        let seconds = async |s| after(&world, secs(s), Ok(s)).await;
        let each = for_each([3, 1, 2, 5, 4], 5, seconds, async |mut done| {
            let mut read = Vec::new();
            while let Some((index, result)) = done.next_indexed().await {
                read.push((index, result.unwrap()));
            }
            read
        });
        let read = each.unwrap().clock(world.clock()).await;
        assert_eq!(read, [(1, 1), (2, 2), (0, 3), (4, 4), (3, 5)]);
    }

    async fn items_are_pulled_as_they_start(world: World) {
        let pulled = std::cell::Cell::new(0);
        let items = (0..100).inspect(|_| pulled.set(pulled.get() + 1));
        let mapped = map(items, 4, async |n| {
            // A slot stands for each item that was pulled.
            assert!(pulled.get() <= n + 4, "item {n} runs while {} were pulled", pulled.get());
            after(&world, secs(1), Ok(n)).await
        });
        let results = mapped.unwrap().clock(world.clock()).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!((results.len(), pulled.get()), (100, 100));
    }

    async fn an_endless_iterator_is_run_until_something_stops_it(world: World) {
        let mapped = map(0_u64.., 3, async |n| after(&world, secs(1), Ok::<_, Fault>(n)).await);
        let results = mapped.unwrap().clock(world.clock()).timeout(secs(4)).await;
        assert_eq!(results.len(), 12, "what was never pulled is not counted");
        assert!(results.iter().all(Result::is_ok), "those that end with the run are in time");
    }

    async fn no_items_no_results(_world: World) {
        let none = map(Vec::<u8>::new(), 3, async |n| Ok::<_, Fault>(n)).unwrap().await;
        assert!(none.is_empty());
        let each = for_each(
            Vec::<u8>::new(),
            3,
            async |n| Ok::<_, Fault>(n),
            async |mut done| (done.next().await.is_none(), done.is_complete()),
        );
        assert_eq!(each.unwrap().await, (true, true));
    }
}
