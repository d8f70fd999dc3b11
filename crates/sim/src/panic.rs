//! `TaskPanic`: which task panicked, and how.

use regatta_core::Time;
use std::fmt;
use std::time::Duration;

/// A panic of a spawned task, in its poll or its drop; kept by [`Sim::panics`](crate::Sim::panics).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TaskPanic {
    /// The task's name.
    pub task: String,
    /// The text given to `panic!`.
    pub message: String,
    /// When it panicked.
    pub at: Time,
}

impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_nanos(self.at.as_nanos());
        write!(f, "{} panicked at {at:?}: {}", self.task, self.message)
    }
}
