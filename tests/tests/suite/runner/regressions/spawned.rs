//! Tasks that an executor keeps, refuses, or drops too late.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, ends, secs};
use futures::FutureExt;
use regatta::{Backoff, BoxFuture, Event, EventKind, Observer, Runner, StopReason};
use regatta_tests::{ManualClock, World, on_every_executor};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

type Task = BoxFuture<'static, ()>;

/// An executor that runs nothing by itself.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Task>>>);

impl Queue {
    fn push(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Polls the task that was spawned first of those that are left, and drops it.
    fn run_first(&self) -> Poll<()> {
        let mut task = self.0.lock().unwrap().remove(0);
        poll(&mut task)
    }

    /// Polls all, and drops those that are ready.
    fn poll_all(&self) {
        self.0.lock().unwrap().retain_mut(|task| poll(task).is_pending());
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Counts the starts that are told.
#[derive(Clone, Default)]
struct Starts(Arc<Mutex<Vec<usize>>>);

impl Observer for Starts {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Started { .. } = event.kind {
            self.0.lock().unwrap().push(event.id);
        }
    }
}

#[test]
fn a_second_attempt_beside_its_stopping_first_could_not_be_cancelled() {
    let (queue, clock) = (Queue::default(), ManualClock::new());
    let mut runner = Runner::new().limit(2).unwrap().attempt_timeout(secs(1)).clock(clock.shared());
    let handle = runner.handle();
    runner.add("filler", async { Ok::<_, Fault>(0) }).unwrap();
    runner.add_retry("a", Backoff::constant(secs(1)).forever(), async || pending().await).unwrap();
    let keeps = queue.clone();
    let mut run = pin!(runner.spawn_on(move |task| keeps.push(task)));
    let mut settle = || (0..5).map(|_| poll(&mut run)).find(Poll::is_ready).unwrap_or(Poll::Pending);
    assert!(settle().is_pending());
    assert!(queue.run_first().is_ready(), "the filler leaves the first slot");
    for _ in 0..2 {
        assert!(settle().is_pending());
        clock.advance(secs(1));
    }
    assert!(settle().is_pending());
    assert_eq!(queue.len(), 2, "the second attempt runs, and the first is not gone yet");
    assert!(handle.cancel("a"));
    assert!(settle().is_pending(), "both are still there");
    queue.poll_all();
    assert_eq!(queue.len(), 0, "both were told to stop");
    let Poll::Ready(report) = settle() else { panic!("nothing is left to wait for") };
    assert_eq!(ends(&report), ["ok 0", "cancelled"]);
}

#[test]
fn the_timeout_of_a_run_was_forgotten_when_its_executor_shut_down() {
    let (queue, clock) = (Queue::default(), ManualClock::new());
    let mut runner = Runner::new().limit(1).unwrap().timeout(secs(1)).clock(clock.shared());
    for key in 0..2 {
        runner.add(key, pending::<Result<u8, Fault>>()).unwrap();
    }
    let keeps = queue.clone();
    let started = runner.start(move |task| keeps.push(task));
    let mut driver = queue.0.lock().unwrap().remove(0);
    assert!(poll(&mut driver).is_pending());
    clock.advance(secs(2));
    assert!(poll(&mut driver).is_pending(), "the executor has not dropped the task yet");
    drop(driver);
    let report = smol::block_on(started);
    assert!(report.timed_out(), "{}", report.stopped());
    assert_eq!(ends(&report), ["timed out after 1s", "not started: the run's time was up"]);
}

#[test]
fn a_start_that_was_polled_after_its_end_spoke_of_its_driver() {
    let mut runner = Runner::new();
    runner.add(0, async { Ok::<u8, Fault>(0) }).unwrap();
    let mut started = runner.start(smol::block_on);
    assert!(poll(&mut started).is_ready());
    let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut started))).map(drop).unwrap_err();
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap();
    assert!(message.contains("not polled after it has ended"), "{message}");
}

on_every_executor! {
    async fn a_refused_task_had_an_attempt_and_a_start(world: World) {
        let starts = Starts::default();
        let mut runner = Runner::new().clock(world.clock()).observer(starts.clone());
        runner.add("a", owned(&world, secs(1), Ok(1))).unwrap();
        let refuses = |task: Task| {
            drop(task);
            resume_unwind(Box::new("no runtime here"));
        };
        let report = runner.spawn_on(refuses).await;
        let task = report.task("a").unwrap();
        assert_eq!((task.state(), task.attempts(), task.started()), ("not started", 0, None));
        assert!(matches!(report.stopped(), StopReason::Completed));
        assert_eq!(report.by_completion().len(), 0);
    }
}
