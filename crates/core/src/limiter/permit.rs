//! `Permit`: leave to run, until it is completed or dropped.

use crate::{Outcome, Time};
use std::fmt;
use std::sync::Arc;

/// Leave to run one task, given by a [`Limiter`](crate::Limiter).
///
/// Say how it went with [`complete`](Permit::complete). A permit that is dropped counts as
/// [`Cancelled`](Outcome::Cancelled) and lets the next one in. It has no type parameter and no lifetime, so it fits
/// into any struct.
#[must_use = "dropping a permit gives it back at once"]
pub struct Permit {
    home: Arc<dyn Home>,
    grant: usize,
    settled: bool,
}

/// The limiter, without the type of its strategy. `None` for a time means: read the clock.
pub(super) trait Home: Send + Sync {
    fn release(&self, grant: usize, now: Option<Time>, outcome: Option<Outcome>);
    fn retain(&self, grant: usize);
    fn reconcile(&self, grant: usize, now: Option<Time>, actual: u32);
}

impl Permit {
    pub(super) fn new(home: Arc<dyn Home>, grant: usize) -> Self {
        Self { home, grant, settled: false }
    }

    /// The task has ended like this; what the permit held is free again.
    pub fn complete(mut self, outcome: Outcome) {
        self.settled = true;
        self.home.release(self.grant, None, Some(outcome));
    }

    /// Corrects the cost, where it is known only after the call.
    pub fn reconcile(&mut self, actual: u32) {
        self.home.reconcile(self.grant, None, actual);
    }

    /// Its grant, if the limiter at this address gave it.
    pub(super) fn grant_of(&self, home: *const ()) -> Option<usize> {
        std::ptr::eq(Arc::as_ptr(&self.home).cast(), home).then_some(self.grant)
    }

    pub(super) fn settle(mut self, now: Time, outcome: Outcome) {
        self.settled = true;
        self.home.release(self.grant, Some(now), Some(outcome));
    }

    pub(super) fn reconcile_at(&self, now: Time, actual: u32) {
        self.home.reconcile(self.grant, Some(now), actual);
    }

    /// A second holder of the same grant, which ends when both have let go.
    pub(super) fn share(&self) -> Self {
        self.home.retain(self.grant);
        Self::new(self.home.clone(), self.grant)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.home.release(self.grant, None, None);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}
