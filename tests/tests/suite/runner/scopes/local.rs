//! `scope_local` does all that `scope` does, for tasks that stay on their thread.

use super::{done, settle};
use crate::runner::support::{Fault, how, secs};
use regatta::{AddError, Local, Scope, StopOn, scope_local};
use regatta_tests::{Probe, World, on_every_executor};
use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::task::{Context, Waker};

type Handle<'a> = Scope<'a, u64, Rc<u64>, Fault, Local>;

/// A task that holds something that is not `Send`.
async fn after(world: &World, seconds: u64) -> Result<Rc<u64>, Fault> {
    let held = Rc::new(seconds);
    world.sleep(secs(seconds)).await;
    if seconds == 7 { Err("seven") } else { Ok(held) }
}

async fn read_all(s: &Handle<'_>) -> Vec<String> {
    let mut read = Vec::new();
    while let Some((key, result)) = s.next().await {
        read.push(format!("{key}: {}", how(&result)));
    }
    read
}

on_every_executor! {
    async fn they_wait_for_a_slot_in_order(world: World) {
        let order = RefCell::new(Vec::new());
        let run = scope_local(2, async |s: Handle<'_>| {
            let waits = (1..6).map(async |key| {
                s.spawn_when_free(key, after(&world, 1)).await.unwrap();
                order.borrow_mut().push(key);
            });
            futures::future::join_all(waits).await;
            done(read_all(&s).await.len())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(5));
        assert_eq!(order.into_inner(), [1, 2, 3, 4, 5]);
    }

    async fn they_are_cancelled_and_stopped(world: World) {
        let run = scope_local(2, async |s: Handle<'_>| {
            for key in [1, 9, 2, 8] {
                s.spawn(key, after(&world, key)).unwrap();
            }
            assert!(matches!(s.spawn(9, after(&world, 9)), Err(AddError::Duplicate { .. })));
            settle(&world).await;
            assert!(s.cancel(&9) && s.cancel(&8) && !s.cancel(&5));
            let mut read = read_all(&s).await;
            read.sort();
            s.spawn(7, after(&world, 7)).unwrap();
            s.spawn(20, after(&world, 20)).unwrap();
            read.extend(read_all(&s).await);
            assert_eq!(s.spawn(6, after(&world, 6)), Err(AddError::Closed));
            done(read)
        });
        let read = run.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await.unwrap();
        let never = "8: not started: it was cancelled first";
        assert_eq!(read, ["1: ok 1", "2: ok 2", never, "9: cancelled", "7: failed: seven", "20: cancelled"]);
    }

    async fn tasks_that_hold_a_handle_go_with_the_scope(world: World) {
        let probe = Probe::new();
        let run = scope_local(1, async |s: Handle<'_>| {
            for key in 0..3 {
                let held = s.clone();
                let task = async move {
                    let _held = held;
                    pending().await
                };
                s.spawn(key, probe.also(task)).unwrap();
            }
            world.sleep(secs(1)).await;
            Err::<(), _>(s)
        });
        let s = run.unwrap().clock(world.clock()).await.unwrap_err();
        assert_eq!((probe.wrapped(), probe.alive(), s.is_closed()), (3, 0, true));
    }
}

#[test]
fn a_local_scope_is_dropped_at_every_poll() {
    for polls in 0.. {
        let probe = Probe::new();
        let run = scope_local(2, async |s: Handle<'_>| {
            for key in 0..8 {
                let task = async move {
                    let held = Rc::new(key);
                    for _ in 0..key % 3 {
                        regatta_sim::yield_now().await;
                    }
                    Ok(held)
                };
                s.spawn_when_free(key, probe.also(task)).await.unwrap();
            }
            done(read_all(&s).await.len())
        });
        let mut run = Box::pin(run.unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| run.as_mut().poll(&mut cx).is_ready());
        drop(run);
        assert_eq!(probe.alive(), 0, "after {polls} polls");
        if ended {
            return assert_eq!(probe.ended(), 8);
        }
        assert!(polls < 1000);
    }
}
