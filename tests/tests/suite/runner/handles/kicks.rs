//! Each control call wakes a driver that is parked, however many tasks it has.

use super::{later, owned};
use crate::runner::support::{Fault, secs};
use regatta::{Handle, Runner};
use regatta_tests::{World, on_every_executor};
use std::future::pending;

/// `join_all` hides missing wakes up to 30 futures.
const SIZES: [usize; 4] = [1, 30, 31, 200];

type TheHandle = Handle<'static, usize, u8, Fault>;

/// A run of tasks that never end, all of them running; nobody polls its driver but those that it waits for. After a
/// second, `control` is called.
async fn parked(
    world: &World,
    size: usize,
    control: impl FnOnce(TheHandle) + Send + 'static,
) -> Vec<&'static str> {
    let mut runner = Runner::new().unlimited().clock(world.clock());
    for key in 0..size {
        runner.add(key, pending()).unwrap();
    }
    let handle = runner.handle();
    let (begun, other) = (world.now(), handle.clone());
    later(world, secs(1), move || control(other));
    later(world, secs(2), move || handle.stop());
    let report = runner.start(world.executor()).await;
    let at_one = report.tasks().iter().filter(|task| task.ended() == Some(begun + secs(1)));
    at_one.map(|task| task.state()).collect()
}

on_every_executor! {
    async fn stop_wakes_the_driver(world: World) {
        for size in SIZES {
            assert_eq!(parked(&world, size, |handle| handle.stop()).await, vec!["cancelled"; size]);
        }
    }

    async fn cancel_wakes_the_driver(world: World) {
        for size in SIZES {
            let ended = parked(&world, size, move |handle| assert!(handle.cancel(&(size - 1)))).await;
            assert_eq!(ended, ["cancelled"]);
        }
    }

    async fn add_wakes_the_driver(world: World) {
        for size in SIZES {
            let ended = parked(&world, size, move |handle| handle.add(size, async { Ok(1) }).unwrap()).await;
            assert_eq!(ended, ["ok"]);
        }
    }

    async fn limits_wake_the_driver(world: World) {
        for size in SIZES {
            let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
            for key in 0..size + 2 {
                runner.add(key, owned(&world, secs(10), Ok(1))).unwrap();
            }
            let (handle, begun) = (runner.handle(), world.now());
            let other = handle.clone();
            later(&world, secs(1), move || handle.set_limit(2).unwrap());
            later(&world, secs(2), move || other.set_unlimited());
            let report = runner.start(world.executor()).await;
            let starts: Vec<_> =
                report.tasks().iter().map(|task| task.started().unwrap().since(begun).as_secs()).collect();
            assert_eq!(starts, [vec![0, 1], vec![2; size]].concat());
        }
    }

    async fn a_parked_driver_is_not_polled_when_nothing_is_ordered(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add(0, owned(&world, secs(10), Ok(1))).unwrap();
        let handle = runner.handle();
        let (run, probe) = regatta_sim::Probe::wrap(runner.run());
        let (inner, watched) = (world.clone(), probe.clone());
        world.spawn(async move {
            inner.sleep(secs(1)).await;
            let before = watched.polls();
            for _ in 0..100 {
                // Looking is no order.
                let _ = handle.progress();
                inner.yield_now().await;
            }
            assert!(!handle.cancel(&7));
            inner.yield_now().await;
            assert_eq!(watched.polls(), before);
        });
        assert!(run.await.is_ok());
    }
}
