//! Panics of a source: contained, told, and the end of the supply; what runs goes on.

use super::driving::Hand;
use super::ms;
use super::strategies::Concurrency;
use super::toy::{Ended, Ledger, PLANNED, Plan, Toy, ended, judge, request};
use regatta_core::{Outcome, Panic, Time};
use regatta_engine::{Admission, Control, End, Engine, Failed, Job, Next, Source, Stop};
use regatta_tests::{World, on_every_executor};
use std::panic::resume_unwind;
use std::pin::Pin;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Where {
    /// Before anything was asked of the strategy.
    Next,
    /// With an admission in hand.
    NextAdmitted,
    OnOutcome,
    Control,
    Stop,
    /// In `next`, and again when it is told of that.
    Failed,
}

const EVERYWHERE: [Where; 6] =
    [Where::Next, Where::NextAdmitted, Where::OnOutcome, Where::Control, Where::Stop, Where::Failed];

/// Starts two tasks, one of them short, and panics once it has.
struct Fragile {
    at: Where,
    started: usize,
    panicked: bool,
    told: Vec<String>,
    asked_after: bool,
    ledger: Ledger,
}

impl Fragile {
    fn new(at: Where, ledger: &Ledger) -> Self {
        Self { at, started: 0, panicked: false, told: Vec::new(), asked_after: false, ledger: ledger.clone() }
    }

    fn panic_at(&mut self, at: Where) {
        if self.at == at && !std::mem::replace(&mut self.panicked, true) {
            resume_unwind(Box::new(PLANNED));
        }
    }
}

impl Source for Fragile {
    type Task = Toy;

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        self.asked_after |= self.panicked;
        let key = self.started;
        if key == 2 {
            self.panic_at(Where::Next);
            self.panic_at(Where::Failed);
        }
        let Ok(admitted) = admission.start(&request(key)) else { unreachable!("there is room for three") };
        if key == 2 {
            self.panic_at(Where::NextAdmitted);
            drop(admitted);
            return Next::Waiting;
        }
        self.started += 1;
        let plan = if key == 0 { Plan::sleep(ms(2)) } else { Plan::hang() };
        Next::Start(Job::new(key, self.ledger.toy(key, &plan)).deadline(now + ms(5)), admitted)
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        let ended = ended(&end);
        self.ledger.end(key, ended);
        self.panic_at(Where::OnOutcome);
        judge(ended)
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        if self.started == 2 {
            self.panic_at(Where::Control);
        }
        None
    }

    fn stop(&mut self, _: usize, _: Pin<&mut Toy>) -> Stop {
        self.panic_at(Where::Stop);
        Stop::Dropped
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.told.push(panic.message().to_owned());
        if self.at == Where::Failed {
            resume_unwind(Box::new(PLANNED));
        }
        Failed::Over
    }
}

on_every_executor! {
    async fn a_source_that_panics_ends_its_supply_and_nothing_else(world: World) {
        for at in EVERYWHERE {
            let (ledger, strategy) = (Ledger::new(&world.clock), Concurrency::new(3));
            let heard = strategy.heard.clone();
            let engine = Engine::new(Fragile::new(at, &ledger), strategy).clock(world.clock());
            let source = engine.run().await;
            assert_eq!(source.told, [PLANNED], "{at:?}");
            assert!(!source.asked_after, "{at:?}: asked for more after its panic");
            let ends: Vec<_> = ledger.ends().into_values().collect();
            assert_eq!(ends, [Ended::Ok, Ended::TimedOut], "{at:?}: what runs goes on to its end");
            assert_eq!(heard.in_flight(), 0, "{at:?}: tokens came back");
            ledger.assert_all_dropped();
        }
    }
}

/// Runs one task, and panics whenever it is asked for controls while that runs, or for the task's outcome.
struct Hopeless {
    supplied: bool,
    told: usize,
    ledger: Ledger,
}

impl Source for Hopeless {
    type Task = Toy;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        assert!(!std::mem::replace(&mut self.supplied, true), "asked again after its panic");
        let Ok(admitted) = admission.start(&request(0)) else { unreachable!("`()` admits everything") };
        Next::Start(Job::new(0, self.ledger.toy(0, &Plan::sleep(ms(2)))), admitted)
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        self.ledger.end(key, ended(&end));
        resume_unwind(Box::new(PLANNED))
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        // Ends at last, so that a driver that spins fails here instead of hanging.
        if self.supplied && self.told < 1000 {
            resume_unwind(Box::new(PLANNED));
        }
        None
    }

    fn failed(&mut self, _: Time, _: Panic) -> Failed {
        self.told += 1;
        Failed::Over
    }
}

on_every_executor! {
    async fn a_source_that_panics_each_time_does_not_keep_the_driver_busy(world: World) {
        let ledger = Ledger::new(&world.clock);
        let source = Hopeless { supplied: false, told: 0, ledger: ledger.clone() };
        let source = Engine::new(source, ()).clock(world.clock()).run().await;
        assert!(source.told < 10, "told {} times of its panics", source.told);
        assert_eq!(ledger.ends().into_values().collect::<Vec<_>>(), [Ended::Ok]);
    }
}

#[test]
fn an_admission_that_is_not_used_leaves_no_trace() {
    let clock = regatta_tests::ManualClock::new();
    let ledger = Ledger::new(&clock);
    let strategy = Concurrency::new(3);
    let heard = strategy.heard.clone();
    let mut engine = Engine::new(Fragile::new(Where::OnOutcome, &ledger), strategy).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    assert_eq!(engine.strategy().in_flight(), 2, "the third was given back");
    assert_eq!(heard.outcomes(), []);
}
