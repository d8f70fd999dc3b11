//! Sets that start all their tasks at once and park them in front of a semaphore, and sets that wake themselves.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, secs};
use futures::FutureExt;
use regatta::{BoxFuture, Runner, Scope, scope};
use regatta_sim::Probe;
use regatta_tests::{ManualClock, World, on_every_executor};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

const LIMIT: usize = 3;
const TASKS: usize = 1000;

on_every_executor! {
    async fn all_tasks_of_a_run_were_polled_at_once(world: World) {
        let (probe, other) = (Probe::new(), Probe::new());
        let mut runner = Runner::new().limit(LIMIT).unwrap().clock(world.clock());
        for key in 0..TASKS {
            let probe = if key < LIMIT { &probe } else { &other };
            runner.add(key, probe.also(owned(&world, secs(1), Ok::<_, Fault>(())))).unwrap();
        }
        let mut run = runner.run();
        assert!(futures::poll!(&mut run).is_pending());
        assert_eq!((probe.polls(), other.polls()), (3, 0));
        drop(run);
        assert_eq!((probe.drops(), other.drops(), other.polls()), (3, 997, 0));
    }

    async fn all_tasks_of_a_run_were_handed_to_the_executor_at_once(world: World) {
        let (handed, most) = (Probe::new(), Arc::new(AtomicUsize::new(0)));
        let (counts, seen, executor) = (handed.clone(), most.clone(), world.executor());
        let mut runner = Runner::new().limit(LIMIT).unwrap().clock(world.clock());
        for key in 0..30 {
            runner.add(key, owned(&world, secs(1), Ok::<_, Fault>(()))).unwrap();
        }
        let report = runner
            .spawn_on(move |task| {
                let task = counts.also(task);
                seen.fetch_max(usize::try_from(counts.alive()).unwrap(), Ordering::SeqCst);
                regatta::Executor::spawn(&executor, Box::pin(task));
            })
            .await;
        assert_eq!((report.counts().ok, report.elapsed()), (30, secs(10)));
        assert_eq!(handed.wrapped(), 30);
        // An executor may let go of a task a moment after it has told of its end, so one that ends may still be counted.
        assert!(most.load(Ordering::SeqCst) <= 2 * LIMIT, "{most:?}");
    }

    async fn all_tasks_of_a_scope_were_polled_at_once(world: World) {
        let (probe, kept, inner) = (Probe::new(), Probe::new(), world.clone());
        let polled = probe.clone();
        let body = |s: Scope<'static, usize, (), Fault>| async move {
            for key in 0..TASKS {
                s.spawn(key, polled.also(pending())).unwrap();
            }
            inner.sleep(secs(1)).await;
            assert_eq!((polled.polls(), s.running(), s.waiting()), (3, LIMIT, TASKS - LIMIT));
            Err::<(), Fault>("enough")
        };
        let run = scope(LIMIT, body).unwrap().clock(world.clock());
        assert_eq!(kept.also(run).await, Err("enough"));
        assert_eq!((probe.polls(), probe.drops()), (3, 1000));
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A run with a handle, one on an executor, and a scope; their tasks wait for ever.
fn idle(clock: &ManualClock, tasks: &Probe) -> Vec<BoxFuture<'static, ()>> {
    let runner = || {
        let mut runner = Runner::new().limit(2).unwrap().clock(clock.shared()).timeout(secs(60));
        let handle = runner.handle();
        runner.add(0, tasks.also(pending::<Result<(), Fault>>())).unwrap();
        handle.add(1, tasks.also(pending())).unwrap();
        handle.add(2, tasks.also(pending())).unwrap();
        (runner, handle)
    };
    let kept = tasks.clone();
    let body = |s: Scope<'static, usize, (), Fault>| async move {
        for key in 0..3 {
            s.spawn(key, kept.also(pending())).unwrap();
        }
        let line = s.spawn_when_free(3, kept.also(pending()));
        let _both = futures::join!(line, s.next());
        Ok::<_, Fault>(())
    };
    let scoped = scope(2, body).unwrap().clock(clock.shared()).timeout(secs(60));
    let ((handled, first), (spawned, second)) = (runner(), runner());
    vec![
        async move {
            handled.run().await;
            drop(first);
        }
        .boxed(),
        async move {
            // The executor polls its tasks with the waker of nobody: only what wakes the driver is looked at.
            let executor = |mut task: BoxFuture<'static, ()>| {
                assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                std::mem::forget(task);
            };
            spawned.spawn_on(executor).await;
            drop(second);
        }
        .boxed(),
        scoped.map(drop).boxed(),
    ]
}

#[test]
fn an_idle_driver_woke_itself() {
    let (clock, tasks) = (ManualClock::new(), Probe::new());
    for mut driver in idle(&clock, &tasks) {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        // The first poll may be followed by one that has been asked for, where a body speaks to its own driver.
        while {
            wakes.0.store(0, Ordering::SeqCst);
            assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            wakes.0.load(Ordering::SeqCst) > 0 && tasks.polls() < 100
        } {}
        let polls = tasks.polls();
        for _ in 0..3 {
            assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            clock.advance(secs(1));
            assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        }
        assert_eq!(tasks.polls(), polls, "nobody polls the tasks either");
    }
}
