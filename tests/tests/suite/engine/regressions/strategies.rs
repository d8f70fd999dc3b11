//! Strategies that leave something behind: a place in a line, a panic.

use super::panic_with_a_bomb;
use crate::engine::batch::Batch;
use crate::engine::driving::Hand;
use crate::engine::strategies::Concurrency;
use crate::engine::toy::{Ended, Ledger, PLANNED, Plan};
use regatta_core::{Class, Kick, Limiter, Outcome, Permit, Readiness, Request, Strategy, Time};
use regatta_engine::{Admission, End, Engine, Job, Next, Source};
use regatta_tests::ManualClock;
use std::future::{Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const EXPRESS: Class = Class::from_u64(1);

/// A line for each of two classes, both shared with others.
struct TwoLines {
    normal: Limiter<Concurrency>,
    express: Limiter<Concurrency>,
}

impl TwoLines {
    fn line(&mut self, request: &Request) -> &mut Limiter<Concurrency> {
        if request.class == Some(EXPRESS) { &mut self.express } else { &mut self.normal }
    }
}

impl Strategy for TwoLines {
    type Token = Permit;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        let line = if request.class == Some(EXPRESS) { &self.express } else { &self.normal };
        line.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Permit, Readiness> {
        self.line(request).start(now, request)
    }

    fn finish(&mut self, token: Permit, now: Time, outcome: Outcome) {
        // A permit knows where it belongs.
        self.normal.finish(token, now, outcome);
    }

    fn attach(&mut self, kick: Kick) {
        self.normal.attach(kick.clone());
        self.express.attach(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.line(request).park(now, request);
    }

    fn unpark(&mut self) {
        self.normal.unpark();
        self.express.unpark();
    }
}

/// Asks for a normal task, and when that is refused, runs an express one instead.
#[derive(Default)]
struct Impatient {
    refused: bool,
    started: bool,
}

impl Source for Impatient {
    type Task = std::future::Pending<()>;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
        if self.started {
            return Next::Waiting;
        }
        let request = if self.refused { Request::new().class(EXPRESS) } else { Request::new() };
        match admission.start(&request) {
            Ok(admitted) => {
                self.started = true;
                Next::Start(Job::new(0, pending()), admitted)
            }
            Err(readiness) => {
                self.refused = true;
                Next::Blocked(readiness)
            }
        }
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
        Outcome::Neutral
    }
}

#[test]
fn an_engine_leaves_the_line_of_a_class_that_it_no_longer_waits_for() {
    let clock = ManualClock::new();
    let normal = Limiter::with_clock(Concurrency::new(1), clock.shared());
    let express = Limiter::with_clock(Concurrency::new(1), clock.shared());
    let held = normal.try_acquire().expect("nobody else is there");
    let lines = TwoLines { normal: normal.clone(), express: express.clone() };
    let (mut engine, hand) = (Engine::new(Impatient::default(), lines).clock(clock.shared()), Hand::new());
    assert!(hand.poll(&mut engine).is_pending());
    assert_eq!((normal.waiting(), express.issued()), (1, 0));
    assert!(hand.poll(&mut engine).is_pending());
    assert_eq!((normal.waiting(), express.issued()), (0, 1));
    held.complete(Outcome::Success);
    assert!(normal.try_acquire().is_ok(), "it is free, and nobody wants it");
}

/// Admits everything, and panics as often as a token comes back.
#[derive(Clone, Default)]
struct Grudge {
    taken: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

impl Grudge {
    fn counts(&self) -> (usize, usize) {
        (self.taken.load(Ordering::SeqCst), self.finished.load(Ordering::SeqCst))
    }
}

impl Strategy for Grudge {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {
        self.finished.fetch_add(1, Ordering::SeqCst);
        panic_with_a_bomb();
    }
}

#[test]
fn a_strategy_that_panics_at_each_end_keeps_no_task_from_its_end() {
    let clock = ManualClock::new();
    let (ledger, strategy) = (Ledger::new(&clock), Grudge::default());
    let batch = Batch::new(&ledger, vec![Plan::ready(); 3]);
    let mut engine = Engine::new(batch, strategy.clone()).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(strategy.counts(), (3, 3));
    assert_eq!(ledger.ends().into_values().collect::<Vec<_>>(), [Ended::Ok; 3]);
}

#[test]
fn a_strategy_that_panics_at_each_end_does_not_panic_out_of_the_drop_of_an_engine() {
    let clock = ManualClock::new();
    let (ledger, strategy) = (Ledger::new(&clock), Grudge::default());
    let batch = Batch::new(&ledger, vec![Plan::hang(); 3]);
    let mut engine = Engine::new(batch, strategy.clone()).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(engine)));
    assert!(dropped.is_ok());
    assert_eq!(strategy.counts(), (3, 3), "every token is finished, whatever became of the one before");
    ledger.assert_all_dropped();
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Where {
    /// With an admission in hand, which is given back unused.
    Next,
    OnOutcome,
}

/// Panics where a token is given back while the panic unwinds.
struct Fragile(Where);

impl Source for Fragile {
    type Task = Ready<()>;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Ready<()>> {
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("it admits everything") };
        match self.0 {
            Where::Next => resume_unwind(Box::new(PLANNED)),
            Where::OnOutcome => Next::Start(Job::new(0, ready(())), admitted),
        }
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
        resume_unwind(Box::new(PLANNED))
    }
}

/// A second panic while the first unwinds would end the process, and all tests with it.
#[test]
fn a_strategy_that_panics_while_its_source_panics_does_not_abort() {
    for at in [Where::Next, Where::OnOutcome] {
        let strategy = Grudge::default();
        let mut engine = Engine::new(Fragile(at), strategy.clone()).clock(ManualClock::new().shared());
        assert!(Hand::new().settle(&mut engine).is_ready(), "{at:?}");
        assert_eq!(strategy.counts(), (1, 1), "{at:?}");
    }
}
