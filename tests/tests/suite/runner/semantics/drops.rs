//! Dropping is cancelling: at once, everything once, and nothing starts any more.

use crate::runner::support::{Fault, after, secs};
use futures::future::{Either, select};
use regatta::{Backoff, Runner, for_each, map};
use regatta_sim::{Probe, yield_now};
use regatta_tests::{World, on_every_executor};
use std::pin::pin;
use std::task::{Context, Waker};

/// A task that takes a few polls.
async fn steps(n: usize) -> Result<usize, Fault> {
    for _ in 0..n % 4 {
        yield_now().await;
    }
    if n % 5 == 4 { Err("busy") } else { Ok(n) }
}

/// Polls a fresh driver n times and drops it, for every n, until one comes to its end. Each future that exists is
/// dropped with its driver, exactly once, and no poll comes later.
fn drop_at_every_poll<D: Future>(total: u64, mut fresh: impl FnMut(Probe) -> D) {
    for polls in 0.. {
        assert!(polls < 1000, "the driver comes to an end");
        let probe = Probe::new();
        let mut driver = Box::pin(fresh(probe.clone()));
        let mut cx = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| driver.as_mut().poll(&mut cx).is_ready());
        let before = probe.polls();
        drop(driver);
        assert_eq!(probe.alive(), 0, "after {polls} polls");
        assert_eq!(probe.drops(), probe.wrapped(), "after {polls} polls");
        assert_eq!(probe.polls(), before, "the drop polls nothing");
        if ended {
            assert!(probe.ended() >= total, "{probe:?}");
            return;
        }
    }
}

#[test]
fn a_runner_is_dropped_at_every_poll() {
    drop_at_every_poll(20, |probe| {
        let mut runner = Runner::new().limit(3).unwrap();
        for key in 0..20 {
            runner.add(key, probe.also(steps(key))).unwrap();
        }
        runner.run()
    });
}

#[test]
fn a_runner_with_retries_is_dropped_at_every_poll() {
    drop_at_every_poll(20, |probe| {
        let mut runner = Runner::new().limit(3).unwrap();
        for key in 0..20 {
            let probe = probe.clone();
            let make = move || probe.also(steps(key));
            runner.add_retry(key, Backoff::constant(secs(0)).times(2), make).unwrap();
        }
        runner.run()
    });
}

#[test]
fn a_map_is_dropped_at_every_poll() {
    drop_at_every_poll(20, |probe| map(0..20, 3, move |n| probe.also(steps(n))).unwrap());
}

#[test]
fn a_for_each_is_dropped_at_every_poll() {
    drop_at_every_poll(20, |probe| {
        let inner = probe.clone();
        for_each(
            0..20,
            3,
            move |n| probe.also(steps(n)),
            async move |mut done| {
                while done.next().await.is_some() {
                    inner.also(yield_now()).await;
                }
            },
        )
        .unwrap()
    });
}

#[test]
fn a_driver_that_was_never_polled_drops_its_tasks() {
    let probe = Probe::new();
    let mut runner = Runner::new();
    runner.add("a", probe.also(steps(1))).unwrap();
    drop(runner.run());
    let mut runner = Runner::new();
    runner.add("a", probe.also(steps(1))).unwrap();
    drop(runner);
    assert_eq!((probe.polls(), probe.drops()), (0, 2));
}

on_every_executor! {
    async fn dropping_a_run_drops_its_tasks_and_starts_nothing(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..5 {
            runner.add(key, probe.also(after(&world, secs(10), Ok(key)))).unwrap();
        }
        let mut run = runner.run();
        match select(&mut run, world.sleep(secs(3))).await {
            Either::Left(_) => panic!("the run takes longer"),
            Either::Right(_) => drop(run),
        }
        assert_eq!((probe.polls(), probe.drops(), probe.ended()), (2, 5, 0));
        assert_eq!(world.clock.timers(), 0, "no timer stays behind");
        world.sleep(secs(100)).await;
        assert_eq!(probe.polls(), 2);
    }

    async fn a_run_that_is_dropped_while_a_retry_pauses_leaves_nothing(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock());
        let make = || probe.also(after(&world, secs(1), Err::<u8, _>("busy")));
        runner.add_retry("a", Backoff::constant(secs(10)), make).unwrap();
        {
            let run = pin!(runner.run());
            assert!(matches!(select(run, world.sleep(secs(5))).await, Either::Right(_)));
        }
        assert_eq!((probe.wrapped(), probe.drops()), (1, 1));
        assert_eq!(world.clock.timers(), 0);
    }
}
