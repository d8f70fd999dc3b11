//! What a run does with an iterator that it no longer needs, or that panics.

use super::Bomb;
use crate::runner::support::{Fault, after, hows, secs};
use regatta::{CancelToken, StopOn, for_each, map, map_ok};
use regatta_tests::{World, on_every_executor};
use std::cell::Cell;

const STOPPED: &str = "not started: the run was stopped by its stop rule";

async fn fail<T>(_: T) -> Result<(), Fault> {
    Err("no")
}

/// The results of a map over `items` that stops at its first task.
async fn stopped_at_once<I: IntoIterator>(items: I) -> Vec<String> {
    hows(&map(items, 1, fail).unwrap().stop_on(StopOn::FirstError).await)
}

/// The even numbers; nobody can tell how many before they are pulled. Counts the pulls.
fn evens(pulled: &Cell<usize>) -> impl Iterator<Item = u64> {
    (0..1000).inspect(|_| pulled.set(pulled.get() + 1)).filter(|n: &u64| n.is_multiple_of(2))
}

on_every_executor! {
    async fn a_stopped_map_counted_a_range_without_an_end(_world: World) {
        assert_eq!(stopped_at_once(0..u64::MAX).await, ["failed: no"]);
        assert_eq!(stopped_at_once(0_u64..).await, ["failed: no"]);
        // The least number of items that are not told one by one.
        assert_eq!(stopped_at_once(0..(1 << 24) + 2).await, ["failed: no"]);
    }

    async fn a_stopped_map_tells_what_never_started_if_the_iterator_knows(_world: World) {
        let names = ["a", "b", "c"];
        let expected = ["failed: no", STOPPED, STOPPED];
        assert_eq!(stopped_at_once(names).await, expected);
        assert_eq!(stopped_at_once(&names).await, expected);
        assert_eq!(stopped_at_once((0..3).map(|n| n * 2)).await, expected);
        assert_eq!(stopped_at_once(0..1000).await.len(), 1000);
    }

    async fn a_stopped_map_pulled_from_an_iterator_that_blocks(_world: World) {
        let mut queue = vec![2, 1];
        let channel = std::iter::from_fn(|| {
            assert!(!queue.is_empty(), "a channel would block its thread here");
            queue.pop()
        });
        assert_eq!(stopped_at_once(channel.take(3)).await, ["failed: no"]);
        assert_eq!(queue, [2], "what was not started is still there");
    }

    async fn a_stopped_map_ran_the_side_effects_of_items_that_it_never_started(world: World) {
        let pulled = Cell::new(0);
        assert_eq!(stopped_at_once(evens(&pulled)).await, ["failed: no"]);
        assert_eq!(pulled.take(), 1);

        let slow = async |n| after(&world, secs(9), Ok(n)).await;
        let timed = map(evens(&pulled), 2, slow).unwrap().clock(world.clock()).timeout(secs(5));
        assert_eq!(hows(&timed.await), ["timed out after 5s"; 2]);
        assert_eq!(pulled.take(), 3);

        let token = CancelToken::new();
        let cancels = async |n| {
            token.cancel();
            slow(n).await
        };
        let cancelled = map(evens(&pulled), 2, cancels).unwrap().clock(world.clock()).cancel_on(&token);
        // Also not those that would have started in the same pass.
        assert_eq!(hows(&cancelled.await), ["cancelled"]);
        assert_eq!(pulled.take(), 1);
    }

    async fn the_results_were_lost_when_the_drop_of_an_iterator_panicked(_world: World) {
        let items = || {
            let bomb = Bomb;
            (0..3).inspect(move |_| assert!(!std::thread::panicking(), "{bomb:?}"))
        };
        assert_eq!(hows(&map_ok(items(), 2, async |n| n).unwrap().await), ["ok 0", "ok 1", "ok 2"]);
        let each = for_each(items(), 2, async |n| Ok::<_, Fault>(n), async |mut done| {
            let mut read = 0;
            while done.next().await.is_some() {
                read += 1;
            }
            read
        });
        assert_eq!(each.unwrap().await, 3);
    }

    async fn the_results_were_lost_when_the_drop_of_the_function_panicked(_world: World) {
        /// Only the original, not the clones that are used up for the items.
        struct Original {
            _bomb: Option<Bomb>,
        }
        impl Clone for Original {
            fn clone(&self) -> Self {
                Self { _bomb: None }
            }
        }
        let original = Original { _bomb: Some(Bomb) };
        let task = move |n| {
            let _used = &original;
            std::future::ready(n)
        };
        assert_eq!(hows(&map_ok(0..3, 2, task).unwrap().await), ["ok 0", "ok 1", "ok 2"]);
    }

    async fn a_run_whose_iterator_panicked_was_called_complete(world: World) {
        // With nothing running when it panics, and with something.
        for (limit, seconds) in [(1, 0), (2, 1)] {
            let items = (0..10).inspect(|n| assert!(*n < 3, "no more items"));
            let tasks = async |n: u64| after(&world, secs(n * seconds), Ok(n)).await;
            let each = for_each(items, limit, tasks, async |mut done| {
                let mut read = 0;
                while done.next().await.is_some() {
                    assert!(!done.is_complete());
                    read += 1;
                }
                (read, done.is_complete())
            });
            let outcome = each.unwrap().clock(world.clock()).await;
            assert_eq!(outcome, (4, false), "three items, and the panic");
        }
    }
}
