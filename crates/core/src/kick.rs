//! `Kick`: tells a parked driver that something outside it has changed.

use std::task::Waker;

/// A cloneable wake handle of a driver.
///
/// An engine hands one to its source and its strategy when they are attached. Whoever changes something from outside
/// afterwards (a push, a close, a new limit, a reopened breaker) kicks, and the driver looks again. Kicking a driver
/// that is busy or gone does nothing; kicks coalesce. Kick after releasing your own lock: the woken side may run on
/// this thread and ask for it.
#[derive(Clone, Debug)]
pub struct Kick(Waker);

impl Kick {
    /// A kick that wakes `waker`, as often as it is kicked.
    ///
    /// The waker must stay good for the driver's whole life: hand in one that forwards to whatever context the driver
    /// was polled with last, not that context's own.
    pub fn new(waker: Waker) -> Self {
        Self(waker)
    }

    /// Wakes nobody; the value of a handle that is not attached yet.
    pub fn none() -> Self {
        Self(Waker::noop().clone())
    }

    /// Makes the driver look again.
    pub fn kick(&self) {
        self.0.wake_by_ref();
    }

    /// Whether both wake the same driver. May say `false` for equal ones, never `true` for different ones.
    pub fn same(&self, other: &Self) -> bool {
        self.0.will_wake(&other.0)
    }
}

impl Default for Kick {
    fn default() -> Self {
        Self::none()
    }
}
