//! Sources that say much, or panic in bad taste.

use super::panic_with_a_bomb;
use crate::engine::batch::Batch;
use crate::engine::driving::Hand;
use crate::engine::toy::{Ended, Ledger, PLANNED, Plan};
use regatta_core::{Outcome, Panic, Time};
use regatta_engine::{Admission, Control, End, Engine, Failed, Next, Source};
use regatta_tests::ManualClock;
use std::collections::BTreeMap;
use std::future::Ready;
use std::panic::resume_unwind;

#[test]
fn a_cancel_behind_300_other_controls_is_heard() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let batch = Batch::new(&ledger, vec![Plan::hang(); 9]);
    let orders = batch.orders();
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    for _ in 0..300 {
        orders.give(Control::WakeAt(Time::MAX));
    }
    orders.give(Control::Cancel(7));
    // From here on the driver has to come back by itself.
    assert!(hand.woken());
    assert!(hand.settle(&mut engine).is_pending());
    assert_eq!(ledger.ends(), BTreeMap::from([(7, Ended::Cancelled)]));
}

/// Has no tasks to give: it panics, and again when it is told of that.
struct Hopeless {
    told: Option<String>,
}

impl Source for Hopeless {
    type Task = Ready<()>;

    fn next<'a>(&mut self, _: Time, _: Admission<'a>) -> Next<'a, Ready<()>> {
        assert_eq!(self.told, None, "it is not asked again");
        resume_unwind(Box::new(PLANNED))
    }

    fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
        unreachable!("nothing was started")
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.told = Some(panic.message().to_owned());
        panic_with_a_bomb()
    }
}

#[test]
fn the_payload_of_a_second_panic_may_panic_in_its_drop() {
    let mut engine = Engine::new(Hopeless { told: None }, ()).clock(ManualClock::new().shared());
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(engine.source().told.as_deref(), Some(PLANNED));
}
