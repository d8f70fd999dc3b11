//! Results are read in the order of the ends, each once, whoever reads; `None` only if nothing can come any more.

use super::{done, read_all};
use crate::runner::support::{Fault, after, millis, secs};
use futures::future::{Either, join, join_all, select};
use regatta::scope;
use regatta_tests::{Probe, World, on_every_executor};
use std::sync::Mutex;

on_every_executor! {
    async fn in_the_order_of_ends(world: World) {
        let read = scope(9, async |s| {
            for (key, seconds) in [(1, 3), (2, 1), (3, 2), (4, 5), (5, 4)] {
                s.spawn(key, after(&world, secs(seconds), Ok(seconds))).unwrap();
            }
            // They wait in that order too, while nobody reads.
            world.sleep(secs(9)).await;
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["2: ok 1", "3: ok 2", "1: ok 3", "5: ok 4", "4: ok 5"]);
    }

    async fn none_comes_again_and_again_and_more_may_come_after_it(world: World) {
        let told = scope(1, async |s| {
            assert!(s.next().await.is_none() && s.next().await.is_none());
            s.spawn(1, after(&world, secs(1), Ok(1))).unwrap();
            assert!(s.next().await.is_some());
            assert!(s.next().await.is_none() && !s.is_closed());
            s.spawn(2, after(&world, secs(1), Ok(2))).unwrap();
            done(s.next().await.is_some())
        });
        assert_eq!(told.unwrap().clock(world.clock()).await, Ok(true));
    }

    async fn a_task_that_only_waits_may_still_bring_one(world: World) {
        let read = scope(1, async |s| {
            s.spawn_with(1, async |s| {
                world.sleep(secs(1)).await;
                s.spawn(2, after(&world, secs(1), Ok(2)))
                    .map(|()| 1)
                    .map_err(|_| "closed")
            })
            .unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["1: ok 1", "2: ok 2"]);
    }

    async fn several_readers_share_the_results(world: World) {
        let seen = Mutex::new(Vec::new());
        let counts = scope(7, async |s| {
            for key in 0..50 {
                s.spawn(key, after(&world, millis(key * 13 % 7), Ok(()))).unwrap();
            }
            let readers = (0..5).map(|_| async {
                let mut read = 0;
                while let Some((key, _)) = s.next().await {
                    seen.lock().unwrap().push(key);
                    read += 1;
                    world.sleep(millis(key % 3)).await;
                }
                read
            });
            done(join_all(readers).await)
        });
        let counts: Vec<usize> = counts.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(counts.iter().sum::<usize>(), 50);
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    async fn a_reader_that_gives_up_loses_nothing(world: World) {
        let read = scope(2, async |s| {
            s.spawn(1, after(&world, secs(2), Ok(1))).unwrap();
            s.spawn(2, after(&world, secs(4), Ok(2))).unwrap();
            for _ in 0..5 {
                let early = select(s.next(), world.sleep(millis(300))).await;
                assert!(matches!(early, Either::Right(_)));
            }
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["1: ok 1", "2: ok 2"]);
    }

    async fn a_reader_that_was_woken_and_is_dropped_leaves_the_result_to_the_others(world: World) {
        let read = scope(1, async |s| {
            s.spawn(1, after(&world, secs(1), Ok(1))).unwrap();
            // Both are woken by the same end; the first is dropped by its timeout at the very same moment.
            let impatient = async { matches!(select(world.sleep(secs(1)), s.next()).await, Either::Right(_)) };
            let (first, second) = join(impatient, s.next()).await;
            done((first, second.is_some()))
        });
        let (first, second) = read.unwrap().clock(world.clock()).await.unwrap();
        assert!(first != second, "exactly one of them has it: {first} {second}");
    }

    async fn a_task_reads_what_others_bring(world: World) {
        let world = &world;
        let sum = scope(4, async |s| {
            s.spawn(1, after(world, secs(1), Ok(10))).unwrap();
            s.spawn(2, after(world, secs(2), Ok(20))).unwrap();
            s.spawn_with(3, async |s| {
                let first = s.next().await.unwrap().1.unwrap();
                let second = s.next().await.unwrap().1.unwrap();
                Ok::<_, Fault>(first + second)
            })
            .unwrap();
            world.sleep(secs(5)).await;
            done(s.next().await.unwrap().1.unwrap())
        });
        assert_eq!(sum.unwrap().clock(world.clock()).await, Ok(30));
    }

    async fn unread_results_are_dropped_with_the_scope(world: World) {
        let probe = Probe::new();
        let inner = probe.clone();
        let run = scope(4, async |s| {
            for key in 0..6 {
                // The value of each task is a future that counts its drop.
                let value = inner.also(std::future::pending::<()>());
                let world = &world;
                s.spawn(key, async move {
                    world.sleep(secs(1)).await;
                    Ok::<_, Fault>(value)
                })
                .unwrap();
            }
            let read = s.next().await;
            assert_eq!(inner.alive(), 6);
            done(read)
        });
        let read = run.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(probe.alive(), 1, "what was read lives on");
        drop(read);
        assert_eq!(probe.alive(), 0);
    }
}
