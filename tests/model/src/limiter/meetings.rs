//! A grant reaches exactly one of those who wait, or goes back: hand-over against drop, against a second waiter, and
//! against a change from outside.

use super::acquire::Acquire;
use super::permit::Permit;
use super::shared::Shared;
use crate::model;
use crate::sync::{AtomicBool, Mutex, Ordering};
use loom::future::block_on;
use loom::thread;
use regatta_core::{Clock, Kick, Outcome, Readiness, Request, Sleep, Strategy, Time};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A clock that stands still: nothing here is about time.
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::ZERO
    }

    fn sleep_until(&self, _: Time) -> Sleep {
        Sleep::never()
    }
}

/// One at a time.
#[derive(Default)]
struct One {
    taken: bool,
}

impl Strategy for One {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.taken { Readiness::OnChange } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.taken = true;
                Ok(())
            }
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {
        assert!(std::mem::take(&mut self.taken), "finished twice");
    }
}

/// Opened by a flag that is set outside the lock, and a kick after it.
struct Door {
    open: Arc<AtomicBool>,
    kick: Arc<Mutex<Option<Kick>>>,
}

impl Strategy for Door {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.open.load(Ordering::SeqCst) { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        *self.kick.lock().unwrap() = Some(kick);
    }
}

fn one() -> Arc<Shared<One>> {
    Shared::new(One::default(), Arc::new(Still))
}

pub(super) fn acquire<S: Strategy>(shared: &Arc<Shared<S>>) -> Acquire<S> {
    Acquire::new(shared.clone(), Request::new(), Time::MAX)
}

/// Polls once, as an executor would that is in no hurry.
fn look<S>(acquire: &mut Acquire<S>) -> Option<Permit>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    match Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(permit) => Some(permit.expect("nobody closes it")),
        Poll::Pending => None,
    }
}

/// All grants are back, nobody waits, and no answer was left for nobody.
fn at_rest(shared: &Shared<One>) {
    shared.with(|state| {
        assert!(!state.strategy.taken && state.issued() == 0, "a grant was lost");
        assert!(state.waiting() == 0 && state.answers.is_empty(), "a place was lost");
    });
}

#[test]
fn a_release_reaches_who_waits() {
    model(|| {
        let shared = one();
        let permit = block_on(acquire(&shared)).unwrap();
        let waiting = acquire(&shared);
        let waiter = thread::spawn(move || block_on(waiting).unwrap().complete(Outcome::Success));
        permit.complete(Outcome::Success);
        waiter.join().unwrap();
        at_rest(&shared);
    });
}

#[test]
fn a_grant_that_is_handed_over_while_its_waiter_leaves_goes_back() {
    model(|| {
        let shared = one();
        let permit = block_on(acquire(&shared)).unwrap();
        let mut waiting = acquire(&shared);
        assert!(look(&mut waiting).is_none());
        let leaver = thread::spawn(move || drop(waiting));
        permit.complete(Outcome::Success);
        leaver.join().unwrap();
        at_rest(&shared);
    });
}

#[test]
fn a_grant_that_its_waiter_did_not_take_reaches_the_next_one() {
    model(|| {
        let shared = one();
        let permit = block_on(acquire(&shared)).unwrap();
        let mut first = acquire(&shared);
        assert!(look(&mut first).is_none());
        let second = acquire(&shared);
        let next = thread::spawn(move || drop(block_on(second).unwrap()));
        permit.complete(Outcome::Success);
        drop(first);
        next.join().unwrap();
        at_rest(&shared);
    });
}

#[test]
fn two_threads_take_turns_and_never_hold_both() {
    model(|| {
        let shared = one();
        let other = shared.clone();
        let thread = thread::spawn(move || drop(block_on(acquire(&other)).unwrap()));
        drop(block_on(acquire(&shared)).unwrap());
        thread.join().unwrap();
        at_rest(&shared);
    });
}

#[test]
fn a_change_from_outside_reaches_who_waits() {
    model(|| {
        let (open, kick) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let shared = Shared::new(Door { open: open.clone(), kick: kick.clone() }, Arc::new(Still));
        let waiting = acquire(&shared);
        let waiter = thread::spawn(move || drop(block_on(waiting).unwrap()));
        open.store(true, Ordering::SeqCst);
        let kick = kick.lock().unwrap().clone().expect("a limiter attaches its strategy");
        kick.kick();
        waiter.join().unwrap();
    });
}

#[test]
fn a_change_that_finds_the_lock_taken_for_nothing_reaches_who_comes_next() {
    model(|| {
        let (open, kick) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let shared = Shared::new(Door { open: open.clone(), kick: kick.clone() }, Arc::new(Still));
        let (waiting, passing) = (acquire(&shared), shared.clone());
        let waiter = thread::spawn(move || drop(block_on(waiting).unwrap()));
        let passer = thread::spawn(move || passing.with(|state| assert!(state.waiting() <= 1)));
        open.store(true, Ordering::SeqCst);
        let kick = kick.lock().unwrap().clone().expect("a limiter attaches its strategy");
        kick.kick();
        waiter.join().unwrap();
        passer.join().unwrap();
    });
}

#[test]
fn a_change_that_comes_while_another_is_served_is_served_too() {
    model(|| {
        let opens = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let kicks = [(); 2].map(|()| Arc::new(Mutex::new(None)));
        let doors = [0, 1].map(|door| Door { open: opens[door].clone(), kick: kicks[door].clone() });
        let shared = Shared::new(<(Door, Door)>::from(doors), Arc::new(Still));
        let mut waiting = acquire(&shared);
        assert!(look(&mut waiting).is_none());
        let opened = |door: usize| {
            let (open, kick) = (opens[door].clone(), kicks[door].clone());
            move || {
                open.store(true, Ordering::SeqCst);
                let kick = kick.lock().unwrap().clone().expect("a limiter attaches its strategy");
                kick.kick();
            }
        };
        let other = thread::spawn(opened(0));
        opened(1)();
        other.join().unwrap();
        shared.with(|state| assert_eq!(state.waiting(), 0, "nobody looked again"));
        drop(waiting);
    });
}

#[test]
fn a_close_reaches_who_waits() {
    model(|| {
        let shared = one();
        let permit = block_on(acquire(&shared)).unwrap();
        let waiting = acquire(&shared);
        let waiter = thread::spawn(move || block_on(waiting).is_err());
        shared.with(super::state::State::close);
        assert!(waiter.join().unwrap());
        drop(permit);
        at_rest(&shared);
    });
}
