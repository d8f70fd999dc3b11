//! A scope closes at the moment that it stops, and never runs user code under its lock.

use super::{done, settle};
use crate::runner::support::{Fault, after, secs};
use futures::future::{Either, select};
use regatta::{AddError, CancelToken, Scope, scope};
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

on_every_executor! {
    /// Its source is not asked for tasks while all slots are taken, so it must hear of the stop elsewhere.
    async fn a_full_scope_that_is_stopping_takes_no_more_tasks(world: World) {
        let run = scope(1, async |s| {
            s.spawn(1, after(&world, secs(10), Ok(()))).unwrap();
            world.sleep(secs(1)).await;
            s.stop();
            settle(&world).await;
            done((s.is_closed(), s.spawn(2, pending())))
        });
        let told = run.unwrap().clock(world.clock()).grace(secs(60)).await.unwrap();
        assert_eq!(told, (true, Err(AddError::Closed)));
    }

    /// And not only at the end of the grace.
    async fn a_wait_for_a_slot_ends_when_the_scope_is_cancelled(world: World) {
        let (token, start) = (CancelToken::new(), world.now());
        let run = scope(1, async |s| {
            s.spawn(1, after(&world, secs(3600), Ok(()))).unwrap();
            let cancel = async {
                world.sleep(secs(1)).await;
                token.cancel();
            };
            let (told, ()) = futures::join!(s.spawn_when_free(2, pending()), cancel);
            done((told, world.now().since(start)))
        });
        let told = run.unwrap().clock(world.clock()).cancel_on(&token).grace(secs(600)).await.unwrap();
        assert_eq!(told, (Err(AddError::Closed), secs(1)));
    }

    /// And not only when a slot gets free.
    async fn what_never_starts_is_told_at_the_stop(world: World) {
        let run = scope(1, async |s| {
            s.spawn(1, after(&world, secs(3600), Ok(()))).unwrap();
            s.spawn(2, pending()).unwrap();
            world.sleep(secs(1)).await;
            s.stop();
            let told = match select(s.next(), world.sleep(secs(10))).await {
                Either::Left((Some((key, _)), _)) => Some(key),
                _ => None,
            };
            done(told)
        });
        let told = run.unwrap().clock(world.clock()).grace(secs(600)).await.unwrap();
        assert_eq!(told, Some(2));
    }

    /// Nobody has polled the driver in between.
    async fn stop_closes_at_once(_world: World) {
        let run = scope(1, async |s: Scope<'_, u8, (), Fault>| {
            s.stop();
            done((s.is_closed(), s.spawn(1, pending())))
        });
        assert_eq!(run.unwrap().await.unwrap(), (true, Err(AddError::Closed)));
    }
}

struct Looks<'a>(Scope<'a, u8, u8, Fault>);

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        let _running = self.0.running();
    }
}

/// A task may look at its scope as it goes.
#[test]
fn spawn_ok_drops_a_refused_task_outside_the_lock() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let run = scope(1, async |s| {
            s.spawn_ok(1, async { 1 }).unwrap();
            let looks = Looks(s.clone());
            let refused = s.spawn_ok(1, async move {
                let _looks = looks;
                2
            });
            assert!(refused.is_err());
            done(())
        });
        smol::block_on(run.unwrap()).unwrap();
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(10)).expect("a deadlock");
}
