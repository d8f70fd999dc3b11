//! The order in which others are woken and dropped is always the same, and their panics harm nobody else.

use super::done;
use crate::runner::support::{Fault, after, secs};
use regatta::{Scope, scope};
use regatta_tests::{Sim, World, on_every_executor};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};

#[test]
fn same_seed_same_readers() {
    let told = || {
        let sim = Sim::new(7);
        let order = Arc::new(Mutex::new(Vec::new()));
        let (give, taken) = mpsc::channel();
        let run = scope(1, |s: Scope<'static, u8, (), Fault>| {
            give.send(s.clone()).unwrap();
            let sleep = sim.sleep(secs(1));
            async move {
                s.spawn_ok(1, sleep).unwrap();
                pending::<Result<(), Fault>>().await
            }
        });
        let run = run.unwrap().clock(sim.clock()).timeout(secs(5));
        sim.spawn("driver", async move {
            let _ends_at_its_timeout = run.await;
        });
        let s = taken.recv().unwrap();
        for n in 0..20 {
            let (s, order) = (s.clone(), order.clone());
            sim.spawn(format!("reader {n}"), async move {
                let _read = s.next().await;
                order.lock().unwrap().push(n);
            });
        }
        sim.run(sim.sleep(secs(3))).unwrap();
        order.lock().unwrap().clone()
    };
    let first = told();
    assert!((0..5).all(|_| told() == first), "{first:?}");
}

#[test]
fn waiting_tasks_are_dropped_in_an_order_that_is_always_the_same() {
    struct Tell(u8, Arc<Mutex<Vec<u8>>>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let told = || {
        let order = Arc::new(Mutex::new(Vec::new()));
        let run = scope(1, |s: Scope<'_, u8, (), Fault>| {
            for key in 0..20 {
                let tell = Tell(key, order.clone());
                s.spawn(key, async move {
                    let _tell = tell;
                    pending().await
                })
                .unwrap();
            }
            async { done(()) }
        });
        drop(run);
        order.lock().unwrap().clone()
    };
    let first = told();
    assert!((0..5).all(|_| told() == first), "{first:?}");
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("this executor is gone");
    }
}

#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Wakers are foreign code.
#[test]
fn a_waker_that_panics_harms_nobody_else() {
    let (give, taken) = mpsc::channel();
    let run = scope(1, |s: Scope<'_, u8, u8, Fault>| {
        s.spawn_ok(1, async {
            regatta_sim::yield_now().await;
            1
        })
        .unwrap();
        s.spawn_ok(2, async { 2 }).unwrap();
        give.send(s).unwrap();
        pending::<Result<(), Fault>>()
    });
    let (mut run, s) = (pin!(run.unwrap()), taken.recv().unwrap());
    let counts: Vec<_> = (0..8).map(|_| Arc::new(Counts::default())).collect();
    let mut readers: Vec<_> = (0..9).map(|_| Box::pin(s.next())).collect();
    let bad = Waker::from(Arc::new(Panics));
    for (n, reader) in readers.iter_mut().enumerate() {
        let waker = if n == 4 { bad.clone() } else { counts[n - usize::from(n > 4)].clone().into() };
        assert!(reader.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    for _ in 0..5 {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let woken = counts.iter().filter(|count| count.0.load(Ordering::SeqCst) > 0).count();
    drop(readers);
    let mut read = Vec::new();
    while let Some((key, result)) = smol::block_on(s.next()) {
        read.push((key, result.is_ok()));
    }
    assert_eq!((woken, read), (8, vec![(1, true), (2, true)]));
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bomb");
    }
}

on_every_executor! {
    /// As it is where a task runs.
    async fn cancelling_a_waiting_task_whose_drop_panics(world: World) {
        let run = scope(1, async |s: Scope<'_, u8, u8, Fault>| {
            s.spawn(1, after(&world, secs(1), Ok(1))).unwrap();
            let bomb = Bomb;
            s.spawn(2, async move {
                let _bomb = bomb;
                pending().await
            })
            .unwrap();
            done(catch_unwind(AssertUnwindSafe(|| s.cancel(&2))).is_ok())
        });
        assert_eq!(run.unwrap().clock(world.clock()).await, Ok(true));
    }
}
