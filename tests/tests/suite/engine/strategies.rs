//! Toy strategies that watch over the engine: each token is finished once, and every outcome is heard in order.

use regatta_core::{Class, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a strategy has heard; survives the engine. Clones share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<HeardState>>);

#[derive(Debug, Default)]
struct HeardState {
    out: usize,
    outcomes: Vec<Outcome>,
}

impl Heard {
    fn with<R>(&self, f: impl FnOnce(&mut HeardState) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.with(|state| state.out)
    }

    /// What was heard of tasks that were really started.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.with(|state| state.outcomes.clone())
    }

    fn started(&self) {
        self.with(|state| state.out += 1);
    }

    fn finished(&self, outcome: Outcome) {
        self.with(|state| {
            state.out = state.out.checked_sub(1).expect("a token is finished once");
            if outcome != Outcome::Unused {
                state.outcomes.push(outcome);
            }
        });
    }
}

/// Neither `Copy` nor `Clone`: nobody can finish it twice.
#[derive(Debug)]
pub(crate) struct Tok(Time);

/// At most so many at once.
#[derive(Debug)]
pub(crate) struct Concurrency {
    max: usize,
    in_flight: usize,
    pub(crate) heard: Heard,
    kick: Kick,
}

impl Concurrency {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, in_flight: 0, heard: Heard::default(), kick: Kick::none() }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
        self.kick.kick();
    }
}

impl Strategy for Concurrency {
    type Token = Tok;

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.in_flight < self.max { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Tok, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            not_yet => return Err(not_yet),
        }
        self.in_flight += 1;
        self.heard.started();
        Ok(Tok(now))
    }

    fn finish(&mut self, Tok(started): Tok, now: Time, outcome: Outcome) {
        assert!(started <= now, "finished before it was started");
        self.in_flight -= 1;
        self.heard.finished(outcome);
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    fn timed(&self) -> bool {
        false
    }
}

/// From one start to the next, at least so long.
#[derive(Debug)]
pub(crate) struct Spacing {
    gap: Duration,
    next: Time,
    pub(crate) heard: Heard,
}

impl Spacing {
    pub(crate) fn gap(&self) -> Duration {
        self.gap
    }

    pub(crate) fn new(gap: Duration) -> Self {
        Self { gap, next: Time::ZERO, heard: Heard::default() }
    }
}

impl Strategy for Spacing {
    type Token = Tok;

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        if now >= self.next { Readiness::Ready } else { Readiness::NotBefore(self.next) }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Tok, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            not_yet => return Err(not_yet),
        }
        self.heard.started();
        Ok(Tok(std::mem::replace(&mut self.next, now + self.gap)))
    }

    fn finish(&mut self, Tok(before): Tok, _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused {
            self.next = before;
        }
        self.heard.finished(outcome);
    }
}

/// At most so many at once of each class.
#[derive(Debug)]
pub(crate) struct PerClass {
    max: usize,
    in_flight: BTreeMap<Option<Class>, usize>,
    pub(crate) heard: Heard,
}

impl PerClass {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, in_flight: BTreeMap::new(), heard: Heard::default() }
    }
}

impl Strategy for PerClass {
    type Token = (Option<Class>, Tok);

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        let in_flight = self.in_flight.get(&request.class).copied().unwrap_or_default();
        if in_flight < self.max { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            not_yet => return Err(not_yet),
        }
        *self.in_flight.entry(request.class).or_default() += 1;
        self.heard.started();
        Ok((request.class, Tok(now)))
    }

    fn finish(&mut self, (class, _): Self::Token, _: Time, outcome: Outcome) {
        *self.in_flight.get_mut(&class).expect("it was started") -= 1;
        self.heard.finished(outcome);
    }

    fn timed(&self) -> bool {
        false
    }
}

/// Lets nobody of one class through while it is shut; opened and shut from outside. Clones share.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Mutex<GateState>>);

#[derive(Debug)]
struct GateState {
    shut: Option<Class>,
    kick: Kick,
}

impl Gate {
    pub(crate) fn shut_for(class: Class) -> Self {
        Self(Arc::new(Mutex::new(GateState { shut: Some(class), kick: Kick::none() })))
    }

    pub(crate) fn open(&self) {
        let kick = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.shut = None;
            state.kick.clone()
        };
        kick.kick();
    }
}

impl Strategy for Gate {
    type Token = ();

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        let shut = self.0.lock().unwrap_or_else(PoisonError::into_inner).shut;
        if shut.is_some() && shut == request.class { Readiness::OnChange } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            not_yet => Err(not_yet),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kick = kick;
    }

    fn timed(&self) -> bool {
        false
    }
}
