//! Whoever leaves the line hands its place on, wherever it stood and whenever it leaves.

use super::done;
use crate::runner::support::{Fault, after, secs};
use futures::future::join_all;
use regatta::{Scope, scope};
use regatta_sim::yield_now;
use regatta_tests::{Probe, Probed, World, on_every_executor, oracle};
use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Polls all of `waits` once.
async fn poll_each<F: Future<Output: Send> + Unpin>(waits: &mut [F]) -> Vec<bool> {
    poll_fn(|cx| Poll::Ready(waits.iter_mut().map(|wait| Pin::new(wait).poll(cx).is_ready()).collect())).await
}

on_every_executor! {
    async fn first_middle_and_last_leave(world: World) {
        for leaves in [vec![0], vec![2], vec![4], vec![0, 1], vec![3, 4], vec![0, 2, 4]] {
            let probe = Probe::new();
            let order = scope(1, async |s| {
                s.spawn(9, after(&world, secs(1), Ok(()))).unwrap();
                let mut waits: Vec<_> =
                    (0..5).map(|key| (key, s.spawn_when_free(key, probe.also(after(&world, secs(1), Ok(())))))).collect();
                for (_, wait) in &mut waits {
                    assert_eq!(futures::poll!(&mut *wait), Poll::Pending);
                }
                waits.retain(|(key, _)| !leaves.contains(key));
                assert_eq!((probe.drops(), probe.polls()), (leaves.len() as u64, 0));
                let mut order = Vec::new();
                for (key, result) in join_all(waits.into_iter().map(async |(key, wait)| (key, wait.await))).await {
                    result.unwrap();
                    order.push(key);
                }
                done(order)
            });
            let order = order.unwrap().clock(world.clock()).await.unwrap();
            let expected: Vec<u64> = (0..5).filter(|key| !leaves.contains(key)).collect();
            assert_eq!(order, expected);
            assert_eq!(probe.ended(), expected.len() as u64);
        }
    }

    async fn one_that_was_woken_leaves_and_the_next_is_woken(world: World) {
        let start = world.now();
        let run = scope(1, async |s| {
            s.spawn(9, after(&world, secs(1), Ok(()))).unwrap();
            let mut first = s.spawn_when_free(1, pending());
            assert_eq!(futures::poll!(&mut first), Poll::Pending);
            let second = s.spawn_when_free(2, after(&world, secs(1), Ok::<_, Fault>(())));
            let leaves = async {
                world.sleep(secs(3)).await;
                // The slot has been free for two seconds, kept for this one.
                assert_eq!((s.running(), s.waiting()), (0, 0));
                drop(first);
            };
            let (spawned, ()) = futures::join!(second, leaves);
            spawned.unwrap();
            done(world.now().since(start))
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(secs(3)));
    }

    async fn nobody_jumps_a_line_whose_first_was_woken(world: World) {
        let run = scope(1, async |s| {
            s.spawn(9, after(&world, secs(1), Ok(()))).unwrap();
            let mut first = s.spawn_when_free(1, pending());
            assert_eq!(futures::poll!(&mut first), Poll::Pending);
            world.sleep(secs(2)).await;
            let mut late = s.spawn_when_free(2, pending());
            assert_eq!(futures::poll!(&mut late), Poll::Pending, "the slot is the first one's");
            assert_eq!(futures::poll!(&mut first), Poll::Ready(Ok(())));
            assert_eq!(futures::poll!(&mut late), Poll::Pending);
            Err::<(), _>(())
        });
        run.unwrap().clock(world.clock()).await.unwrap_err();
    }

    async fn one_that_was_never_polled_has_no_place(world: World) {
        let run = scope(1, async |s| {
            let never = s.spawn_when_free(1, pending());
            s.spawn_when_free(2, after(&world, secs(1), Ok::<(), Fault>(()))).await.unwrap();
            drop(never);
            s.spawn_when_free(3, after(&world, secs(1), Ok(()))).await
        });
        run.unwrap().clock(world.clock()).await.unwrap();
    }

    async fn polled_for_no_reason_it_keeps_its_place(world: World) {
        let run = scope(1, async |s| {
            s.spawn(9, after(&world, secs(1), Ok(()))).unwrap();
            let mut waits: Vec<_> = (0..4).map(|key| s.spawn_when_free(key, async { Ok::<_, Fault>(()) })).collect();
            for _ in 0..3 {
                assert_eq!(poll_each(&mut waits).await, [false; 4]);
                waits.reverse();
            }
            waits.reverse();
            world.sleep(secs(2)).await;
            assert_eq!(poll_each(&mut waits).await, [true, false, false, false]);
            done(())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(()));
    }
}

/// A task that takes a few polls.
fn steps(probe: &Probe, n: u64) -> Probed<impl Future<Output = Result<u64, Fault>> + use<>> {
    probe.also(async move {
        for _ in 0..n % 4 {
            yield_now().await;
        }
        Ok(n)
    })
}

/// Waits in line, but gives up after so many polls.
async fn give_up_after<'a>(s: &Scope<'a, u64, u64, Fault>, key: u64, probe: &'a Probe, polls: u64) -> bool {
    let mut wait = Box::pin(s.spawn_when_free(key, steps(probe, key)));
    for _ in 0..polls {
        if futures::poll!(&mut wait).is_ready() {
            return true;
        }
        yield_now().await;
    }
    false
}

/// However long each of many stays, all who stay are served, and nobody's task runs whose wait was given up.
#[test]
fn leaving_at_any_poll_blocks_nobody() {
    oracle("line", 300, |seed| {
        let mut rng = regatta_tests::Rng::with_seed(seed);
        let (probe, count, limit) = (Probe::new(), rng.u64(1..40), rng.usize(1..5));
        let polls: Vec<_> = (0..count).map(|_| if rng.bool() { u64::MAX } else { rng.u64(0..12) }).collect();
        let run = scope(limit, async |s| {
            let waits = polls.iter().zip(0..).map(|(polls, key)| give_up_after(&s, key, &probe, *polls));
            let spawned = join_all(waits).await;
            let mut read = HashSet::new();
            while let Some((key, result)) = s.next().await {
                assert_eq!(result.unwrap(), key);
                read.insert(key);
            }
            done((spawned, read))
        });
        let (spawned, read) = smol::block_on(run.unwrap()).unwrap();
        for (key, spawned) in (0..).zip(spawned) {
            assert!(spawned || polls[key as usize] != u64::MAX, "{key} was not served");
            assert_eq!(read.contains(&key), spawned);
        }
        assert_eq!((probe.alive(), probe.ended()), (0, read.len() as u64));
    });
}

/// The whole is dropped after each number of polls: every task is dropped once, also those whose wait is not over.
#[test]
fn a_scope_with_a_line_is_dropped_at_every_poll() {
    for polls in 0.. {
        let probe = Probe::new();
        let run = scope(2, async |s| {
            join_all((0..12).map(|key| s.spawn_when_free(key, steps(&probe, key)))).await;
            done(())
        });
        let mut run = Box::pin(run.unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| run.as_mut().poll(&mut cx).is_ready());
        drop(run);
        assert_eq!(probe.alive(), 0, "after {polls} polls");
        if ended {
            return assert_eq!(probe.ended(), 12);
        }
        assert!(polls < 1000);
    }
}
