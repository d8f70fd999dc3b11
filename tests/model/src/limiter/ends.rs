//! An end that is left beside the lock is told once, and to the rule that stood when the task ended: against a start, a
//! look and another end, and against an update from which on it matters.

use super::meetings::{Still, acquire};
use super::shared::Shared;
use crate::model;
use loom::future::block_on;
use loom::thread;
use regatta_core::{Outcome, Readiness, Request, Strategy, Time};
use std::sync::Arc;

/// Admits everything until it is told to admit one at a time; from then on it matters how many are in flight.
#[derive(Default)]
struct Counts {
    one: bool,
    in_flight: usize,
    ended: Vec<Outcome>,
}

impl Strategy for Counts {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.one && self.in_flight > 0 { Readiness::OnChange } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.in_flight += 1;
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.in_flight -= 1;
        self.ended.push(outcome);
    }

    fn finish_matters(&self) -> bool {
        self.one
    }
}

fn counts() -> Arc<Shared<Counts>> {
    Shared::new(Counts::default(), Arc::new(Still))
}

/// All that was started was told to have ended, in any order.
fn ended(shared: &Shared<Counts>, mut outcomes: Vec<Outcome>) {
    shared.with(|state| {
        let strategy = &mut state.strategy;
        let mut told = std::mem::take(&mut strategy.ended);
        told.sort_by_key(|outcome| format!("{outcome:?}"));
        outcomes.sort_by_key(|outcome| format!("{outcome:?}"));
        assert_eq!((told, strategy.in_flight, state.issued()), (outcomes, 0, 0));
    });
}

#[test]
fn an_end_against_a_start() {
    model(|| {
        let shared = counts();
        let permit = block_on(acquire(&shared)).unwrap();
        let other = thread::spawn(move || permit.complete(Outcome::Failure));
        let next = block_on(acquire(&shared)).unwrap();
        assert!((1..=2).contains(&shared.with(|state| state.issued())));
        other.join().unwrap();
        assert_eq!(shared.with(|state| state.issued()), 1);
        next.complete(Outcome::Success);
        ended(&shared, vec![Outcome::Failure, Outcome::Success]);
    });
}

#[test]
fn two_ends_at_once() {
    model(|| {
        let shared = counts();
        let permits = [(); 2].map(|()| block_on(acquire(&shared)).unwrap());
        let [first, second] = permits;
        let other = thread::spawn(move || first.complete(Outcome::Failure));
        second.complete(Outcome::Success);
        other.join().unwrap();
        ended(&shared, vec![Outcome::Failure, Outcome::Success]);
    });
}

#[test]
fn an_end_against_an_update_from_which_on_it_matters() {
    model(|| {
        let shared = counts();
        let permit = block_on(acquire(&shared)).unwrap();
        let other = thread::spawn(move || permit.complete(Outcome::Failure));
        shared.update(|strategy| strategy.one = true).unwrap();
        // Only that end can let it in.
        block_on(acquire(&shared)).unwrap().complete(Outcome::Success);
        other.join().unwrap();
        ended(&shared, vec![Outcome::Failure, Outcome::Success]);
    });
}

#[test]
fn an_end_against_an_update_from_which_on_it_matters_no_more() {
    model(|| {
        let shared = counts();
        shared.update(|strategy| strategy.one = true).unwrap();
        let permit = block_on(acquire(&shared)).unwrap();
        let other = thread::spawn(move || permit.complete(Outcome::Failure));
        shared.update(|strategy| strategy.one = false).unwrap();
        block_on(acquire(&shared)).unwrap().complete(Outcome::Success);
        other.join().unwrap();
        ended(&shared, vec![Outcome::Failure, Outcome::Success]);
    });
}
