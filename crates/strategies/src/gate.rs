//! `Gate`: open or closed, by hand.

use crate::handle::Handle;
use regatta_core::{Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Admits everything while it is open and nothing while it is closed.
///
/// A `Gate` is a handle: clones are the same gate, and any of them may be opened or closed from any thread. Give one
/// clone to whatever runs tasks and keep another. While the gate is closed the answer is [`Readiness::OnChange`]; what
/// runs already goes on. Opening kicks all who have attached a clone, in the order of attaching.
///
/// Two are equal if both are open or both are closed. A gate that is open is at [rest](Strategy::rest).
///
/// # Cost
///
/// One atomic load per question; nothing is kept per task. Opening costs O(attached clones).
///
/// # Examples
///
/// ```
/// use regatta_core::{Limiter, Readiness};
/// use regatta_strategies::Gate;
///
/// let gate = Gate::closed();
/// let limiter = Limiter::new(gate.clone());
/// assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange);
/// gate.open();
/// assert!(limiter.try_acquire().is_ok());
/// ```
#[derive(Clone)]
pub struct Gate {
    is_open: Handle<AtomicBool>,
}

impl Gate {
    /// A gate that is open at first.
    #[must_use]
    pub fn new() -> Self {
        Self { is_open: Handle::new(AtomicBool::new(true)) }
    }

    /// A gate that is closed at first.
    #[must_use]
    pub fn closed() -> Self {
        Self { is_open: Handle::new(AtomicBool::new(false)) }
    }

    /// Lets everything through from now on, and makes those who wait ask again. Nothing happens if it is open already.
    pub fn open(&self) {
        if !self.is_open.swap(true, Ordering::AcqRel) {
            self.is_open.kick();
        }
    }

    /// Lets nothing start from now on.
    pub fn close(&self) {
        // Nobody needs a kick: who waits goes on waiting.
        self.is_open.store(false, Ordering::Release);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// How many clones are attached.
    #[cfg(test)]
    pub(crate) fn attached(&self) -> usize {
        self.is_open.attached()
    }
}

impl Default for Gate {
    /// An open gate.
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        self.is_open() == other.is_open()
    }
}

impl Eq for Gate {}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("is_open", &self.is_open()).finish()
    }
}

impl Strategy for Gate {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.is_open() { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        self.is_open.attach(kick);
    }

    fn timed(&self) -> bool {
        false
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn finish_matters(&self) -> bool {
        false
    }

    fn rest(&self, now: Time) -> Readiness {
        self.ready(now, &Request::new())
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("gate", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
