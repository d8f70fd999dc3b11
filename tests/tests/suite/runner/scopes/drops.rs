//! Dropping a scope drops body and tasks, at any poll; and what user code does while it is dropped.

use super::done;
use crate::runner::support::{Fault, secs};
use futures::FutureExt;
use regatta::{Scope, scope};
use regatta_sim::yield_now;
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};

/// A task that takes a few polls.
async fn steps(n: u64) -> Result<u64, Fault> {
    for _ in 0..n % 4 {
        yield_now().await;
    }
    if n % 5 == 4 { Err("busy") } else { Ok(n) }
}

#[test]
fn a_scope_is_dropped_at_every_poll() {
    for polls in 0.. {
        let probe = Probe::new();
        let run = scope(3, async |s| {
            for key in 0..10 {
                s.spawn(key, probe.also(steps(key))).unwrap();
                let (inner, probe) = (s.clone(), &probe);
                let child = async move {
                    yield_now().await;
                    inner.spawn(200 + key, probe.also(steps(key))).map(|()| key).map_err(|_| "closed")
                };
                s.spawn_when_free(100 + key, probe.also(child)).await.unwrap();
                probe.also(yield_now()).await;
            }
            while s.next().await.is_some() {
                probe.also(yield_now()).await;
            }
            done(())
        });
        let mut run = Box::pin(run.unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| run.as_mut().poll(&mut cx).is_ready());
        let before = probe.polls();
        drop(run);
        assert_eq!((probe.alive(), probe.polls()), (0, before), "after {polls} polls");
        if ended {
            return assert_eq!(probe.ended(), 10 * 3 + 10 + 30);
        }
        assert!(polls < 1000, "it comes to its end");
    }
}

/// Looks at its scope, and changes it, when it is dropped: nobody holds a lock then.
struct Meddler<'a>(Scope<'a, u8, u8, Fault>);

impl Drop for Meddler<'_> {
    fn drop(&mut self) {
        let s = &self.0;
        let _counts = (s.running(), s.waiting(), s.is_closed(), format!("{s:?}"));
        let _either = s.spawn(99, async { Ok(1) });
        s.cancel(&98);
        s.set_limit(5).unwrap();
    }
}

fn meddle<'a>(s: &Scope<'a, u8, u8, Fault>) -> impl Future<Output = Result<u8, Fault>> + Send + use<'a> {
    let meddler = Meddler(s.clone());
    async move {
        let _meddler = meddler;
        pending().await
    }
}

/// Panics when it is dropped, unless a panic is under way.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bomb");
    }
}

async fn bomb() -> Result<u8, Fault> {
    let _bomb = Bomb;
    pending().await
}

on_every_executor! {
    async fn tasks_meddle_with_their_scope_while_they_are_dropped(world: World) {
        let run = scope(1, async |s| {
            s.spawn(1, meddle(&s)).unwrap();
            s.spawn(2, meddle(&s)).unwrap();
            assert!(s.spawn(2, meddle(&s)).is_err(), "a duplicate");
            assert!(s.spawn_with(2, |s| meddle(&s)).is_err());
            let meddler = Meddler(s.clone());
            let plain = async move {
                let _meddler = meddler;
                1
            };
            assert!(s.spawn_ok(2, plain).is_err());
            assert!(s.try_spawn(2, meddle(&s)).is_err());
            assert!(s.cancel(&2), "one that waits");
            world.sleep(secs(1)).await;
            let mut waits = s.spawn_when_free(4, meddle(&s));
            let _polled = futures::poll!(&mut waits);
            drop(waits);
            assert!(s.cancel(&1), "one that runs");
            world.sleep(secs(1)).await;
            s.spawn(5, meddle(&s)).unwrap();
            world.sleep(secs(1)).await;
            done(())
        });
        let run = run.unwrap().clock(world.clock()).timeout(secs(9));
        assert_eq!(run.await, Ok(()));
    }

    async fn tasks_meddle_with_a_scope_that_is_dropped(world: World) {
        let mut run = Box::pin(scope(1, async |s| {
            for key in 0..4 {
                s.spawn(key, meddle(&s)).unwrap();
            }
            let meddler = Meddler(s.clone());
            s.spawn_when_free(9, meddle(&s)).await.unwrap();
            drop(meddler);
            done(())
        }).unwrap().clock(world.clock()));
        assert!(futures::poll!(&mut run).is_pending());
        drop(run);
        world.yield_now().await;
    }

    async fn a_task_whose_drop_panics_harms_nobody(world: World) {
        let probe = Probe::new();
        let read = scope(2, async |s| {
            s.spawn(1, bomb()).unwrap();
            s.spawn(2, probe.also(pending())).unwrap();
            s.spawn(3, bomb()).unwrap();
            world.sleep(secs(1)).await;
            s.cancel(&1);
            assert!(s.next().await.unwrap().1.is_err());
            world.sleep(secs(1)).await;
            s.stop();
            let mut keys = Vec::new();
            while let Some((key, result)) = s.next().await {
                assert!(result.is_err());
                keys.push(key);
            }
            keys.sort_unstable();
            done(keys)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), [2, 3]);
        assert_eq!(probe.alive(), 0);
    }

    async fn tasks_whose_drop_panics_are_dropped_with_the_scope(world: World) {
        let probe = Probe::new();
        let mut run = Box::pin(scope(3, async |s| {
            for key in 0..3 {
                s.spawn(key, probe.also(bomb())).unwrap();
            }
            s.spawn(9, probe.also(pending())).unwrap();
            world.sleep(secs(1)).await;
            done(())
        }).unwrap().clock(world.clock()));
        assert!(futures::poll!(&mut run).is_pending());
        catch_unwind(AssertUnwindSafe(|| drop(run))).expect("panics of tasks are contained");
        assert_eq!((probe.wrapped(), probe.alive()), (4, 0));
    }

    async fn a_panicking_body_and_panicking_drops_together(world: World) {
        let probe = Probe::new();
        let run = scope(1, async |s| {
            for key in 0..3 {
                s.spawn(key, probe.also(bomb())).unwrap();
            }
            world.sleep(secs(1)).await;
            if s.waiting() == 2 {
                panic!("the body broke");
            }
            done(())
        });
        let panic = AssertUnwindSafe(run.unwrap().clock(world.clock())).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the body broke"));
        assert_eq!((probe.wrapped(), probe.alive()), (3, 0));
    }

    async fn unread_values_whose_drop_panics(world: World) {
        let run = scope(2, async |s: Scope<'_, u8, Bomb, Fault>| {
            s.spawn_ok(1, async { Bomb }).unwrap();
            s.spawn_ok(2, async { Bomb }).unwrap();
            world.sleep(secs(1)).await;
            done(())
        });
        let ended = AssertUnwindSafe(run.unwrap().clock(world.clock())).catch_unwind().await;
        assert_eq!(ended.expect("they are contained"), Ok(()));
    }
}
