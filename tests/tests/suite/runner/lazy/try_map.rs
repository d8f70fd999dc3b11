//! `try_map`: all values, or the first failure.

use super::{Bomb, failed};
use crate::runner::support::{Fault, Gauge, after, secs};
use regatta::{TaskError, map, try_map};
use regatta_tests::{World, on_every_executor};
use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;

on_every_executor! {
    async fn values_come_in_the_order_of_the_items(world: World) {
        let mapped = try_map([3, 1, 2, 0], 3, async |n| after(&world, secs(n), Ok(n)).await);
        assert_eq!(mapped.unwrap().clock(world.clock()).await.unwrap(), [3, 1, 2, 0]);
        assert_eq!(world.now().since(regatta_tests::ManualClock::START), secs(3));
    }

    async fn nothing_is_everything_of_no_items(_world: World) {
        let empty: [u8; 0] = [];
        assert_eq!(try_map(empty, 3, async |n| Ok::<_, Fault>(n)).unwrap().await.unwrap(), empty);
    }

    async fn the_failure_that_ended_first_is_told_and_the_rest_is_dropped(world: World) {
        let (gauge, start) = (Gauge::default(), world.now());
        let mapped = try_map([(3, Ok(1)), (2, Err("two")), (1, Err("one")), (1, Ok(1))], 3, async |(s, end)| {
            let _inside = gauge.enter();
            after(&world, secs(s), end).await
        });
        let error = mapped.unwrap().clock(world.clock()).await.unwrap_err();
        assert_eq!(error.failure(), Some(&"one"));
        assert_eq!((gauge.entered(), gauge.inside()), (3, 0), "the fourth never started");
        assert_eq!(world.now().since(start), secs(1));
    }

    async fn of_two_failures_at_once_the_first_woken_is_told(world: World) {
        let fails = async |n: u64| after(&world, secs(1), if n == 0 { Ok(n) } else { Err(["", "1", "2"][n as usize]) }).await;
        let error = try_map(0..3, 3, fails).unwrap().clock(world.clock()).await.unwrap_err();
        assert_eq!(error.failure(), Some(&"1"));
    }

    async fn nothing_starts_after_a_task_that_fails_at_once(_world: World) {
        let gauge = Gauge::default();
        let mapped = try_map(0..9, 5, async |n| {
            gauge.pass();
            if n == 2 { Err("two") } else { Ok(n) }
        });
        assert_eq!(failed(mapped.unwrap().await), "two");
        assert_eq!(gauge.entered(), 3);
    }

    async fn panics_and_timeouts_are_failures_too(world: World) {
        let panics = try_map(0..3, 2, async |n| if n == 1 { panic!("overboard") } else { Ok::<_, Fault>(n) });
        assert_eq!(failed(panics.unwrap().await), "panicked: overboard");
        let makes_none = |n| {
            assert!(n < 1, "no task");
            async move { Ok::<_, Fault>(n) }
        };
        assert_eq!(failed(try_map(0..3, 2, makes_none).unwrap().await), "panicked: no task");
        let items = (0..3).inspect(|n| assert!(*n < 1, "no item"));
        assert_eq!(failed(try_map(items, 2, async |n| Ok::<_, Fault>(n)).unwrap().await), "panicked: no item");
        let late = try_map([1, 9], 2, async |n| after(&world, secs(n), Ok(n)).await);
        let late = late.unwrap().clock(world.clock()).task_timeout(secs(3)).await;
        assert!(matches!(late, Err(TaskError::TimedOut { after }) if after == secs(3)));
    }

    async fn values_of_a_run_that_failed_are_dropped(_world: World) {
        let held = Arc::new(());
        let mapped = try_map(0..5, 2, async |n| if n == 3 { Err("three") } else { Ok(held.clone()) });
        assert_eq!(failed(mapped.unwrap().await), "three");
        assert_eq!(Arc::strong_count(&held), 1);
    }

    async fn a_value_that_panics_as_it_is_dropped_does_not_hide_the_failure(world: World) {
        let mapped = try_map(0..3, 1, async |n| if n == 2 { Err("two") } else { Ok(Bomb) });
        assert_eq!(failed(mapped.unwrap().await), "two");

        struct Touchy {
            _bomb: Option<Bomb>,
            name: &'static str,
        }
        impl std::fmt::Display for Touchy {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name)
            }
        }
        let both = try_map([("first", false), ("second", true)], 2, async |(name, explodes)| {
            world.sleep(secs(1)).await;
            Err::<(), _>(Touchy { _bomb: explodes.then(|| Bomb), name })
        });
        assert_eq!(failed(both.unwrap().clock(world.clock()).await), "first");
    }

    async fn a_run_that_is_dropped_drops_tasks_and_values(world: World) {
        let (gauge, held) = (Gauge::default(), Arc::new(()));
        let mut mapped = Box::pin(try_map(0..5, 2, async |n| {
            let _inside = gauge.enter();
            if n > 1 {
                pending::<()>().await;
            }
            Ok::<_, Fault>(held.clone())
        }).unwrap());
        assert!(futures::poll!(mapped.as_mut()).is_pending());
        assert_eq!((gauge.inside(), Arc::strong_count(&held)), (2, 3));
        drop(mapped);
        assert_eq!((gauge.inside(), gauge.entered(), Arc::strong_count(&held)), (0, 4, 1));
        world.yield_now().await;
    }

    async fn items_are_pulled_as_they_start(world: World) {
        let pulled = Cell::new(0);
        let items = (0..1000).inspect(|_| pulled.set(pulled.get() + 1));
        let mapped = try_map(items, 2, async |n| {
            after(&world, secs(1), if n == 4 { Err("four") } else { Ok(n) }).await
        });
        assert_eq!(failed(mapped.unwrap().clock(world.clock()).await), "four");
        assert_eq!(pulled.get(), 6);
    }

    async fn promises_that_nobody_can_keep_are_not_believed(_world: World) {
        // As many items as no memory holds, and an iterator that promises more than it has.
        assert_eq!(failed(try_map(0..u64::MAX, 2, async |_| Err::<(), _>("no")).unwrap().await), "no");
        assert_eq!(failed(try_map(0_u64.., 2, async |_| Err::<(), _>("no")).unwrap().await), "no");
        struct Boaster(u8);
        impl Iterator for Boaster {
            type Item = u8;
            fn next(&mut self) -> Option<u8> {
                self.0.checked_sub(1).inspect(|left| self.0 = *left)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                (usize::MAX, None)
            }
        }
        let task = async |n| Ok::<_, Fault>(n);
        assert_eq!(try_map(Boaster(3), 2, task).unwrap().await.unwrap(), [2, 1, 0]);
        assert_eq!(map(Boaster(3), 2, task).unwrap().await.len(), 3);
    }
}
