//! `try_map` and `race` where the run's time is up, or it is cancelled.

use super::failed;
use crate::runner::support::{Fault, after, secs};
use regatta::{CancelToken, RaceError, StopReason, TaskError, race, try_map};
use regatta_tests::{World, on_every_executor};
use std::cell::Cell;
use std::iter::from_fn;
use std::time::Duration;

const NO_TIME: &str = "not started: the run's time was up";
const CANCELLED: &str = "not started: it was cancelled first";

/// Counts down from `n - 1` and doesn't tell how long it will.
fn unknown(n: u64) -> impl Iterator<Item = u64> {
    let left = Cell::new(n);
    from_fn(move || left.get().checked_sub(1).inspect(|rest| left.set(*rest)))
}

/// A token that is cancelled after so many seconds.
fn cancelled_at(world: &World, seconds: u64) -> CancelToken {
    let token = CancelToken::new();
    let (world2, cancel) = (world.clone(), token.clone());
    world.spawn(async move {
        world2.sleep(secs(seconds)).await;
        cancel.cancel();
    });
    token
}

fn texts<E: std::fmt::Display>(error: &RaceError<E>) -> Vec<String> {
    error.errors().iter().map(ToString::to_string).collect()
}

on_every_executor! {
    async fn a_try_map_whose_time_is_up_is_a_failure(world: World) {
        let slow = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let timed = try_map([1, 9], 2, slow).unwrap().clock(world.clock()).timeout(secs(5)).await;
        assert!(matches!(timed, Err(TaskError::TimedOut { after }) if after == secs(5)));
        // Nothing was running.
        let timed = try_map([1, 9], 2, slow).unwrap().clock(world.clock()).timeout(Duration::ZERO).await;
        assert_eq!(failed(timed), NO_TIME);
        let timed = try_map(unknown(2), 2, slow).unwrap().clock(world.clock()).timeout(Duration::ZERO).await;
        assert_eq!(failed(timed), NO_TIME);
        // The last ends at that moment: completion beats the deadline.
        let timed = try_map([1, 5], 2, slow).unwrap().clock(world.clock()).timeout(secs(5)).await;
        assert_eq!(timed.unwrap(), [1, 5]);
        let timed = try_map([1, 5, 1], 2, slow).unwrap().clock(world.clock()).deadline(world.now() + secs(5));
        assert_eq!(timed.await.unwrap(), [1, 5, 1]);
    }

    async fn a_try_map_without_items_has_all_its_values_in_no_time(world: World) {
        let task = async |n: u64| Ok::<_, Fault>(n);
        let none = try_map(0..0, 2, task).unwrap().clock(world.clock()).timeout(Duration::ZERO);
        assert_eq!(none.await.unwrap(), [0; 0]);
        let none = try_map(unknown(0), 2, task).unwrap().clock(world.clock()).timeout(Duration::ZERO);
        assert_eq!(failed(none.await), NO_TIME, "it has not said that there are no items");
    }

    async fn a_cancelled_try_map_is_a_failure(world: World) {
        let slow = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let token = cancelled_at(&world, 2);
        let run = try_map([1, 9, 1], 1, slow).unwrap().clock(world.clock()).cancel_on(&token).await;
        assert!(matches!(run, Err(TaskError::Cancelled)));
        let run = try_map([1, 9], 2, slow).unwrap().clock(world.clock()).cancel_on(&token).await;
        assert_eq!(failed(run), CANCELLED);
    }

    async fn a_try_map_that_ends_within_its_grace_has_all_its_values(world: World) {
        let slow = async |_: u64| after(&world, secs(3), Ok(())).await;
        let token = cancelled_at(&world, 1);
        let graced = try_map([1, 2], 2, slow).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(9));
        assert_eq!(graced.await.unwrap().len(), 2);
        // Some are left, or may be.
        let token = cancelled_at(&world, 1);
        let left = try_map([1, 2, 3], 2, slow).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(9));
        assert_eq!(failed(left.await), CANCELLED);
        let token = cancelled_at(&world, 1);
        let left = try_map(unknown(2), 2, slow).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(9));
        assert_eq!(failed(left.await), CANCELLED);
    }

    async fn a_failure_within_the_grace_is_the_result(world: World) {
        let token = cancelled_at(&world, 1);
        let fails = async |n: u64| after::<()>(&world, secs(n), Err("late")).await;
        let run = try_map([2, 9, 9], 2, fails).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(5));
        assert_eq!(failed(run.await), "late");
    }

    async fn a_race_whose_time_is_up_tells_of_all_that_had_begun(world: World) {
        let fails = async |n: u64| after::<()>(&world, secs(n), Err("no route")).await;
        let timed = race([9, 1, 9, 9], 2, fails).unwrap().clock(world.clock()).timeout(secs(5)).await;
        let error = timed.unwrap_err();
        assert_eq!(texts(&error), ["timed out after 5s", "no route", "timed out after 5s"]);
        assert!(matches!(error.stopped(), Some(StopReason::TimedOut)));
        let expected = "none of 3 succeeded; the race was stopped by its timeout; the first to fail: no route";
        assert_eq!(error.to_string(), expected);
    }

    async fn a_success_beats_the_timeout_of_its_race(world: World) {
        let task = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let timed = race([9, 5], 2, task).unwrap().clock(world.clock()).timeout(secs(5)).await;
        assert_eq!(timed.unwrap(), 5);
    }

    async fn a_race_that_never_began_says_why(world: World) {
        let task = async |n: u64| Ok::<_, Fault>(n);
        let timed = race([1, 2], 2, task).unwrap().clock(world.clock()).timeout(Duration::ZERO).await;
        let error = timed.unwrap_err();
        assert!(error.errors().is_empty() && error.first().is_none());
        assert_eq!(error.to_string(), "none was started; the race was stopped by its timeout");

        let token = CancelToken::new();
        token.cancel();
        let error = race(unknown(2), 2, task).unwrap().cancel_on(&token).await.unwrap_err();
        assert_eq!(error.to_string(), "none was started; the race was cancelled");
    }

    async fn a_cancelled_race_has_no_winner_unless_one_succeeds_in_its_grace(world: World) {
        let task = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let token = cancelled_at(&world, 1);
        let error = race([2, 3], 2, task).unwrap().clock(world.clock()).cancel_on(&token).await.unwrap_err();
        assert_eq!(texts(&error), ["cancelled", "cancelled"]);
        assert!(matches!(error.stopped(), Some(StopReason::Cancelled)));
        let token = cancelled_at(&world, 1);
        let graced = race([9, 3], 2, task).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(5));
        assert_eq!(graced.await.unwrap(), 3);
    }
}
