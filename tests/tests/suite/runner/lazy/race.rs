//! `race`: the first success, or all failures.

use super::Bomb;
use crate::runner::support::{Fault, Gauge, after, secs};
use regatta::{RaceError, StopReason, race};
use regatta_tests::{World, on_every_executor};
use std::error::Error;
use std::future::pending;

on_every_executor! {
    async fn the_first_success_wins_and_the_rest_is_dropped(world: World) {
        let (gauge, start) = (Gauge::default(), world.now());
        let items = [(9, Ok("slow")), (1, Err("down")), (9, Err("slow")), (2, Ok("quick")), (1, Ok("never"))];
        let raced = race(items, 3, async |(s, end)| {
            let _inside = gauge.enter();
            after(&world, secs(s), end).await
        });
        assert_eq!(raced.unwrap().clock(world.clock()).await.unwrap(), "quick");
        assert_eq!((gauge.entered(), gauge.inside()), (4, 0), "a failure lets the next one start");
        assert_eq!(world.now().since(start), secs(3));
    }

    async fn of_several_successes_at_once_the_first_woken_wins(world: World) {
        let raced = race([2, 1, 0], 3, async |n: u64| {
            // All end at 2 s, and their timers are set in the order 0, 1, 2 of the seconds before.
            world.sleep(secs(n)).await;
            after(&world, secs(2 - n), Ok(n)).await
        });
        assert_eq!(raced.unwrap().clock(world.clock()).await.unwrap(), 2, "it slept from the start");
        let raced = race(["a", "b"], 2, async |name| after(&world, secs(1), Ok(name)).await);
        assert_eq!(raced.unwrap().clock(world.clock()).await.unwrap(), "a");
    }

    async fn of_those_that_are_ready_the_earliest_wins_and_no_later_one_starts(_world: World) {
        let gauge = Gauge::default();
        let raced = race(0..9, 5, async |n| {
            gauge.pass();
            if n < 2 { Err("not I") } else { Ok(n) }
        });
        assert_eq!(raced.unwrap().await.unwrap(), 2);
        assert_eq!(gauge.entered(), 3);
    }

    async fn all_failures_are_told_in_the_order_of_the_items(world: World) {
        let fails = async |(s, name): (u64, Fault)| after::<()>(&world, secs(s), Err(name)).await;
        let raced = race([(3, "a"), (1, "b"), (2, "c")], 2, fails).unwrap().clock(world.clock()).await;
        let error = raced.unwrap_err();
        assert_eq!(error.to_string(), "none of 3 succeeded; the first to fail: b");
        assert_eq!(error.first().unwrap().failure(), Some(&"b"));
        assert!(error.stopped().is_none());
        let debug = format!("{error:?}");
        assert!(debug.starts_with("RaceError { errors: [Failed(\"a\"), Failed(\"b\")"), "{debug}");
        let errors: Vec<_> = error.into_errors().iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["a", "b", "c"]);
    }

    async fn panics_and_timeouts_lose_without_ending_the_race(world: World) {
        let run = |last| race(0..4, 4, async move |n| match n {
            0 => panic!("overboard"),
            1 => pending().await,
            2 => Err("no route"),
            _ => last,
        });
        assert_eq!(run(Ok(3)).unwrap().clock(world.clock()).task_timeout(secs(1)).await.unwrap(), 3);
        let lost = run(Err("last")).unwrap().clock(world.clock()).task_timeout(secs(1)).await.unwrap_err();
        let texts: Vec<_> = lost.errors().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["panicked: overboard", "timed out after 1s", "no route", "last"]);
        assert_eq!(lost.first().unwrap().to_string(), "panicked: overboard");
    }

    async fn nobody_wins_without_items(_world: World) {
        let empty: [u8; 0] = [];
        let error = race(empty, 3, async |n| Ok::<_, Fault>(n)).unwrap().await.unwrap_err();
        assert!(error.errors().is_empty() && error.first().is_none() && error.stopped().is_none());
        assert_eq!(error.to_string(), "there was nothing to race");
    }

    async fn an_iterator_that_panics_is_told_unless_somebody_wins(world: World) {
        let items = || (0..3).inspect(|n| assert!(*n < 1, "no item"));
        let fails = async |_| after::<()>(&world, secs(1), Err("no")).await;
        let error = race(items(), 2, fails).unwrap().clock(world.clock()).await.unwrap_err();
        assert!(matches!(error.stopped(), Some(StopReason::Panicked(panic)) if panic.message() == "no item"));
        let texts: Vec<_> = error.errors().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["no", "panicked: no item"]);
        let wins = async |n| after(&world, secs(1), Ok(n)).await;
        assert_eq!(race(items(), 2, wins).unwrap().clock(world.clock()).await.unwrap(), 0);
    }

    async fn a_late_success_that_panics_as_it_is_dropped_changes_nothing(world: World) {
        let raced = race([false, true], 2, async |explodes: bool| {
            after(&world, secs(1), Ok((explodes, explodes.then(|| Bomb)))).await
        });
        let (explodes, _) = raced.unwrap().clock(world.clock()).await.unwrap();
        assert!(!explodes, "the first one");
        // And failures that nobody is told of.
        let raced = race([1, 2], 1, async |n| if n == 1 { Err(Bomb) } else { Ok(n) });
        assert_eq!(raced.unwrap().await.unwrap(), 2);
    }

    async fn a_race_of_many_ends_with_its_winner(world: World) {
        let gauge = Gauge::default();
        let raced = race(0..1000, 1000, async |n| {
            let _inside = gauge.enter();
            if n == 700 { after(&world, secs(1), Ok(n)).await } else { pending().await }
        });
        assert_eq!(raced.unwrap().clock(world.clock()).await.unwrap(), 700);
        assert_eq!((gauge.entered(), gauge.inside()), (1000, 0));
    }
}

#[test]
fn a_lost_race_is_an_error_like_others() {
    fn goes_everywhere<T: Error + Send + Sync + 'static>() {}
    goes_everywhere::<RaceError<std::io::Error>>();
}
