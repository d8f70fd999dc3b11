//! Body and tasks are polled together: neither waits in vain for the other. And drivers inside drivers.

use super::{done, read_all};
use crate::runner::support::{Fault, after, secs};
use async_lock::Mutex;
use regatta::{AddError, Scope, map, scope};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_body_may_wait_for_a_lock_that_a_task_holds(world: World) {
        let lock = Mutex::new(0);
        let run = scope(2, async |s| {
            for key in 0..6 {
                let (lock, world) = (&lock, &world);
                s.spawn(key, async move {
                    let mut uses = lock.lock().await;
                    world.sleep(secs(5)).await;
                    *uses += 1;
                    Ok::<_, Fault>(())
                })
                .unwrap();
            }
            let mut read = 0;
            while s.next().await.is_some() {
                *lock.lock().await += 10;
                read += 1;
            }
            done(read)
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(6));
        assert_eq!(lock.into_inner(), 66);
    }

    async fn tasks_may_wait_for_a_lock_that_the_body_holds(world: World) {
        let lock = Mutex::new(0);
        let run = scope(2, async |s| {
            let mut held = lock.lock().await;
            for key in 1..=6 {
                let lock = &lock;
                s.spawn_ok(key, async move { *lock.lock().await += key }).unwrap();
            }
            world.sleep(secs(3)).await;
            *held += 100;
            drop(held);
            Ok::<_, Fault>(read_all(&s).await.len())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(6));
        assert_eq!(lock.into_inner(), 121);
    }

    async fn a_body_waits_for_a_slot_while_it_holds_what_a_task_needs_later(world: World) {
        let lock = Mutex::new(0);
        let run = scope(1, async |s| {
            let (lock, world) = (&lock, &world);
            s.spawn(1, after(world, secs(1), Ok(()))).unwrap();
            let held = lock.lock().await;
            let needs = async move {
                *lock.lock().await += 1;
                Ok(())
            };
            s.spawn_when_free(2, needs).await.unwrap();
            drop(held);
            done(read_all(&s).await.len())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(2));
        assert_eq!(lock.into_inner(), 1);
    }

    async fn tasks_go_on_while_the_body_waits(world: World) {
        let start = world.now();
        let run = scope(1, async |s| {
            for key in 0..3 {
                s.spawn(key, after(&world, secs(2), Ok(key))).unwrap();
            }
            world.sleep(secs(6)).await;
            done(read_all(&s).await.len())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(3));
        assert_eq!(world.now().since(start), secs(6));
    }

    async fn scopes_inside_a_scope(world: World) {
        let world = &world;
        let outer = scope(2, async |outer| {
            for key in 1..=4_u64 {
                let task = async move {
                    let inner = scope(2, async |inner| {
                        for child in 0..key {
                            inner.spawn(child, after(world, secs(1), Ok(child)))?;
                        }
                        Ok::<_, AddError>(read_all(&inner).await.len() as u64)
                    });
                    inner.unwrap().clock(world.clock()).await.map_err(|_| "an inner scope is open")
                };
                outer.spawn(key, task).unwrap();
            }
            let mut sum = 0;
            while let Some((key, result)) = outer.next().await {
                assert_eq!(result.unwrap(), key);
                sum += key;
            }
            done(sum)
        });
        assert_eq!(outer.unwrap().clock(world.clock()).await, Ok(10));
    }

    async fn a_scope_spawns_into_the_scope_around_it(world: World) {
        let world = &world;
        let outer = scope(3, async |outer| {
            let inner = scope(1, async |inner| {
                let up = outer.clone();
                inner
                    .spawn(1, async move {
                        up.spawn("from below", after(world, secs(2), Ok(1))).unwrap();
                        Ok::<_, Fault>(())
                    })
                    .unwrap();
                done(read_all(&inner).await.len())
            });
            assert_eq!(inner.unwrap().clock(world.clock()).await, Ok(1));
            done(read_all(&outer).await)
        });
        assert_eq!(outer.unwrap().clock(world.clock()).await.unwrap(), ["from below: ok 1"]);
    }

    async fn a_map_inside_a_scope_and_a_scope_inside_a_map(world: World) {
        let world = &world;
        let seconds = async |n: u64| after(world, secs(n), Ok::<_, Fault>(n)).await;
        let run = scope(2, async |s: Scope<'_, _, _, Fault>| {
            for key in 1..=3_u64 {
                s.spawn_ok(key, async move {
                    let mapped = map(0..key, 2, async |n| seconds(n).await).unwrap().clock(world.clock()).await;
                    mapped.into_iter().map(Result::unwrap).sum::<u64>()
                })
                .unwrap();
            }
            let mut sum = 0;
            while let Some((_, result)) = s.next().await {
                sum += result.unwrap();
            }
            done(sum)
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(1 + 3));
        let mapped = map(1..=3_u64, 2, async |n| {
            let run = scope(2, async |s| {
                for key in 0..n {
                    s.spawn(key, seconds(key)).unwrap();
                }
                done(read_all(&s).await.len())
            });
            run.unwrap().clock(world.clock()).await
        });
        let lens: Vec<_> = mapped.unwrap().clock(world.clock()).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(lens, [1, 2, 3]);
    }
}
