//! So many tasks that are always ready, that they fill every pass of their driver.

use crate::runner::support::{Fault, ends, hows, millis};
use regatta::{CancelToken, Runner, map_ok};
use regatta_tests::{World, on_every_executor};
use std::cell::Cell;
use std::time::Duration;

/// A pass polls 128 tasks at most.
const CROWDS: [usize; 3] = [127, 128, 200];

/// What is due at 20 ms is done a few passes later, each of which takes a millisecond or so.
const LATEST: Duration = millis(40);

/// Never waits, and takes ten microseconds for each poll. Loses patience in the end, so that a driver that hears of
/// nothing fails instead of spinning.
async fn busy(world: &World, polled: impl Fn()) -> Result<(), Fault> {
    for _ in 0..2000 {
        world.clock.advance(Duration::from_micros(10));
        polled();
        world.yield_now().await;
    }
    Err("nobody stops it")
}

fn crowd<'a>(
    world: &'a World,
    count: usize,
    polled: impl Fn() + Copy + Send + 'a,
) -> Runner<'a, usize, (), Fault> {
    let mut runner = Runner::new().unlimited().clock(world.clock());
    for key in 0..count {
        runner.add(key, busy(world, polled)).unwrap();
    }
    runner
}

on_every_executor! {
    async fn a_crowd_of_busy_tasks_kept_the_timeout_of_their_run_from_firing(world: World) {
        for count in CROWDS {
            let report = crowd(&world, count, || ()).timeout(millis(20)).run().await;
            assert_eq!(ends(&report), vec!["timed out after 20ms"; count]);
            assert!(report.timed_out());
            assert!(report.elapsed() < LATEST, "{:?}", report.elapsed());
        }
    }

    async fn a_crowd_of_busy_tasks_kept_their_own_timeouts_from_firing(world: World) {
        for count in CROWDS {
            let report = crowd(&world, count, || ()).task_timeout(millis(20)).run().await;
            assert_eq!(ends(&report), vec!["timed out after 20ms"; count]);
            assert!(report.elapsed() < LATEST, "{:?}", report.elapsed());
        }
    }

    async fn a_crowd_of_busy_tasks_kept_a_cancel_from_being_heard(world: World) {
        for count in CROWDS {
            let (token, due) = (CancelToken::new(), world.now() + millis(20));
            let cancel_late = || {
                if world.now() >= due {
                    token.cancel();
                }
            };
            let report = crowd(&world, count, cancel_late).cancel_on(&token).run().await;
            assert_eq!(ends(&report), vec!["cancelled"; count]);
            assert!(report.elapsed() < LATEST, "{:?}", report.elapsed());
        }
    }

    async fn a_crowd_of_busy_tasks_kept_those_from_starting_that_they_waited_for(world: World) {
        let started = Cell::new(0);
        let wait_for_all = async |n| {
            started.set(started.get() + 1);
            for _ in 0..2000 {
                if started.get() == 200 {
                    return n;
                }
                world.yield_now().await;
            }
            panic!("they never start");
        };
        let results = map_ok(0..200, 200, wait_for_all).unwrap().clock(world.clock()).await;
        let expected: Vec<_> = (0..200).map(|n| format!("ok {n}")).collect();
        assert_eq!(hows(&results), expected);
    }
}
