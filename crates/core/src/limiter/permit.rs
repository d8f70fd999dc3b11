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
    at_drop: AtDrop,
}

enum AtDrop {
    Cancel,
    /// It holds beside another one, which tells how it went.
    LetGo,
    Nothing,
}

/// The limiter, without the type of its strategy. `None` for a time means: read the clock; for an outcome: it is not this
/// holder that tells it.
pub(super) trait Home: Send + Sync {
    fn release(&self, grant: usize, now: Option<Time>, outcome: Option<Outcome>);
    fn retain(&self, grant: usize);
    fn reconcile(&self, grant: usize, now: Option<Time>, actual: u32);
}

impl Permit {
    #[inline]
    pub(super) fn new(home: Arc<dyn Home>, grant: usize) -> Self {
        Self { home, grant, at_drop: AtDrop::Cancel }
    }

    /// The task has ended like this; what the permit held is free again.
    #[inline]
    pub fn complete(mut self, outcome: Outcome) {
        self.at_drop = AtDrop::Nothing;
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
        self.at_drop = AtDrop::Nothing;
        self.home.release(self.grant, Some(now), Some(outcome));
    }

    pub(super) fn reconcile_at(&self, now: Time, actual: u32) {
        self.home.reconcile(self.grant, Some(now), actual);
    }

    /// A second holder of the same grant, which ends when both have let go.
    pub(super) fn share(&self) -> Self {
        self.home.retain(self.grant);
        Self { home: self.home.clone(), grant: self.grant, at_drop: AtDrop::LetGo }
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        match self.at_drop {
            AtDrop::Cancel => self.home.release(self.grant, None, Some(Outcome::Cancelled)),
            AtDrop::LetGo => self.home.release(self.grant, None, None),
            AtDrop::Nothing => {}
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}
