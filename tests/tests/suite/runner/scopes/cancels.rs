//! Cancelling one task by its key: waiting, running, ended, unknown; with and without grace.

use super::{done, read_all, settle};
use crate::runner::support::{Fault, after, secs};
use regatta::{AddError, StopOn, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;

on_every_executor! {
    async fn one_that_waits_never_starts(world: World) {
        let probe = Probe::new();
        let read = scope(1, async |s| {
            s.spawn("runs", after(&world, secs(2), Ok(1))).unwrap();
            s.spawn("waits", probe.also(after(&world, secs(2), Ok(2)))).unwrap();
            world.sleep(secs(1)).await;
            assert!(s.cancel("waits"));
            assert_eq!((probe.polls(), probe.drops(), s.waiting()), (0, 1, 0), "it is dropped at once");
            assert!(!s.cancel("waits"), "it has ended");
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["waits: not started: it was cancelled first", "runs: ok 1"]);
    }

    async fn one_that_runs_is_dropped(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let read = scope(2, async |s| {
            s.spawn("a", probe.also(pending::<Result<u8, Fault>>())).unwrap();
            s.spawn("b", after(&world, secs(3), Ok(2))).unwrap();
            world.sleep(secs(1)).await;
            assert!(s.cancel("a"));
            assert!(s.cancel("a"), "again changes nothing: it has not ended yet");
            let first = s.next().await.unwrap();
            assert_eq!((probe.drops(), world.now().since(start)), (1, secs(1)));
            assert_eq!((first.0, s.running()), ("a", 1));
            assert!(!s.cancel("a"));
            done((first.1.unwrap_err().to_string(), read_all(&s).await))
        });
        let (first, rest) = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!((first.as_str(), &rest[..]), ("cancelled", &["b: ok 2".to_owned()][..]));
    }

    async fn unknown_keys_and_ended_tasks(world: World) {
        let told = scope(2, async |s| {
            s.spawn(String::from("a"), after(&world, secs(1), Ok(1))).unwrap();
            let unknown = s.cancel("b");
            world.sleep(secs(2)).await;
            done((unknown, s.cancel("a"), read_all(&s).await))
        });
        let (unknown, ended, read) = told.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!((unknown, ended, read), (false, false, vec!["a: ok 1".to_owned()]));
    }

    async fn what_ends_within_its_grace_keeps_its_result(world: World) {
        let start = world.now();
        let read = scope(4, async |s| {
            s.spawn("quick", after(&world, secs(3), Ok(1))).unwrap();
            s.spawn("slow", after(&world, secs(9), Ok(2))).unwrap();
            s.spawn("other", after(&world, secs(8), Ok(3))).unwrap();
            world.sleep(secs(1)).await;
            assert!(s.cancel("quick") && s.cancel("slow"));
            world.sleep(secs(1)).await;
            assert!(s.cancel("slow"), "a second cancel does not prolong the grace");
            assert_eq!(s.next().await.unwrap().0, "quick");
            let slow = s.next().await.unwrap();
            assert_eq!((slow.0, world.now().since(start)), ("slow", secs(6)));
            assert_eq!(slow.1.unwrap_err().to_string(), "cancelled");
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).grace(secs(5)).await.unwrap();
        assert_eq!(read, ["other: ok 3"]);
    }

    async fn a_freed_slot_goes_to_who_waits(world: World) {
        let start = world.now();
        let read = scope(1, async |s| {
            s.spawn(1, pending::<Result<u8, Fault>>()).unwrap();
            s.spawn(2, after(&world, secs(1), Ok(2))).unwrap();
            world.sleep(secs(1)).await;
            s.cancel(&1);
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["1: cancelled", "2: ok 2"]);
        assert_eq!(world.now().since(start), secs(2));
    }

    async fn a_task_cancels_itself_and_another(world: World) {
        let world = &world;
        let read = scope(3, async |s| {
            s.spawn_with(1, async |s| {
                world.sleep(secs(1)).await;
                assert!(s.cancel(&2) && s.cancel(&1));
                pending::<Result<u8, Fault>>().await
            })
            .unwrap();
            s.spawn(2, pending()).unwrap();
            done(read_all(&s).await)
        });
        let mut read = read.unwrap().clock(world.clock()).await.unwrap();
        read.sort();
        assert_eq!(read, ["1: cancelled", "2: cancelled"]);
    }

    async fn it_is_no_failure_for_the_stop_rule(world: World) {
        let read = scope(2, async |s| {
            s.spawn(1, pending()).unwrap();
            s.spawn(2, after(&world, secs(3), Ok(2))).unwrap();
            s.spawn(3, after(&world, secs(3), Ok(3))).unwrap();
            world.sleep(secs(1)).await;
            assert!(s.cancel(&1) && s.cancel(&3));
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).stop_on(StopOn::FirstError).await.unwrap();
        assert_eq!(read, ["3: not started: it was cancelled first", "1: cancelled", "2: ok 2"]);
    }

    async fn a_key_is_free_again_after_the_end(world: World) {
        let read = scope(2, async |s| {
            s.spawn("a", pending()).unwrap();
            world.sleep(secs(1)).await;
            s.cancel("a");
            assert!(matches!(s.spawn("a", pending()), Err(AddError::Duplicate { .. })), "not ended yet");
            settle(&world).await;
            s.spawn("a", after(&world, secs(1), Ok(2))).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).grace(secs(0)).await.unwrap();
        assert_eq!(read, ["a: cancelled", "a: ok 2"]);
    }

    async fn a_late_grace_does_not_hit_the_next_task_with_the_key(world: World) {
        let read = scope(2, async |s| {
            s.spawn("a", after(&world, secs(2), Ok(1))).unwrap();
            world.sleep(secs(1)).await;
            s.cancel("a");
            assert_eq!(s.next().await.unwrap().0, "a");
            s.spawn("a", after(&world, secs(100), Ok(2))).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).grace(secs(10)).await.unwrap();
        assert_eq!(read, ["a: ok 2"]);
    }
}
