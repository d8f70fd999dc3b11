//! Mistakes that others have made, and their users have reported. Others of them are in `zero_limits`, `duplicates` and
//! `lazily`; for executors that are idle, see `counts`.

use crate::runner::support::{Fault, Gauge, after, ends, hows, secs};
use futures::future::{Either, select};
use regatta::{Backoff, CancelToken, Event, EventKind, Observer, Runner, StopReason, for_each, map};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

/// The states in which tasks ended, as an observer hears of them.
#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<String>>>);

impl Observer for States {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Finished { state, .. } = event.kind {
            self.0.lock().unwrap().push(state.to_owned());
        }
    }
}

on_every_executor! {
    /// tokio's `JoinMap` aborts the old task.
    async fn a_duplicate_key_does_not_replace_the_old_task(world: World) {
        let (old, new) = (Probe::new(), Probe::new());
        let mut runner = Runner::new().clock(world.clock());
        runner.add("a", old.also(after(&world, secs(1), Ok(1)))).unwrap();
        assert!(runner.add("a", new.also(after(&world, secs(1), Ok(2)))).is_err());
        assert_eq!((old.drops(), new.drops()), (0, 1));
        assert_eq!(ends(&runner.run().await), ["ok 1"]);
        assert_eq!((old.ended(), new.polls()), (1, 0));
    }

    /// Sets of tasks that panic when one is joined that was cancelled, or call that a panic.
    async fn a_cancel_is_not_a_panic(world: World) {
        let (token, states) = (CancelToken::new(), States::default());
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        runner = runner.cancel_on(&token).observer(states.clone());
        for key in 0..3 {
            runner.add(key, pending::<Result<(), Fault>>()).unwrap();
        }
        let mapped = map(0..3, 2, async |_| pending::<Result<(), Fault>>().await).unwrap();
        let cancel = async {
            world.sleep(secs(1)).await;
            token.cancel();
        };
        let (report, results, ()) =
            futures::join!(runner.run(), mapped.clock(world.clock()).cancel_on(&token), cancel);
        let expected = ["cancelled", "cancelled", "not started: it was cancelled first"];
        assert_eq!(ends(&report), expected);
        assert_eq!(hows(&results), expected);
        assert_eq!((report.counts().panicked, report.counts().cancelled), (0, 2));
        assert!(matches!(report.stopped(), StopReason::Cancelled));
        assert_eq!(*states.0.lock().unwrap(), ["cancelled", "cancelled", "not started"]);
    }

    /// mm-concurrency swallows a cancel from outside, and reports a timeout.
    async fn a_cancel_from_outside_is_not_a_timeout(world: World) {
        let (probe, states) = (Probe::new(), States::default());
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).timeout(secs(10));
        runner = runner.observer(states.clone());
        for key in 0..3 {
            runner.add(key, probe.also(pending::<Result<(), Fault>>())).unwrap();
        }
        {
            let run = pin!(runner.run());
            assert!(matches!(select(run, world.sleep(secs(3))).await, Either::Right(_)));
        }
        assert_eq!((probe.alive(), probe.polls()), (0, 2));
        assert_eq!(world.clock.timers(), 0, "its timeout is gone with it");
        world.sleep(secs(20)).await;
        assert_eq!(*states.0.lock().unwrap(), [""; 0], "nobody speaks of a timeout");
    }

    /// Runners that start all tasks at once, and park them in front of a semaphore.
    async fn tasks_are_not_all_made_at_once(world: World) {
        let (made, ended) = (Gauge::default(), Gauge::default());
        let make = || {
            assert!(made.pass() <= ended.entered() + 3, "made before there is a slot for it");
            async {
                after(&world, secs(1), Ok(())).await?;
                ended.pass();
                Ok::<_, Fault>(())
            }
        };
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        for key in 0..10 {
            runner.add_retry(key, Backoff::constant(secs(1)), make).unwrap();
        }
        assert_eq!(made.entered(), 0, "nothing is made before the run");
        assert_eq!(runner.run().await.counts().ok, 10);
        let results = map(0..10, 3, |_| make()).unwrap().clock(world.clock()).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!((made.entered(), ended.entered()), (20, 20));
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Materialize has had a set of tasks that woke itself after every pass.
#[test]
fn a_driver_that_waits_does_not_wake_itself() {
    let clock = regatta_tests::ManualClock::new();
    let mut runner = Runner::new().clock(clock.shared()).timeout(secs(60));
    runner.add("a", pending::<Result<(), Fault>>()).unwrap();
    let mapped = map(0..3, 2, |_| pending::<Result<(), Fault>>()).unwrap().clock(clock.shared());
    let each = for_each(
        0..3,
        2,
        |_| pending::<Result<(), Fault>>(),
        async |mut done| {
            done.next().await;
        },
    );
    let each = each.unwrap().clock(clock.shared()).timeout(secs(60));
    let driver = async { futures::join!(runner.run(), mapped, each) };
    let (wakes, mut driver) = (Arc::new(Wakes::default()), pin!(driver));
    let waker = Waker::from(wakes.clone());
    for _ in 0..3 {
        assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    }
}
