//! `spawn_when_free`: those who wait for a slot are served in order, as soon as there is one.

use super::{done, read_all, settle};
use crate::runner::support::{Fault, Gauge, after, millis, secs};
use futures::StreamExt;
use futures::future::{join, join_all, join3};
use futures::stream::FuturesUnordered;
use regatta::{AddError, Scope, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::sync::Mutex;

/// `count` wait for a slot; each task takes a second. Returns the order in which the waits came to their end.
async fn wait_in_line<'a>(s: &Scope<'a, usize, usize, Fault>, world: &'a World, count: usize) -> Vec<usize> {
    let order = &Mutex::new(Vec::new());
    let waits = (0..count).map(async |key| {
        s.spawn_when_free(key, after(world, secs(1), Ok(key))).await.unwrap();
        order.lock().unwrap().push(key);
    });
    // `join_all` looks at each of up to 30 futures whenever one is woken, which would hide that another was not.
    waits.collect::<FuturesUnordered<_>>().for_each(async |()| ()).await;
    std::mem::take(&mut order.lock().unwrap())
}

on_every_executor! {
    async fn a_free_slot_is_taken_at_once(world: World) {
        let start = world.now();
        let read = scope(2, async |s| {
            s.spawn_when_free(1, after(&world, secs(3), Ok(1))).await.unwrap();
            s.spawn_when_free(2, after(&world, secs(1), Ok(2))).await.unwrap();
            assert_eq!(world.now(), start);
            s.spawn_when_free(3, after(&world, secs(1), Ok(3))).await.unwrap();
            assert_eq!(world.now().since(start), secs(1), "woken when the second ends");
            settle(&world).await;
            assert_eq!((s.running(), s.waiting()), (2, 0), "it has started");
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!((read.len(), read[0].as_str()), (3, "2: ok 2"));
    }

    async fn many_wait_and_are_served_in_order(world: World) {
        for (count, limit) in [(1, 1), (30, 1), (31, 7), (200, 3), (200, 200)] {
            let start = world.now();
            let order = scope(limit, async |s| done(wait_in_line(&s, &world, count).await));
            let order = order.unwrap().clock(world.clock()).await.unwrap();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
            assert_eq!(world.now().since(start), secs(count.div_ceil(limit) as u64), "no slot is idle");
        }
    }

    async fn never_more_than_the_limit(world: World) {
        let (gauge, mut rng) = (Gauge::default(), world.rng());
        let pauses: Vec<_> = (0..60).map(|_| millis(rng.u64(0..5))).collect();
        let limit = rng.usize(1..6);
        let waited = scope(limit, async |s| {
            for (key, pause) in pauses.iter().enumerate() {
                let (gauge, world) = (&gauge, &world);
                let task = async move {
                    let _inside = gauge.enter();
                    after(world, *pause, Ok(())).await
                };
                s.spawn_when_free(key, task).await.unwrap();
                assert!(s.waiting() + s.running() <= limit, "none of them waits behind another");
            }
            done(read_all(&s).await.len())
        });
        assert_eq!(waited.unwrap().clock(world.clock()).await, Ok(60));
        assert!(gauge.most() <= limit);
    }

    async fn a_plain_spawn_does_not_wait_and_the_line_does(world: World) {
        let start = world.now();
        let read = scope(1, async |s| {
            s.spawn("first", after(&world, secs(1), Ok(1))).unwrap();
            let waits = s.spawn_when_free("waits", after(&world, secs(1), Ok(2)));
            let spawns = async {
                world.yield_now().await;
                s.spawn("spawned", after(&world, secs(1), Ok(3))).unwrap();
            };
            join(waits, spawns).await.0.unwrap();
            assert_eq!(world.now().since(start), secs(2));
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["first: ok 1", "spawned: ok 3", "waits: ok 2"]);
    }

    async fn a_raised_limit_serves_as_many_as_fit(world: World) {
        let start = world.now();
        let gauge = Gauge::default();
        let run = scope(1, async |s| {
            s.spawn(1000, after(&world, secs(10), Ok(0))).unwrap();
            let waits = (0..40).map(|key| {
                let (gauge, world, s) = (&gauge, &world, &s);
                async move {
                    s.spawn_when_free(key, after(world, secs(10), Ok(key))).await.unwrap();
                    gauge.pass();
                }
            });
            let raise = async {
                world.sleep(secs(1)).await;
                s.set_limit(10).unwrap();
                world.sleep(secs(1)).await;
                assert_eq!((gauge.entered(), s.running()), (9, 10));
                s.set_unlimited();
                world.sleep(secs(1)).await;
                assert_eq!((gauge.entered(), s.running()), (40, 41));
            };
            join(waits.collect::<FuturesUnordered<_>>().for_each(async |()| ()), raise).await;
            done(())
        });
        run.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(world.now().since(start), secs(12));
    }

    async fn a_lowered_limit_makes_them_wait_longer(world: World) {
        let start = world.now();
        let run = scope(2, async |s| {
            s.spawn(1, after(&world, secs(1), Ok(1))).unwrap();
            s.spawn(2, after(&world, secs(5), Ok(2))).unwrap();
            s.set_limit(1).unwrap();
            s.spawn_when_free(3, after(&world, secs(1), Ok(3))).await.unwrap();
            done(world.now().since(start))
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(secs(6)), "2 runs alone from 1 s to 6 s");
    }

    async fn a_cancelled_task_makes_room(world: World) {
        let start = world.now();
        let run = scope(1, async |s| {
            s.spawn("runs", std::future::pending()).unwrap();
            s.spawn("waits", std::future::pending()).unwrap();
            let cancels = async {
                world.sleep(secs(1)).await;
                s.cancel("waits");
                world.sleep(secs(1)).await;
                s.cancel("runs");
            };
            let (free, ()) = join(s.spawn_when_free("next", async { Ok(1) }), cancels).await;
            free.unwrap();
            done((world.now().since(start), read_all(&s).await.len()))
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok((secs(2), 3)));
    }

    async fn a_duplicate_in_line_is_refused_at_its_turn_and_lets_the_next_go(world: World) {
        let probe = Probe::new();
        let read = scope(1, async |s| {
            s.spawn("a", after(&world, secs(1), Ok(1))).unwrap();
            s.spawn("b", after(&world, secs(9), Ok(2))).unwrap();
            s.set_limit(2).unwrap();
            let (a, b, c) = join3(
                s.spawn_when_free("b", probe.also(after(&world, secs(1), Ok(9)))),
                s.spawn_when_free("a", after(&world, secs(1), Ok(3))),
                s.spawn_when_free("c", after(&world, secs(1), Ok(4))),
            )
            .await;
            assert_eq!(a, Err(AddError::Duplicate { key: r#""b""#.to_owned() }));
            assert_eq!((b, c), (Ok(()), Ok(())), "the first `a` has ended by then");
            assert_eq!((probe.polls(), probe.drops()), (0, 1));
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["a: ok 1", "a: ok 3", "c: ok 4", "b: ok 2"]);
    }

    async fn a_stop_refuses_all_who_wait(world: World) {
        for count in [1, 30, 31, 200] {
            let refused = scope(1, async |s| {
                s.spawn(1000, std::future::pending::<Result<(), Fault>>()).unwrap();
                let waits = (0..count).map(|key| s.spawn_when_free(key, std::future::pending()));
                let stop = async {
                    world.sleep(secs(1)).await;
                    s.stop();
                };
                let (refused, ()) = join(waits.collect::<FuturesUnordered<_>>().collect::<Vec<_>>(), stop).await;
                assert!(refused.iter().all(|refused| *refused == Err(AddError::Closed)));
                done(refused.len())
            });
            assert_eq!(refused.unwrap().clock(world.clock()).await, Ok(count));
        }
    }

    async fn tasks_wait_in_line_beside_the_body(world: World) {
        let world = &world;
        let order = Mutex::new(Vec::new());
        let run = scope(4, async |s| {
            for key in 0..3 {
                let (order, inner) = (&order, s.clone());
                s.spawn(key, async move {
                    inner.spawn_when_free(key + 10, after(world, secs(5), Ok(()))).await.unwrap();
                    order.lock().unwrap().push(key);
                    after(world, secs(1), Ok(())).await
                })
                .unwrap();
            }
            s.spawn_when_free(13, after(world, secs(5), Ok(()))).await.unwrap();
            order.lock().unwrap().push(3);
            done(read_all(&s).await.len())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(7));
        assert_eq!(order.into_inner().unwrap().len(), 4);
    }

    async fn join_all_serves_too(world: World) {
        let run = scope(3, async |s| {
            let waits = (0..30).map(|key| s.spawn_when_free(key, after(&world, secs(1), Ok(key))));
            done(join_all(waits).await.into_iter().filter(Result::is_ok).count())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(30));
    }
}
