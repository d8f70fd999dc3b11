//! How a scope ends: its body returns `Ok` or `Err`, or panics; and panics of tasks are results.

use super::{done, read_all};
use crate::runner::support::{Fault, Gauge, after, how, secs};
use futures::FutureExt;
use regatta::{AddError, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::panic::AssertUnwindSafe;

on_every_executor! {
    async fn a_body_that_returns_ok_has_its_tasks_joined(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let run = scope(2, async |s| {
            for key in 1..=4 {
                s.spawn(key, probe.also(after(&world, secs(key), Ok(())))).unwrap();
            }
            done("the body")
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok("the body"));
        // 1 and 2 start at 0 s, 3 at 1 s, 4 at 2 s.
        assert_eq!((probe.ended(), probe.alive(), world.now().since(start)), (4, 0, secs(6)));
    }

    async fn tasks_spawn_on_after_the_body(world: World) {
        let (gauge, world) = (Gauge::default(), &world);
        let run = scope(2, async |s| {
            s.spawn_with(1, async |s| {
                world.sleep(secs(1)).await;
                s.spawn_with(2, async |s| {
                    world.sleep(secs(1)).await;
                    s.spawn_ok(3, async { drop(gauge.enter()) }).map_err(|_| "closed")
                })
                .map_err(|_| "closed")
            })
            .unwrap();
            done(())
        });
        run.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(gauge.entered(), 1);
    }

    async fn a_body_that_fails_has_its_tasks_cancelled(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let run = scope(2, async |s| {
            for key in 0..4 {
                s.spawn(key, probe.also(pending::<Result<(), Fault>>())).unwrap();
            }
            world.sleep(secs(1)).await;
            Err::<(), _>("the body failed")
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Err("the body failed"));
        assert_eq!((probe.wrapped(), probe.alive(), probe.polls()), (4, 0, 2));
        assert_eq!(world.now().since(start), secs(1));
    }

    async fn a_body_that_fails_leaves_its_tasks_their_grace(world: World) {
        let (cleaned, world) = (Gauge::default(), &world);
        let start = world.now();
        let run = scope(2, async |s| {
            s.spawn_with(1, async |s| {
                world.sleep(secs(3)).await;
                assert!(s.is_closed());
                assert_eq!(s.spawn(9, pending::<Result<(), Fault>>()), Err(AddError::Closed));
                drop(cleaned.enter());
                Ok(())
            })
            .unwrap();
            world.sleep(secs(1)).await;
            Err::<(), Fault>("the body failed")
        });
        let ended = run.unwrap().clock(world.clock()).grace(secs(5)).await;
        assert_eq!((ended, cleaned.entered()), (Err("the body failed"), 1));
        assert_eq!(world.now().since(start), secs(3), "no longer than they need");
    }

    async fn a_grace_that_is_not_enough_ends_in_time(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let run = scope(2, async |s| {
            s.spawn(1, probe.also(pending::<Result<(), Fault>>())).unwrap();
            world.sleep(secs(1)).await;
            Err::<(), _>(())
        });
        assert!(run.unwrap().clock(world.clock()).grace(secs(5)).await.is_err());
        assert_eq!((probe.alive(), world.now().since(start)), (0, secs(6)));
    }

    async fn a_panic_of_the_body_goes_on_and_drops_the_tasks(world: World) {
        let probe = Probe::new();
        let run = scope(1, async |s| {
            s.spawn(1, probe.also(pending::<Result<(), Fault>>())).unwrap();
            s.spawn(2, probe.also(pending())).unwrap();
            world.sleep(secs(1)).await;
            if s.running() == 1 {
                panic!("the body broke");
            }
            done(())
        });
        let panic = AssertUnwindSafe(run.unwrap().clock(world.clock())).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the body broke"));
        assert_eq!((probe.wrapped(), probe.alive(), world.clock.timers()), (2, 0, 0));
    }

    async fn a_panic_of_a_task_is_its_result(world: World) {
        let read = scope(2, async |s| {
            s.spawn(1, async {
                world.sleep(secs(1)).await;
                if world.now() > regatta::Time::ZERO {
                    panic!("a task broke");
                }
                Ok(1)
            })
            .unwrap();
            s.spawn(2, after(&world, secs(2), Ok(2))).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["1: panicked: a task broke", "2: ok 2"]);
    }

    async fn a_body_that_returns_at_once(world: World) {
        let world = &world;
        let run = scope(1, |s| {
            // What is spawned before the body is polled runs too.
            s.spawn(1, after(world, secs(1), Ok(1))).unwrap();
            async move { done(how(&s.next().await.unwrap().1)) }
        });
        assert_eq!(run.unwrap().clock(world.clock()).await.unwrap(), "ok 1");
    }
}
