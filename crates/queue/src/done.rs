//! `Done`: what became of one job.

use crate::options::Metadata;
use crate::{JobId, Key};
use regatta_core::{TaskError, Time};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What became of one job: each that was admitted has exactly one.
pub struct Done<J, R, E> {
    /// Its number.
    pub id: JobId,
    /// The job itself.
    pub job: Arc<J>,
    /// How it ended.
    pub result: Result<R, TaskError<E>>,
    /// How often it was started.
    pub attempts: u32,
    pub(crate) queued: Time,
    pub(crate) started: Time,
    pub(crate) tried: Time,
    pub(crate) ended: Time,
    pub(crate) about: Option<Box<About<E>>>,
}

/// What most jobs have nothing of.
pub(crate) struct About<E> {
    pub(crate) key: Option<Key>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) errors: Vec<FailedAttempt<E>>,
}

impl<E> Default for About<E> {
    fn default() -> Self {
        Self { key: None, metadata: None, errors: Vec::new() }
    }
}

/// An attempt after which there was another.
pub struct FailedAttempt<E> {
    /// How it ended.
    pub error: Arc<TaskError<E>>,
    /// When it was started.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
}

impl<J, R, E> Done<J, R, E> {
    /// Whether it succeeded.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// The key that it was pushed with.
    pub fn key(&self) -> Option<&Key> {
        self.about.as_ref()?.key.as_ref()
    }

    /// The metadata that it was pushed with, if it is of this type.
    pub fn metadata<T: 'static>(&self) -> Option<&T> {
        self.about.as_ref()?.metadata.as_ref()?.downcast_ref()
    }

    /// The attempts after which there was another, with their errors.
    pub fn errors(&self) -> &[FailedAttempt<E>] {
        self.about.as_ref().map_or(&[], |about| &about.errors)
    }

    /// When it was admitted.
    pub fn queued(&self) -> Time {
        self.queued
    }

    /// When it was started for the first time.
    pub fn started(&self) -> Option<Time> {
        (self.attempts > 0).then_some(self.started)
    }

    /// When its last attempt was started. Those before it are in [`errors`](Self::errors).
    pub fn last_started(&self) -> Option<Time> {
        (self.attempts > 0).then_some(self.tried)
    }

    /// When it ended.
    pub fn ended(&self) -> Time {
        self.ended
    }

    /// How long it waited for its first start, or for its end without one.
    pub fn queued_for(&self) -> Duration {
        self.started().unwrap_or(self.ended).since(self.queued)
    }

    /// How long it took from its first start, pauses between attempts included; zero if it was never started. Stamped
    /// once per pass of its driver, so exact to what that takes.
    pub fn ran_for(&self) -> Duration {
        self.started().map_or(Duration::ZERO, |started| self.ended.since(started))
    }
}

impl<E> Clone for FailedAttempt<E> {
    fn clone(&self) -> Self {
        Self { error: self.error.clone(), ..*self }
    }
}

impl<E: fmt::Debug> fmt::Debug for FailedAttempt<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("error", &self.error)
            .field("started", &self.started)
            .field("ended", &self.ended)
            .finish()
    }
}

impl<J: fmt::Debug, R: fmt::Debug, E: fmt::Debug> fmt::Debug for Done<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done")
            .field("id", &self.id)
            .field("job", &self.job)
            .field("result", &self.result)
            .field("attempts", &self.attempts)
            .field("errors", &self.errors())
            .finish_non_exhaustive()
    }
}
