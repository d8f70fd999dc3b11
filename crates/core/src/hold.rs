//! `Hold`: keeps what a shared strategy gave, beyond the end of the engine that took it.

use crate::Permit;
use std::fmt;

/// Keeps the tokens of shared strategies taken until it is dropped.
///
/// A spawned task can outlive the driver that started it: a dropped driver asks the executor to drop the task, and the
/// executor takes its time. The task carries a `Hold`, so that a limit shared through a
/// [`Limiter`](crate::Limiter) stays a limit until the task is really gone.
#[derive(Default)]
#[must_use = "dropping it lets go at once"]
pub struct Hold(Vec<Permit>);

impl Hold {
    /// Keeps nothing, and allocates nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Keeps what both keep.
    pub fn and(mut self, mut other: Self) -> Self {
        if self.0.is_empty() {
            return other;
        }
        self.0.append(&mut other.0);
        self
    }
}

impl From<Permit> for Hold {
    fn from(permit: Permit) -> Self {
        Self(vec![permit])
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("permits", &self.0.len()).finish()
    }
}
