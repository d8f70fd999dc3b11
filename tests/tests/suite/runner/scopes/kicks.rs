//! A parked scope is not polled; every call that changes something wakes it, from whatever thread it comes.

use super::done;
use crate::runner::support::{Fault, secs};
use regatta::{Scope, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls until nothing more is to be done at once; how often that was.
fn settle<F: Future>(mut run: Pin<&mut F>, wakes: &Arc<Wakes>) -> usize {
    let waker = Waker::from(wakes.clone());
    let mut polls = 0;
    while wakes.0.swap(0, Ordering::SeqCst) > 0 {
        assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        polls += 1;
        assert!(polls < 100, "a parked scope keeps itself awake");
    }
    polls
}

#[test]
fn every_call_that_changes_something_kicks() {
    let (probe, wakes) = (Probe::new(), Arc::new(Wakes(AtomicUsize::new(1))));
    let (give, taken) = mpsc::channel();
    let run = scope(1, |s: Scope<'_, u8, (), Fault>| {
        give.send(s).unwrap();
        pending::<Result<(), ()>>()
    });
    let (mut run, s) = (pin!(run.unwrap()), taken.recv().unwrap());
    let add = |key| s.spawn(key, probe.also(pending())).unwrap();
    settle(run.as_mut(), &wakes);
    assert_eq!(settle(run.as_mut(), &wakes), 0, "parked");
    for key in 0..40 {
        add(key);
        assert!(settle(run.as_mut(), &wakes) <= 2, "spawn kicks, and the pass that follows settles it");
    }
    assert_eq!((s.running(), probe.polls()), (1, 1));
    s.set_limit(10).unwrap();
    assert!(settle(run.as_mut(), &wakes) > 0, "set_limit kicks");
    assert_eq!((s.running(), probe.polls()), (10, 10));
    s.set_unlimited();
    assert!(settle(run.as_mut(), &wakes) > 0, "set_unlimited kicks");
    assert_eq!((s.running(), probe.polls()), (40, 40));
    assert!(s.cancel(&7));
    assert!(settle(run.as_mut(), &wakes) > 0, "cancel kicks");
    assert_eq!((s.running(), probe.drops()), (39, 1));
    s.spawn_with(40, |_| probe.also(pending())).unwrap();
    assert!(settle(run.as_mut(), &wakes) > 0, "spawn_with kicks");
    assert_eq!(pin!(s.spawn_when_free(41, probe.also(pending()))).poll(&mut noop()), Poll::Ready(Ok(())));
    assert!(settle(run.as_mut(), &wakes) > 0, "spawn_when_free kicks");
    assert_eq!((s.running(), probe.polls()), (41, 42));
    s.stop();
    assert!(settle(run.as_mut(), &wakes) > 0, "stop kicks");
    assert_eq!((s.running(), probe.alive()), (0, 0));
    assert_eq!(settle(run.as_mut(), &wakes), 0, "parked again");
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A cancelled task that waits behind a closed strategy, a lowered limit, and so on, changes who is first in line.
#[test]
fn a_cancel_of_a_waiting_task_kicks() {
    let wakes = Arc::new(Wakes(AtomicUsize::new(1)));
    let (give, taken) = mpsc::channel();
    let run = scope(1, |s: Scope<'_, u8, (), Fault>| {
        give.send(s).unwrap();
        async { Ok::<_, ()>(()) }
    });
    let (mut run, s) = (pin!(run.unwrap()), taken.recv().unwrap());
    s.spawn(1, pending()).unwrap();
    s.spawn(2, pending()).unwrap();
    settle(run.as_mut(), &wakes);
    assert!(s.cancel(&2));
    settle(run.as_mut(), &wakes);
    assert!(s.cancel(&1));
    assert!(wakes.0.load(Ordering::SeqCst) > 0);
    let waker = Waker::from(wakes);
    let mut cx = Context::from_waker(&waker);
    // The body is over, and so is the last task.
    assert!((0..3).any(|_| run.as_mut().poll(&mut cx).is_ready()));
    assert!(s.is_closed());
}

/// Wakes of the body don't poll tasks, and the other way round.
#[test]
fn body_and_tasks_are_polled_for_their_own_wakes_only() {
    let (tasks, wakes) = (Probe::new(), Arc::new(Wakes(AtomicUsize::new(1))));
    let body = Probe::new();
    let (send, receive) = smol::channel::unbounded::<()>();
    let run = scope(50, |s: Scope<'_, u8, (), Fault>| {
        for key in 0..50 {
            s.spawn(key, tasks.also(pending())).unwrap();
        }
        body.also(async move {
            while receive.recv().await.is_ok() {}
            done(s)
        })
    });
    let mut run = pin!(run.unwrap());
    settle(run.as_mut(), &wakes);
    let before = body.polls();
    for n in 1..=20 {
        send.try_send(()).unwrap();
        assert!(settle(run.as_mut(), &wakes) > 0);
        assert_eq!((tasks.polls(), body.polls()), (50, before + n));
    }
}

on_every_executor! {
    async fn a_handle_on_another_thread(world: World) {
        if world.seed() > 3 {
            return;
        }
        // The simulator knows one thread only, so there the other one is done before the scope looks.
        let run = scope(3, async |s: Scope<'_, usize, usize, Fault>| {
            thread::scope(|threads| {
                for thread in 0..4 {
                    let s = s.clone();
                    threads.spawn(move || {
                        for n in 0..50 {
                            s.spawn_ok(thread * 100 + n, async move { n }).unwrap();
                        }
                        s.set_limit(thread + 1).unwrap();
                        s.cancel(&(thread * 100 + 49))
                    });
                }
            });
            let mut sum = 0;
            while let Some((key, result)) = s.next().await {
                assert_eq!(key % 100 == 49, result.is_err());
                sum += result.unwrap_or(0);
            }
            done(sum)
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(4 * (0..49).sum::<usize>()));
    }

    async fn a_task_on_the_executor_feeds_a_parked_scope(world: World) {
        let (probe, start) = (Probe::new(), world.now());
        let (give, take) = smol::channel::bounded(1);
        let (outside, fed) = (world.clone(), probe.clone());
        world.spawn(async move {
            let s: Scope<'static, u32, (), Fault> = take.recv().await.unwrap();
            for key in 0..31 {
                outside.sleep(secs(1)).await;
                let inner = outside.clone();
                let task = async move {
                    inner.sleep(secs(10)).await;
                    Ok(())
                };
                s.spawn_when_free(key, fed.also(task)).await.unwrap();
            }
            s.stop();
        });
        let run = scope(4, async |s| {
            give.send(s.clone()).await.unwrap();
            while !s.is_closed() {
                world.sleep(secs(1)).await;
            }
            done(s.running())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(0));
        assert_eq!((probe.wrapped(), probe.alive()), (31, 0));
        assert!(world.now().since(start) >= secs(70));
    }
}

/// Real threads all the way: many feed and read one scope that is driven on a third.
#[test]
fn threads_feed_and_read_a_scope_that_runs_elsewhere() {
    let (give, taken) = mpsc::channel();
    let (end, over) = smol::channel::bounded::<()>(1);
    let driver = thread::spawn(move || {
        let run = scope(7, |s: Scope<'static, usize, usize, Fault>| {
            give.send(s).unwrap();
            async move {
                let _closed = over.recv().await;
                done(())
            }
        });
        smol::block_on(run.unwrap())
    });
    let s = taken.recv().unwrap();
    let feeders: Vec<_> = (0..4)
        .map(|thread| {
            let s = s.clone();
            thread::spawn(move || {
                for n in 0..100 {
                    let task = async move { Ok(n) };
                    smol::block_on(s.spawn_when_free(thread * 1000 + n, task)).unwrap();
                }
            })
        })
        .collect();
    for feeder in feeders {
        feeder.join().unwrap();
    }
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let s = s.clone();
            thread::spawn(move || {
                let mut read = 0;
                while let Some((key, result)) = smol::block_on(s.next()) {
                    assert_eq!(result.unwrap(), key % 1000);
                    read += 1;
                }
                read
            })
        })
        .collect();
    let read: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    end.close();
    driver.join().unwrap().unwrap();
    assert_eq!((read, s.is_closed()), (400, true));
}
