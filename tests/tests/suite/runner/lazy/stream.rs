//! `stream`, and the results of a `for_each` as a stream.

use crate::runner::support::{Fault, Gauge, after, how, hows, secs};
use futures::StreamExt;
use futures::stream::FusedStream;
use regatta::{CancelToken, StopOn, for_each, stream};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::sync::Arc;

on_every_executor! {
    async fn results_come_in_the_order_in_which_tasks_end(world: World) {
        let done = stream([3, 1, 2, 1], 3, async |n| after(&world, secs(n), Ok(n)).await);
        let done: Vec<_> = done.unwrap().clock(world.clock()).map(|result| result.unwrap()).collect().await;
        assert_eq!(done, [1, 2, 1, 3].map(|n| n as u64).to_vec());
    }

    async fn after_the_last_comes_none_and_none_again(_world: World) {
        let mut done = stream(0..2, 8, async |n| Ok::<_, Fault>(n)).unwrap();
        assert!(!done.is_terminated() && !done.is_complete());
        assert_eq!((how(&done.next().await.unwrap()), how(&done.next().await.unwrap())), ("ok 0".into(), "ok 1".into()));
        assert!(done.next().await.is_none());
        assert!(done.is_terminated() && done.is_complete());
        assert!(done.next().await.is_none());

        let mut none = stream(0..0, 8, async |n: u8| Ok::<_, Fault>(n)).unwrap();
        assert!(none.next().await.is_none() && none.is_complete());
    }

    async fn a_stream_with_unread_results_is_not_at_its_end(_world: World) {
        let mut done = stream(0..3, 8, async |n| Ok::<_, Fault>(n)).unwrap();
        assert!(done.next().await.is_some());
        assert!(!done.is_terminated(), "two wait to be read");
        assert_eq!(done.count().await, 2);
    }

    async fn at_most_limit_results_wait_and_a_read_lets_the_next_start(_world: World) {
        let gauge = Gauge::default();
        let mut done = stream(0..10, 3, async |_| Ok::<_, Fault>(gauge.pass())).unwrap();
        assert_eq!(gauge.entered(), 0, "nothing happens before the first poll");
        for read in 1..=10 {
            assert_eq!(how(&done.next().await.unwrap()), format!("ok {read}"));
            // The first call finds nothing to read, so it makes no room before its pass.
            assert_eq!(gauge.entered(), if read == 1 { 3 } else { (read + 3).min(10) });
        }
        assert!(done.next().await.is_none());
    }

    async fn running_tasks_count_as_places_taken(world: World) {
        let gauge = Gauge::default();
        let mut done = stream(0..10, 3, async |n| {
            gauge.pass();
            if n == 0 { pending().await } else { after(&world, secs(1), Ok(n)).await }
        }).unwrap().clock(world.clock());
        assert_eq!(how(&done.next().await.unwrap()), "ok 1");
        assert_eq!(gauge.entered(), 3, "one runs for ever, one is unread, one was just read");
        assert_eq!(how(&done.next().await.unwrap()), "ok 2");
        assert_eq!(gauge.entered(), 5, "in the places of the two that were read");
    }

    async fn nobody_polls_the_tasks_between_two_calls(world: World) {
        let probe = Probe::new();
        let mut done = stream([1, 2], 2, |n| probe.also(after(&world, secs(n), Ok(n)))).unwrap().clock(world.clock());
        assert!(done.next().await.is_some());
        let polls = probe.polls();
        world.sleep(secs(60)).await;
        assert_eq!((probe.polls(), probe.alive()), (polls, 1), "it is due for long, and stands still");
        assert!(done.next().await.is_some());
        assert_eq!(probe.alive(), 0);
    }

    async fn a_parked_stream_is_woken_by_its_tasks_alone(world: World) {
        let (done, probe) = Probe::wrap(stream([5], 2, async |n| after(&world, secs(n), Ok(n)).await)
            .unwrap()
            .clock(world.clock())
            .collect::<Vec<_>>());
        assert_eq!(hows(&done.await), ["ok 5"]);
        assert!(probe.polls() <= 3, "{}", probe.polls());
    }

    async fn a_stopped_stream_hands_out_what_was_stopped_and_ends(world: World) {
        let slow = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let mut timed = stream([1, 9, 9, 9], 2, slow).unwrap().clock(world.clock()).timeout(secs(5));
        let results: Vec<_> = timed.by_ref().collect().await;
        assert_eq!(hows(&results), ["ok 1", "timed out after 5s", "timed out after 5s"]);
        assert!(!timed.is_complete() && timed.is_terminated());

        let token = CancelToken::new();
        let mut cancelled = stream([1, 9, 9], 2, slow).unwrap().clock(world.clock()).cancel_on(&token);
        assert_eq!(how(&cancelled.next().await.unwrap()), "ok 1");
        token.cancel();
        assert_eq!(hows(&cancelled.by_ref().collect::<Vec<_>>().await), ["cancelled"]);
        assert!(!cancelled.is_complete());

        let fails = async |n: u64| after(&world, secs(n), if n == 1 { Err("one") } else { Ok(n) }).await;
        let ruled = stream([2, 1, 2], 2, fails).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        assert_eq!(hows(&ruled.collect::<Vec<_>>().await), ["failed: one", "cancelled"]);
    }

    async fn panics_are_results(_world: World) {
        let items = (0..4).inspect(|n| assert!(*n < 2, "no item"));
        let mut done = stream(items, 1, async |n| if n == 0 { panic!("overboard") } else { Ok::<_, Fault>(n) }).unwrap();
        let results: Vec<_> = done.by_ref().collect().await;
        assert_eq!(hows(&results), ["panicked: overboard", "ok 1", "panicked: no item"]);
        assert!(!done.is_complete());
    }

    async fn a_dropped_stream_drops_tasks_and_results(_world: World) {
        let (gauge, held) = (Gauge::default(), Arc::new(()));
        let mut done = stream(0..9, 4, async |n| {
            let _inside = gauge.enter();
            if n > 1 {
                pending::<()>().await;
            }
            Ok::<_, Fault>(held.clone())
        }).unwrap();
        drop(done.next().await);
        assert_eq!((gauge.inside(), Arc::strong_count(&held)), (2, 2));
        drop(done);
        assert_eq!((gauge.inside(), Arc::strong_count(&held)), (0, 1));
    }

    async fn the_results_of_a_for_each_are_a_stream(_world: World) {
        let each = for_each(0..10, 3, async |n| Ok::<_, Fault>(n), async |mut done| {
            assert!(!done.is_terminated());
            let evens = done.by_ref().filter(|result| std::future::ready(matches!(result, Ok(n) if n % 2 == 0)));
            let evens = evens.count().await;
            (evens, done.is_terminated(), done.is_complete(), StreamExt::next(&mut done).await.is_none())
        });
        assert_eq!(each.unwrap().await, (5, true, true, true));
    }

    /// What a stream that drives its tasks itself could not do.
    async fn tasks_go_on_while_the_reader_of_that_stream_waits_for_a_lock_of_theirs(world: World) {
        let lock = async_lock::Mutex::new(0);
        let task = async |n: u64| {
            let mut sum = lock.lock().await;
            world.sleep(secs(1)).await;
            *sum += n;
            Ok::<_, Fault>(n)
        };
        let each = for_each(1..=4, 2, task, async |done| {
            done.for_each(async |_| drop(lock.lock().await)).await;
        });
        each.unwrap().clock(world.clock()).await;
        assert_eq!(lock.into_inner(), 10);
    }

    async fn a_result_that_waits_is_not_the_end_of_that_stream(_world: World) {
        let each = for_each(0..2, 8, async |n| Ok::<_, Fault>(n), async |mut done| {
            assert!(done.next().await.is_some());
            (done.is_terminated(), done.count().await)
        });
        assert_eq!(each.unwrap().await, (false, 1));
    }
}
