//! The limit holds at every event, and changes take effect at once.

use super::{done, read_all, settle};
use crate::runner::support::{Gauge, after, millis, secs};
use futures::future::pending;
use regatta::{Scope, scope};
use regatta_tests::{World, on_every_executor};

/// Spawns `count` tasks that end only with the scope, each of them inside the gauge.
fn spawn_pending<'a>(s: &Scope<'a, usize, (), &'static str>, gauge: &'a Gauge, count: usize) {
    for key in 0..count {
        s.spawn_ok(key, async {
            let _inside = gauge.enter();
            pending::<()>().await;
        })
        .unwrap();
    }
}

on_every_executor! {
    async fn the_limit_holds_at_every_event(world: World) {
        let (gauge, mut rng) = (Gauge::default(), world.rng());
        let limit = rng.usize(1..6);
        let pauses: Vec<_> = (0..40).map(|_| millis(rng.u64(0..4))).collect();
        let read = scope(limit, async |s| {
            for (key, pause) in pauses.iter().enumerate() {
                let (gauge, world, inner) = (&gauge, &world, s.clone());
                s.spawn(key, async move {
                    let _inside = gauge.enter();
                    assert!(gauge.inside() <= limit);
                    assert_eq!(inner.running(), gauge.inside(), "the hub counts as the gauge does");
                    after(world, *pause, Ok(())).await
                })
                .unwrap();
            }
            done(read_all(&s).await.iter().filter(|text| text.ends_with("ok ()")).count())
        });
        assert_eq!(read.unwrap().clock(world.clock()).await, Ok(40));
        assert_eq!((gauge.most(), gauge.entered()), (limit, 40));
    }

    async fn raising_the_limit_from_1_to_10_starts_9_at_once(world: World) {
        let gauge = Gauge::default();
        let seen = scope(1, async |s| {
            spawn_pending(&s, &gauge, 20);
            world.sleep(secs(1)).await;
            let before = gauge.inside();
            s.set_limit(10).unwrap();
            settle(&world).await;
            let after = (gauge.inside(), s.running(), s.waiting());
            s.set_unlimited();
            settle(&world).await;
            Err::<(), _>((before, after, gauge.inside()))
        });
        assert_eq!(seen.unwrap().clock(world.clock()).await, Err((1, (10, 10, 10), 20)));
        assert_eq!(gauge.inside(), 0);
    }

    async fn a_task_raises_the_limit(world: World) {
        let (gauge, world) = (Gauge::default(), &world);
        let seen = scope(1, async |s| {
            s.spawn_with(100, async |s| {
                world.sleep(secs(1)).await;
                s.set_limit(4).unwrap();
                pending().await
            })
            .unwrap();
            spawn_pending(&s, &gauge, 10);
            world.sleep(secs(2)).await;
            Err::<(), _>(gauge.inside())
        });
        assert_eq!(seen.unwrap().clock(world.clock()).await, Err(3));
    }

    async fn lowering_the_limit_lets_what_runs_go_on(world: World) {
        let gauge = Gauge::default();
        let read = scope(4, async |s| {
            for key in 1..=8 {
                let (gauge, world) = (&gauge, &world);
                s.spawn(key, async move {
                    let _inside = gauge.enter();
                    after(world, secs(key), Ok(gauge.inside())).await
                })
                .unwrap();
            }
            settle(&world).await;
            s.set_limit(1).unwrap();
            settle(&world).await;
            assert_eq!(gauge.inside(), 4);
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        // What is inside counts when a task starts: from the fifth on, nobody else is there.
        let expected = ["1: ok 1", "2: ok 2", "3: ok 3", "4: ok 4", "5: ok 1", "6: ok 1", "7: ok 1", "8: ok 1"];
        assert_eq!(read, expected);
    }

    async fn a_limit_set_before_anything_runs_counts_from_the_start(world: World) {
        let gauge = Gauge::default();
        let seen = scope(9, async |s| {
            s.set_limit(2).unwrap();
            spawn_pending(&s, &gauge, 5);
            world.sleep(secs(1)).await;
            Err::<(), _>(gauge.most())
        });
        assert_eq!(seen.unwrap().clock(world.clock()).await, Err(2));
    }

    async fn what_waits_starts_in_the_order_of_spawning(world: World) {
        let started = std::sync::Mutex::new(Vec::new());
        let all = scope(3, async |s| {
            for key in 0..30 {
                let (started, world) = (&started, &world);
                s.spawn(key, async move {
                    started.lock().unwrap().push(key);
                    after(world, millis(key * 7 % 5), Ok(())).await
                })
                .unwrap();
            }
            done(read_all(&s).await.len())
        });
        assert_eq!(all.unwrap().clock(world.clock()).await, Ok(30));
        assert_eq!(started.into_inner().unwrap(), (0..30).collect::<Vec<_>>());
    }
}
