//! Tasks and body are polled together: neither waits in vain for the other, and a slow reader slows the tasks.

use crate::runner::support::{Fault, Gauge, after, secs};
use async_lock::Mutex;
use futures::StreamExt;
use regatta::for_each;
use regatta_tests::{Probe, Sim, World, on_every_executor};
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

/// What the first item does is quick and needs no lock; all others hold the lock for 5 s.
async fn first_is_quick(world: &World, lock: &Mutex<u32>, n: u64) -> Result<u64, Fault> {
    if n == 0 {
        return after(world, secs(1), Ok(n)).await;
    }
    let mut uses = lock.lock().await;
    world.sleep(secs(5)).await;
    *uses += 1;
    Ok(n)
}

on_every_executor! {
    async fn a_body_may_wait_for_a_lock_that_a_task_holds(world: World) {
        let lock = Mutex::new(0);
        let tasks = async |n| first_is_quick(&world, &lock, n).await;
        let each = for_each(0..6, 2, tasks, async |mut done| {
            let mut read = 0;
            while let Some(result) = done.next().await {
                *lock.lock().await += 1;
                read += result.unwrap();
            }
            read
        });
        assert_eq!(each.unwrap().clock(world.clock()).await, 15);
        assert_eq!(lock.into_inner(), 11);
    }

    async fn tasks_may_wait_for_a_lock_that_the_body_holds(world: World) {
        let lock = Mutex::new(0);
        let tasks = async |n: u64| {
            *lock.lock().await += n;
            Ok::<_, Fault>(n)
        };
        let each = for_each(0..6, 2, tasks, async |mut done| {
            let mut read = 0;
            loop {
                let held = lock.lock().await;
                world.sleep(secs(1)).await;
                drop(held);
                let Some(result) = done.next().await else { return read };
                read += result.unwrap();
            }
        });
        assert_eq!(each.unwrap().clock(world.clock()).await, 15);
        assert_eq!(lock.into_inner(), 15);
    }

    async fn tasks_go_on_while_the_body_waits(world: World) {
        let start = world.now();
        let tasks = async |n: u64| after(&world, secs(4), Ok::<_, Fault>(n)).await;
        let each = for_each(0..2, 1, tasks, async |mut done| {
            done.next().await;
            // The second task is started by the read and has its 4 s within this pause, or it would end at 14 s.
            world.sleep(secs(6)).await;
            done.next().await
        });
        let last = each.unwrap().clock(world.clock()).await;
        assert!(matches!(last, Some(Ok(1))));
        assert_eq!(world.now().since(start), secs(10));
    }

    async fn a_slow_body_has_at_most_limit_results_before_it(world: World) {
        let (gauge, read) = (Gauge::default(), Cell::new(0));
        let tasks = async |n: u64| {
            let _inside = gauge.enter();
            assert!(gauge.entered() - read.get() <= 3, "running and unread together keep the limit");
            after(&world, secs(1), Ok::<_, Fault>(n)).await
        };
        let each = for_each(0..9, 3, tasks, async |mut done| {
            for expected in [3, 4, 5, 6, 7, 8, 9, 9, 9] {
                world.sleep(secs(10)).await;
                assert_eq!((gauge.entered(), gauge.inside()), (expected, 0), "nothing more starts");
                assert!(done.next().await.unwrap().is_ok());
                read.set(read.get() + 1);
            }
            assert!(done.next().await.is_none());
            done.is_complete()
        });
        assert!(each.unwrap().clock(world.clock()).await);
    }

    async fn reading_in_bursts_loses_nothing(world: World) {
        let tasks = async |n: u64| after(&world, secs(n % 3), Ok::<_, Fault>(n)).await;
        let each = for_each(0..50, 4, tasks, async |mut done| {
            let mut read = Vec::new();
            while let Some(result) = done.next().await {
                read.push(result.unwrap());
                if read.len().is_multiple_of(4) {
                    world.sleep(secs(2)).await;
                }
            }
            read.sort();
            read
        });
        assert_eq!(each.unwrap().clock(world.clock()).await, (0..50).collect::<Vec<_>>());
    }

    async fn dropping_the_results_cancels_what_runs(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let tasks = async |n: u64| probe.also(after(&world, secs(n), Ok::<_, Fault>(n))).await;
        let each = for_each(1..100, 4, tasks, async |mut done| {
            let first = done.next().await;
            assert_eq!(probe.alive(), 3);
            drop(done);
            world.sleep(secs(1)).await;
            assert_eq!((probe.alive(), world.now().since(start)), (0, secs(2)));
            world.sleep(secs(60)).await;
            first.unwrap().unwrap()
        });
        assert_eq!(each.unwrap().clock(world.clock()).await, 1);
        assert!(probe.wrapped() <= 5, "{probe:?}");
        assert_eq!(world.now().since(start), secs(62), "the body goes on to its own end");
    }

    async fn a_body_that_returns_early_ends_the_run(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let tasks = async |n: u64| probe.also(after(&world, secs(n), Ok::<_, Fault>(n))).await;
        let each = for_each(1..100, 4, tasks, async |mut done| done.next().await.unwrap().unwrap());
        assert_eq!(each.unwrap().clock(world.clock()).await, 1);
        assert_eq!((probe.alive(), world.now().since(start)), (0, secs(1)));
    }

    async fn a_body_that_reads_nothing_at_all(world: World) {
        let each = for_each(0..9, 2, async |_| pending::<Result<u8, Fault>>().await, async |_| "done");
        assert_eq!(each.unwrap().clock(world.clock()).await, "done");
        assert_eq!(world.clock.timers(), 0);
    }

    async fn a_run_is_complete_when_every_item_was_run(world: World) {
        let tasks = async |n: u64| after(&world, secs(1), Ok::<_, Fault>(n)).await;
        let each = for_each(0..3, 1, tasks, async |mut done| {
            let mut complete = vec![done.is_complete()];
            while done.next().await.is_some() {
                complete.push(done.is_complete());
            }
            complete.push(done.is_complete());
            complete
        });
        let complete = each.unwrap().clock(world.clock()).await;
        assert_eq!((complete[0], complete[1], complete[2]), (false, false, false), "results may still come");
        assert_eq!(complete.last(), Some(&true));
    }

    async fn none_comes_again_and_again(_world: World) {
        let each = for_each(
            [1],
            1,
            async |n| Ok::<u8, Fault>(n),
            async |mut done| {
                assert!(done.next().await.is_some());
                assert!(done.next().await.is_none() && done.next().await.is_none());
                assert!(done.next_indexed().await.is_none());
            },
        );
        each.unwrap().await;
    }

    async fn a_read_that_is_given_up_takes_no_result(world: World) {
        let tasks = async |n: u64| after(&world, secs(2), Ok::<_, Fault>(n)).await;
        let each = for_each([7], 1, tasks, async |mut done| {
            let early = futures::future::select(done.next(), world.sleep(secs(1))).await;
            assert!(matches!(early, futures::future::Either::Right(_)));
            done.next().await
        });
        assert!(matches!(each.unwrap().clock(world.clock()).await, Some(Ok(7))));
    }

    async fn a_body_may_run_a_driver_of_its_own(world: World) {
        let seconds = async |n: u64| after(&world, secs(n), Ok::<_, Fault>(n)).await;
        let each = for_each(1..4, 2, seconds, async |mut outer| {
            let mut sum = 0;
            while let Some(result) = outer.next().await {
                let inner = for_each(0..result.unwrap(), 2, seconds, async |mut inner| {
                    let mut count = 0;
                    while inner.next().await.is_some() {
                        count += 1;
                    }
                    count
                });
                sum += inner.unwrap().clock(world.clock()).await;
            }
            sum
        });
        assert_eq!(each.unwrap().clock(world.clock()).await, 6);
    }
}

/// The story of `a_body_may_wait_for_a_lock_that_a_task_holds` with a stream: between two calls of `next` nobody polls
/// the task that holds the lock.
#[test]
fn with_a_stream_the_same_story_deadlocks() {
    let sim = Sim::new(1);
    let lock = Mutex::new(());
    let stuck = sim.run(async {
        let tasks = futures::stream::iter(0..2).map(async |n: u64| {
            if n == 0 {
                return sim.sleep(secs(1)).await;
            }
            let _held = lock.lock().await;
            sim.sleep(secs(5)).await;
        });
        let mut done = tasks.buffer_unordered(2).boxed_local();
        while done.next().await.is_some() {
            drop(lock.lock().await);
        }
    });
    let deadlock = stuck.expect_err("a stream snoozes");
    assert_eq!(deadlock.at.since(regatta_tests::ManualClock::START), Duration::from_secs(5));
}
