//! Why a job was not admitted.

use crate::JobId;
use std::fmt;
use thiserror::Error;

/// Why a queue didn't admit a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its capacity is used up. Wait with `push`, or try again.
    #[error("the queue is full")]
    Full,
    /// Its capacity is used up, and no engine runs that would make room: waiting would be for ever.
    #[error("the queue is full and its engine doesn't run; start it first, or give it more capacity")]
    NotRunning,
    /// It was closed.
    #[error("the queue is closed")]
    Closed,
    /// Its run has stopped, or is stopping.
    #[error("the queue's run has stopped")]
    Stopped,
    /// This job, which has no end yet, has the same key.
    #[error("job {0} has the same key")]
    Duplicate(JobId),
    /// Handlers have pushed as many jobs beyond the capacity as they may.
    #[error("handlers have pushed as much beyond the queue's capacity as they may")]
    Grown,
}

/// A job that was not admitted, and why. It is an error like others whatever the job's type; `?` and boxes take it if
/// they would take the job, and [`why`](PushError::why) is small and borrows nothing.
pub struct PushError<J> {
    /// The job, as it was.
    pub job: J,
    /// Why.
    pub why: Refusal,
}

impl<J> PushError<J> {
    /// The job.
    pub fn into_job(self) -> J {
        self.job
    }

    /// Why, without the job.
    pub fn why(self) -> Refusal {
        self.why
    }
}

impl<J> fmt::Debug for PushError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushError").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<J> fmt::Display for PushError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<J> std::error::Error for PushError<J> {}

impl<J> From<PushError<J>> for Refusal {
    fn from(error: PushError<J>) -> Self {
        error.why
    }
}
