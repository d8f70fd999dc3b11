//! An engine that is taken apart.

use super::*;
use crate::{Admission, End, Job, Next};
use regatta_core::{Outcome, Readiness, Request};
use std::sync::Mutex;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("nobody panics with it").push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

/// At most so many at once.
struct Slots {
    free: usize,
    log: Log,
}

impl Strategy for Slots {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.free > 0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => self.free -= 1,
            not_yet => return Err(not_yet),
        }
        self.log.add("start");
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.free += 1;
        self.log.add(format!("finish {outcome:?}"));
    }

    fn attach(&mut self, _: Kick) {
        self.log.add("attach");
    }

    fn park(&mut self, _: Time, _: &Request) {
        self.log.add("park");
    }

    fn unpark(&mut self) {
        self.log.add("unpark");
    }
}

/// Hangs, or ends at once.
struct Task {
    hangs: bool,
    log: Log,
}

impl Future for Task {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.hangs { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.log.add("drop");
    }
}

struct Tasks {
    left: usize,
    hang: bool,
    ended: usize,
    log: Log,
}

impl Source for Tasks {
    type Task = Task;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Task> {
        if self.left == 0 {
            return Next::Done;
        }
        match admission.start(&Request::new()) {
            Err(not_yet) => Next::Blocked(not_yet),
            Ok(admitted) => {
                self.left -= 1;
                let task = Task { hangs: self.hang, log: self.log.clone() };
                Next::Start(Job::new(self.left, task), admitted)
            }
        }
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
        self.ended += 1;
        Outcome::Success
    }
}

fn poll(engine: &mut Engine<Tasks, Slots, Task, ()>) -> Poll<()> {
    engine.poll(&mut Context::from_waker(Waker::noop()))
}

fn engine(tasks: usize, slots: usize, hang: bool) -> (Engine<Tasks, Slots, Task, ()>, Log) {
    let log = Log::default();
    let source = Tasks { left: tasks, hang, ended: 0, log: log.clone() };
    (Engine::new(source, Slots { free: slots, log: log.clone() }), log)
}

#[test]
fn what_is_taken_apart_waits_no_longer_and_has_all_its_tokens_back() {
    let (mut engine, log) = engine(3, 2, true);
    assert!(poll(&mut engine).is_pending());
    assert_eq!(log.take(), ["attach", "start", "start", "park"]);
    let (source, strategy) = engine.into_parts();
    assert_eq!(log.take(), ["unpark", "drop", "drop", "finish Cancelled", "finish Cancelled"]);
    assert_eq!((source.left, source.ended, strategy.free), (1, 0, 2));
}

#[test]
fn another_engine_goes_on_with_the_parts() {
    let (mut first, log) = engine(3, 2, true);
    assert!(poll(&mut first).is_pending());
    let (mut source, strategy) = first.into_parts();
    log.take();
    source.hang = false;
    let mut second = Engine::new(source, strategy);
    assert!(poll(&mut second).is_ready());
    assert_eq!(log.take(), ["attach", "start", "drop", "finish Success"]);
    let (source, strategy) = second.into_parts();
    assert_eq!((source.left, source.ended, strategy.free), (0, 1, 2));
    assert_eq!(log.take(), [""; 0], "nothing was left to be given back, and nobody waited");
}

#[test]
fn parts_of_an_engine_that_was_never_polled_are_as_they_were() {
    let (engine, log) = engine(3, 2, true);
    let (source, strategy) = engine.into_parts();
    assert_eq!((source.left, source.ended, strategy.free), (3, 0, 2));
    assert_eq!(log.take(), ["attach"]);
}
