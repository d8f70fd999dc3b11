//! `for_each_sync`: a plain function that is called with each result.

use super::Bomb;
use crate::runner::support::{Fault, Gauge, after, how, secs};
use futures::FutureExt;
use regatta::{CancelToken, StopOn, StopReason, for_each_ok, for_each_sync};
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

on_every_executor! {
    async fn results_come_as_tasks_end(world: World) {
        let mut seen = Vec::new();
        let each = for_each_sync(
            [3, 1, 0, 2],
            2,
            async |n| after(&world, secs(n), if n == 1 { Err("one") } else { Ok(n) }).await,
            |result| seen.push((world.now(), how(&result))),
        );
        let start = world.now();
        assert!(matches!(each.unwrap().clock(world.clock()).await, StopReason::Completed));
        let seen: Vec<_> = seen.into_iter().map(|(at, how)| (at.since(start).as_secs(), how)).collect();
        let expected = [(1, "failed: one"), (1, "ok 0"), (3, "ok 3"), (3, "ok 2")];
        assert_eq!(seen, expected.map(|(at, how)| (at, how.to_owned())));
    }

    async fn the_end_tells_why(world: World) {
        let slow = async |n: u64| after(&world, secs(n), if n == 1 { Err("one") } else { Ok(n) }).await;
        let run = |items: &'static [u64]| for_each_sync(items.iter().copied(), 1, slow, |_| {}).unwrap().clock(world.clock());
        assert!(matches!(run(&[]).timeout(Duration::ZERO).await, StopReason::Completed));
        assert!(matches!(run(&[1, 2]).await, StopReason::Completed));
        assert!(matches!(run(&[1, 9]).timeout(secs(5)).await, StopReason::TimedOut));
        assert!(matches!(run(&[1, 9]).timeout(Duration::ZERO).await, StopReason::TimedOut));
        assert!(matches!(run(&[1, 9]).stop_on(StopOn::FirstError).await, StopReason::StopRule));
        let token = CancelToken::new();
        token.cancel();
        assert!(matches!(run(&[1, 9]).cancel_on(&token).await, StopReason::Cancelled));
        let items = (0..5).inspect(|n| assert!(*n < 2, "no item"));
        let mut seen = Vec::new();
        let each = for_each_sync(items, 2, async |n| Ok::<_, Fault>(n), |result| seen.push(how(&result)));
        let end = each.unwrap().await;
        assert!(matches!(&end, StopReason::Panicked(panic) if panic.message() == "no item"), "{end:?}");
        assert_eq!(seen, ["ok 0", "ok 1", "panicked: no item"]);
    }

    async fn a_panic_of_the_function_comes_after_the_tasks_are_dropped(world: World) {
        for (limit, first) in [(5, 1), (300, 1), (300, 0), (5, 0)] {
            let (gauge, mut calls) = (Gauge::default(), 0);
            let each = for_each_sync(
                0..1000,
                limit,
                async |n| {
                    let _inside = gauge.enter();
                    match n {
                        0 => after(&world, secs(first), Ok(n)).await,
                        // Ends in the same pass as the first one.
                        1 => after(&world, secs(1), Ok(n)).await,
                        _ => pending().await,
                    }
                },
                |_| {
                    calls += 1;
                    std::panic::panic_any(7_u8);
                },
            );
            let inside = gauge.clone();
            let each = each.unwrap().clock(world.clock()).inspect(|_| unreachable!("it has no output"));
            let panic = AssertUnwindSafe(each).catch_unwind().await.unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&7_u8), "its own payload");
            assert_eq!((calls, inside.inside()), (1, 0));
            assert_eq!(gauge.entered(), if first == 0 { 1 } else { limit }, "nothing starts after it");
        }
    }

    async fn a_panic_of_the_function_is_not_masked_by_that_of_a_drop(world: World) {
        let each = for_each_sync(
            0..2,
            2,
            async |n| after(&world, secs(1), Ok((n, (n == 1).then(|| Bomb)))).await,
            |result| panic!("cannot take {}", result.unwrap().0),
        );
        let each = each.unwrap().clock(world.clock());
        let panic = AssertUnwindSafe(each).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "cannot take 0");
    }

    async fn a_function_that_panics_as_it_is_dropped_changes_nothing(_world: World) {
        let (bomb, mut calls) = (Bomb, 0);
        let calls = &mut calls;
        let each = for_each_sync(0..3, 2, async |n| Ok::<_, Fault>(n), move |_| {
            let _captured = &bomb;
            *calls += 1;
        });
        assert!(matches!(each.unwrap().await, StopReason::Completed));
    }

    async fn a_run_that_is_dropped_drops_its_tasks(_world: World) {
        let gauge = Gauge::default();
        let mut each = for_each_sync(
            0..9,
            2,
            async |_| {
                let _inside = gauge.enter();
                pending::<Result<(), Fault>>().await
            },
            |_| unreachable!("no task ends"),
        ).unwrap();
        assert!(futures::poll!(&mut each).is_pending());
        assert_eq!(gauge.inside(), 2);
        drop(each);
        assert_eq!(gauge.inside(), 0);
    }

    async fn plain_values_have_a_for_each_of_their_own(world: World) {
        let each = for_each_ok(1..=3, 2, async |n| if n == 2 { panic!("overboard") } else { n }, async |mut done| {
            let mut seen = Vec::new();
            while let Some((index, result)) = done.next_indexed().await {
                seen.push((index, how(&result)));
            }
            (seen, done.is_complete())
        });
        let (seen, complete) = each.unwrap().clock(world.clock()).timeout(secs(1)).await;
        let expected = [(0, "ok 1"), (1, "panicked: overboard"), (2, "ok 3")];
        assert_eq!(seen, expected.map(|(index, how)| (index, how.to_owned())));
        assert!(complete);
    }
}
