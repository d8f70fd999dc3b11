//! Tasks come from the body, from clones of its handle, from tasks; and each result is read once.

use super::{done, read_all, settle};
use crate::runner::support::{Fault, after, secs};
use regatta::{AddError, scope, scope_local};
use regatta_tests::{World, on_every_executor};
use std::cell::Cell;
use std::rc::Rc;

on_every_executor! {
    async fn smoke(world: World) {
        let read = scope(2, async |s| {
            for key in [3, 1, 2] {
                s.spawn(key, after(&world, secs(key), Ok(key * 10)))?;
            }
            Ok::<_, AddError>(read_all(&s).await)
        });
        let start = world.now();
        let read = read.unwrap().clock(world.clock()).await;
        // Two at once: 3 and 1 start at 0 s, 2 at 1 s.
        assert!(matches!(&read.unwrap()[..], [a, b, c] if a == "1: ok 10" && b != c));
        assert_eq!(world.now().since(start), secs(3));
    }

    async fn empty(world: World) {
        let nothing = scope::<u8, u8, Fault, _, _, _, _>(1, async |s| done(s.next().await.is_none()));
        assert_eq!(nothing.unwrap().clock(world.clock()).await, Ok(true));
        let unused = scope::<u8, u8, Fault, _, _, _, _>(1, async |_| done(7));
        assert_eq!(unused.unwrap().await, Ok(7));
    }

    async fn a_body_awaits_between_two_spawns(world: World) {
        let read = scope(4, async |s| {
            s.spawn(1, after(&world, secs(2), Ok('a'))).unwrap();
            world.sleep(secs(5)).await;
            s.spawn(2, after(&world, secs(2), Ok('b'))).unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["1: ok 'a'", "2: ok 'b'"]);
    }

    async fn a_task_spawns_with_a_clone(world: World) {
        let world = &world;
        let read = scope(4, async |s| {
            let inner = s.clone();
            s.spawn("parent", async move {
                inner.spawn("child", after(world, secs(1), Ok(2))).unwrap();
                after(world, secs(2), Ok(1)).await
            })
            .unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["child: ok 2", "parent: ok 1"]);
    }

    async fn generations_spawn_with_a_handle_of_their_own(world: World) {
        let world = &world;
        let read = scope(1, async |s| {
            s.spawn_with(1, async |s| {
                s.spawn_with(2, async |s| {
                    s.spawn(3, after(world, secs(1), Ok(30))).unwrap();
                    after(world, secs(1), Ok(20)).await
                })
                .unwrap();
                after(world, secs(1), Ok(10)).await
            })
            .unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(read, ["1: ok 10", "2: ok 20", "3: ok 30"]);
    }

    async fn plain_values_and_results_in_one_scope(world: World) {
        let read = scope(2, async |s| {
            s.spawn_ok("plain", async { world.sleep(secs(1)).await }).unwrap();
            s.spawn("failed", after(&world, secs(2), Err("no"))).unwrap();
            done(read_all(&s).await)
        });
        assert_eq!(read.unwrap().clock(world.clock()).await.unwrap(), ["plain: ok ()", "failed: failed: no"]);
    }

    async fn a_crawler_ends_when_no_page_is_left(world: World) {
        let pages = scope(8, async |s| {
            s.spawn(1_u64, after(&world, secs(1), Ok(1))).unwrap();
            let mut pages = Vec::new();
            while let Some((page, result)) = s.next().await {
                assert_eq!(result.unwrap(), page);
                pages.push(page);
                for link in [page * 2, page * 2 + 1] {
                    if link < 64 {
                        s.spawn(link, after(&world, secs(link % 3), Ok(link))).unwrap();
                    }
                }
            }
            pages.sort_unstable();
            done(pages)
        });
        let pages = pages.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(pages, (1..64).collect::<Vec<_>>());
    }

    async fn tasks_that_are_not_send(world: World) {
        let sum = Rc::new(Cell::new(0));
        let run = scope_local(2, async |s| {
            for key in 1..=5 {
                let (sum, world) = (sum.clone(), &world);
                s.spawn(key, async move {
                    let held = Rc::new(key);
                    world.sleep(secs(1)).await;
                    sum.set(sum.get() + *held);
                    Ok::<_, Fault>(held)
                })
                .unwrap();
            }
            s.spawn_with(6, async |s| {
                s.spawn_ok(7, async { Rc::new(7) }).unwrap();
                Ok(Rc::new(6))
            })
            .unwrap();
            let mut count = 0;
            while let Some((key, result)) = s.next().await {
                assert_eq!(*result.unwrap(), key);
                count += 1;
            }
            done(count)
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(7));
        assert_eq!((sum.get(), Rc::strong_count(&sum)), (15, 1));
    }

    async fn the_handle_tells_how_many_run_and_wait(world: World) {
        let told = scope(2, async |s| {
            let mut told = vec![(s.running(), s.waiting())];
            for key in 0..5 {
                s.spawn(key, after(&world, secs(1 + key), Ok(()))).unwrap();
            }
            told.push((s.running(), s.waiting()));
            settle(&world).await;
            told.push((s.running(), s.waiting()));
            assert_eq!(format!("{s:?}"), "Scope { running: 2, waiting: 3, .. }");
            while s.next().await.is_some() {
                told.push((s.running(), s.waiting()));
            }
            done(told)
        });
        let told = told.unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(told[..3], [(0, 0), (0, 5), (2, 3)]);
        assert_eq!(told[3..7], [(2, 2), (2, 1), (2, 0), (1, 0)]);
        assert_eq!(told[7..], [(0, 0)]);
    }
}

#[test]
fn a_limit_of_zero_is_refused_at_the_call() {
    let refused = scope(0, async |s| s.spawn(1, async { Ok::<_, Fault>(1) }));
    assert_eq!(refused.unwrap_err().to_string(), scope_error());
    let refused = scope_local(0, async |s| s.spawn(1, async { Ok::<_, Fault>(1) }));
    assert_eq!(refused.unwrap_err().to_string(), scope_error());
    smol::block_on(async {
        let told = scope::<u8, u8, Fault, _, _, _, _>(1, async |s| {
            let refused = s.set_limit(0).unwrap_err().to_string();
            done(refused)
        });
        assert_eq!(told.unwrap().await.unwrap(), scope_error());
    });
}

/// What a runner says to a limit of zero.
fn scope_error() -> String {
    regatta::Runner::<u8, u8, Fault>::new().limit(0).unwrap_err().to_string()
}
