//! Retries that come too late, or are refused.

use crate::Runner;
use regatta_core::{Outcome, Readiness, Rejection, Request, Retry, Strategy, TaskError, Time};
use regatta_sim::ManualClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Lets so many attempts through, and refuses all others for good.
struct First(usize);

impl Strategy for First {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.0 == 0 { Readiness::Rejected(Rejection::Closed) } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.0 -= 1;
                Ok(())
            }
            no => Err(no),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

/// Allows every retry, and counts those that were not made.
struct Always(Arc<AtomicUsize>);

impl Retry<&'static str> for Always {
    fn delay(&mut self, _: Time, _: u32, _: &TaskError<&'static str>) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn forgo(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_retry_that_was_refused_kept_what_it_had_taken() {
    let forgone = Arc::new(AtomicUsize::new(0));
    let mut runner = Runner::new().strategy(First(1));
    runner.add_retry("a", Always(forgone.clone()), async || Err::<(), _>("busy")).unwrap();
    let report = smol::block_on(runner.run());
    let task = &report.tasks()[0];
    assert!(matches!(task.result(), Err(TaskError::Rejected(Rejection::Closed))));
    assert_eq!((task.attempts(), forgone.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_retry_began_after_its_deadline_when_another_task_took_long() {
    /// One retry after 5 ns, but none from 10 ns on.
    struct Soon(Time);

    impl Retry<&'static str> for Soon {
        fn delay(&mut self, _: Time, _: u32, _: &TaskError<&'static str>) -> Option<Duration> {
            Some(Duration::from_nanos(5))
        }

        fn deadline(&self) -> Time {
            self.0
        }
    }

    let clock = ManualClock::new();
    let deadline = clock.now() + Duration::from_nanos(10);
    let mut runner = Runner::new().limit(1).unwrap().strategy(First(9)).clock(clock.shared());
    runner.add_retry("a", Soon(deadline), async || Err("busy")).unwrap();
    let slow = async {
        clock.advance(Duration::from_nanos(100));
        Ok(())
    };
    runner.add("b", slow).unwrap();
    let report = smol::block_on(runner.run());
    let attempts: Vec<_> =
        report.tasks().iter().map(|task| (task.attempts(), task.result().is_ok())).collect();
    assert_eq!(attempts, [(1, false), (1, true)]);
}

#[test]
fn a_retry_that_its_executor_refused_kept_what_it_had_taken() {
    let (forgone, spawns) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let mut runner = Runner::new();
    let fails = async || Err::<(), _>("busy");
    runner.add_retry("a", Backed(Always(forgone.clone())), fails).unwrap();
    let report = smol::block_on(runner.spawn_on(move |task| {
        if spawns.fetch_add(1, Ordering::Relaxed) == 1 {
            std::panic::resume_unwind(Box::new("no runtime there"));
        }
        smol::spawn(task).detach();
    }));
    let task = &report.tasks()[0];
    assert!(matches!(task.result(), Err(TaskError::NotStarted(_))), "{:?}", task.result());
    assert_eq!((task.attempts(), forgone.load(Ordering::Relaxed)), (1, 1));
}

/// Retries failures only, as `Backoff` does.
struct Backed(Always);

impl Retry<&'static str> for Backed {
    fn delay(&mut self, now: Time, attempts: u32, error: &TaskError<&'static str>) -> Option<Duration> {
        error.failure()?;
        self.0.delay(now, attempts, error)
    }

    fn forgo(&mut self) {
        Retry::<&'static str>::forgo(&mut self.0);
    }
}
