//! `TaskReport`: what became of one task.

use regatta_core::{NotStarted, TaskError, Time};
use std::time::Duration;

/// What became of one task.
#[derive(Debug)]
pub struct TaskReport<K, T, E> {
    pub(super) key: K,
    pub(super) result: Result<T, TaskError<E>>,
    /// Boxed: few tasks are retried, and there may be millions of them.
    pub(super) retried: Option<Box<Retried<E>>>,
    pub(super) attempts: u32,
    /// Its rank among those that ended.
    pub(super) rank: u32,
    /// When it came; in a report that is still being written, only if the run was on its way already.
    pub(super) queued: Time,
    /// `Time::MAX` until then.
    pub(super) started: Time,
    /// `Time::MAX` until then.
    pub(super) ended: Time,
}

/// What is kept of a task that was retried.
#[derive(Debug)]
pub(super) struct Retried<E> {
    pub(super) attempts: Vec<Attempt<E>>,
    /// When the attempt after those started.
    pub(super) last_started: Time,
}

/// An attempt that failed and was followed by another.
#[derive(Debug)]
pub struct Attempt<E> {
    pub(super) started: Time,
    pub(super) ended: Time,
    pub(super) error: TaskError<E>,
}

impl<E> Attempt<E> {
    /// When it started.
    pub fn started(&self) -> Time {
        self.started
    }

    /// When it ended.
    pub fn ended(&self) -> Time {
        self.ended
    }

    /// Why it failed.
    pub fn error(&self) -> &TaskError<E> {
        &self.error
    }
}

impl<K, T, E> TaskReport<K, T, E> {
    /// Nothing has happened to it: it stays like this if nothing ever does.
    pub(super) fn new(key: K) -> Self {
        Self {
            key,
            result: Err(TaskError::NotStarted(NotStarted::Cancelled)),
            retried: None,
            attempts: 0,
            rank: 0,
            queued: Time::ZERO,
            started: Time::MAX,
            ended: Time::MAX,
        }
    }

    /// Its key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// How it ended.
    pub fn result(&self) -> &Result<T, TaskError<E>> {
        &self.result
    }

    /// How many attempts there were; 0 if it never started.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The attempts before the last one, in order.
    pub fn retried(&self) -> &[Attempt<E>] {
        self.retried.as_ref().map_or(&[], |retried| &retried.attempts)
    }

    /// When it came: as the run began, or later if it was added on the way. It waited from then on.
    pub fn queued(&self) -> Time {
        self.queued
    }

    /// When its first attempt started.
    pub fn started(&self) -> Option<Time> {
        (self.started < Time::MAX).then_some(self.started)
    }

    /// When its last attempt started.
    pub fn last_started(&self) -> Option<Time> {
        let last = self.retried.as_ref().map(|retried| retried.last_started);
        self.started().map(|first| last.unwrap_or(first))
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Time> {
        (self.ended < Time::MAX).then_some(self.ended)
    }

    /// How long it waited for its first start.
    pub fn waited(&self) -> Option<Duration> {
        Some(self.started()?.since(self.queued))
    }

    /// From its first start to its end, pauses between attempts included.
    pub fn elapsed(&self) -> Option<Duration> {
        Some(self.ended()?.since(self.started()?))
    }

    /// `ok`, or the failure's [`state`](TaskError::state).
    pub fn state(&self) -> &'static str {
        match &self.result {
            Ok(_) => "ok",
            Err(error) => error.state(),
        }
    }

    /// Key and result.
    pub fn into_parts(self) -> (K, Result<T, TaskError<E>>) {
        (self.key, self.result)
    }
}
