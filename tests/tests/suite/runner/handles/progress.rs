//! How many tasks are where: the numbers add up, always.

use super::{later, owned};
use crate::runner::support::{Fault, millis, secs};
use regatta::{Backoff, Event, EventKind, Handle, Observer, Runner, Snapshot};
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};

type Numbers = (usize, usize, usize, usize, usize);

fn numbers(snapshot: Snapshot) -> Numbers {
    let Snapshot { waiting, running, retrying, ok, not_ok, .. } = snapshot;
    (waiting, running, retrying, ok, not_ok)
}

/// Asks for the numbers at each event, and counts along.
#[derive(Clone, Default)]
struct Accountant(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    handle: Option<Handle<'static, usize, u8, Fault>>,
    queued: usize,
    running: usize,
    retrying: usize,
    ended: usize,
    heard: usize,
}

impl Observer for Accountant {
    fn on_event(&self, event: &Event<'_>) {
        let mut books = self.0.lock().unwrap();
        books.heard += 1;
        match event.kind {
            EventKind::Queued => books.queued += 1,
            EventKind::Started { attempt } => {
                books.running += 1;
                books.retrying -= usize::from(attempt > 1);
            }
            EventKind::Retrying { .. } => {
                books.running -= 1;
                books.retrying += 1;
            }
            EventKind::Finished { attempts, .. } => {
                books.ended += 1;
                // None here is cancelled between two attempts.
                books.running -= usize::from(attempts > 0);
            }
            _ => {}
        }
        let now = books.handle.as_ref().unwrap().progress();
        assert_eq!(now.total(), now.waiting + now.running + now.retrying + now.ended());
        assert!(now.total() >= books.queued, "what was added and not seen yet counts too");
        assert_eq!((now.running, now.retrying, now.ended()), (books.running, books.retrying, books.ended));
    }
}

on_every_executor! {
    async fn the_numbers_tell_how_far_a_run_has_come(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        let handle = runner.handle();
        assert_eq!(handle.progress(), Snapshot::default());
        runner.add("a", owned(&world, secs(2), Ok(1))).unwrap();
        let inner = world.clone();
        let fails = move || owned(&inner, secs(2), Err("busy"));
        runner.add_retry("b", Backoff::constant(secs(4)).times(1), fails).unwrap();
        handle.add("c", owned(&world, secs(2), Ok(1))).unwrap();
        runner.add("d", owned(&world, secs(7), Ok(1))).unwrap();
        assert_eq!(numbers(handle.progress()), (4, 0, 0, 0, 0));
        for (second, expected) in [
            (1, (2, 2, 0, 0, 0)),
            // `a` has ended, `b` pauses.
            (3, (0, 2, 1, 1, 0)),
            // The third to start has ended too.
            (5, (0, 1, 1, 2, 0)),
            (7, (0, 2, 0, 2, 0)),
            (8, (0, 1, 0, 2, 1)),
        ] {
            let handle = handle.clone();
            later(&world, secs(second) + millis(500), move || {
                assert_eq!(numbers(handle.progress()), expected, "at {second} s");
            });
        }
        let report = runner.run().await;
        assert_eq!(report.elapsed(), secs(9));
        assert_eq!(numbers(handle.progress()), (0, 0, 0, 3, 1));
        assert_eq!(handle.progress().total(), report.len());
    }

    async fn the_numbers_add_up_at_every_event(world: World) {
        let accountant = Accountant::default();
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock()).observer(accountant.clone());
        let handle = runner.handle();
        accountant.0.lock().unwrap().handle = Some(handle.clone());
        let mut random = world.rng();
        for key in 0..30 {
            let pause = millis(random.u64(..5));
            let result = if random.bool() { Ok(1) } else { Err("busy") };
            if random.bool() {
                let inner = world.clone();
                let make = move || owned(&inner, pause, result);
                runner.add_retry(key, Backoff::constant(millis(random.u64(..4))).times(2), make).unwrap();
            } else {
                handle.add(key, owned(&world, pause, result)).unwrap();
            }
        }
        let (late, inner) = (handle.clone(), world.clone());
        later(&world, millis(5), move || {
            for key in 30..40 {
                // By then the run may be over, or not.
                let _ = late.add(key, owned(&inner, millis(1), Ok(1)));
            }
        });
        let report = runner.run().await;
        let counts = report.counts();
        let now = handle.progress();
        assert_eq!(numbers(now), (0, 0, 0, counts.ok, counts.total() - counts.ok));
        assert_eq!(now.total(), report.len());
        let mut books = accountant.0.lock().unwrap();
        assert!(books.heard > 3 * 30, "the accountant has never panicked");
        assert_eq!((books.queued, books.ended), (report.len(), report.len()));
        books.handle = None;
    }

    async fn after_a_stop_all_have_ended(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..7 {
            let inner = world.clone();
            let fails = move || owned(&inner, secs(1), Err::<u8, _>("busy"));
            runner.add_retry(key, Backoff::constant(secs(100)), fails).unwrap();
        }
        let handle = runner.handle();
        let stopping = handle.clone();
        later(&world, millis(1500), move || {
            assert_eq!(numbers(stopping.progress()), (3, 2, 2, 0, 0));
            stopping.stop();
        });
        let report = runner.run().await;
        assert_eq!(numbers(handle.progress()), (0, 0, 0, 0, 7));
        assert_eq!(report.len(), 7);
    }

    async fn a_run_that_is_dropped_has_ended_too(world: World) {
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..5 {
            runner.add(key, owned(&world, secs(10), Ok(1))).unwrap();
        }
        let handle = runner.handle();
        handle.add(5, owned(&world, secs(10), Ok(1))).unwrap();
        {
            let run = std::pin::pin!(runner.run());
            let left = futures::future::select(run, world.sleep(secs(1))).await;
            assert!(matches!(left, futures::future::Either::Right(_)));
        }
        assert_eq!(numbers(handle.progress()), (0, 0, 0, 0, 6));
        assert_eq!(format!("{handle:?}"), format!("Handle({:?})", handle.progress()));
    }
}
