//! A task's attempts: each with its time, and whether there is another.

use super::Batch;
use crate::body::Again;
use crate::in_span::InSpan;
use crate::mode::Mode;
use crate::snapshot::Phase;
use regatta_core::{EventKind, TaskError, Time};
use regatta_engine::{Job, contain, contain_or};
use std::fmt;
use std::hash::Hash;

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Batch<'a, K, T, E, M> {
    /// The job of this task's next attempt, or `None` if its factory panicked: then the attempt has ended.
    #[inline]
    pub(super) fn attempt(&mut self, index: usize, now: Time) -> Option<Job<InSpan<M::Task>>> {
        let attempt = self.report.start(index, now);
        let task = match self.bodies.take(index) {
            Some(task) => Ok(task),
            None => {
                let factory = self.bodies.factory(index).expect("a future is started once");
                // One that its executor refused may come again as the first.
                let begins = attempt == 1 && self.report.tasks()[index].retried().is_empty();
                if begins && let Some(retry) = factory.retry() {
                    contain_or((), || retry.begin(now));
                }
                let stops = &mut self.stops;
                contain(|| factory.attempt(&mut || stops.ctx(index, attempt)))
            }
        };
        let key = self.report.tasks()[index].key();
        if let Some(inbox) = &self.inbox {
            inbox.0.moved(key, Phase::Running);
        }
        self.listeners.tell(index, key, now, EventKind::Started { attempt });
        match task {
            Ok(task) => {
                let task = self.in_span(index, task);
                Some(Job::new(index, task).deadline(self.deadline(index, now)))
            }
            Err(panic) => {
                self.stops.attempt_ended(index, false);
                self.failed_attempt(index, now, TaskError::Panicked(panic));
                None
            }
        }
    }

    #[inline]
    pub(super) fn deadline(&self, index: usize, now: Time) -> Time {
        let attempt = self.course.settings.attempt_timeout.map_or(Time::MAX, |timeout| now + timeout);
        attempt.min(self.task_deadline(index))
    }

    /// When the task must have ended, all its attempts and the pauses between them included.
    pub(super) fn task_deadline(&self, index: usize) -> Time {
        match (self.course.settings.task_timeout, self.report.tasks()[index].started()) {
            (Some(timeout), Some(started)) => started + timeout,
            _ => Time::MAX,
        }
    }

    /// An attempt has ended, and not well: there is another, or the task has its outcome.
    pub(super) fn failed_attempt(&mut self, index: usize, now: Time, error: TaskError<E>) {
        let Some((due, deadline)) = self.again(index, now, &error) else {
            self.settle(index, now, Err(error));
            return;
        };
        let task = &self.report.tasks()[index];
        if let Some(inbox) = &self.inbox {
            inbox.0.moved(task.key(), Phase::Retrying);
        }
        self.listeners.retrying(index, task.key(), now, (task.attempts(), due.since(now)), &error);
        self.report.retry(index, now, error);
        self.retries.push(index, due, deadline);
    }

    /// When to try again after `error`, if at all, and from when on it would be too late.
    pub(super) fn again(&mut self, index: usize, now: Time, error: &TaskError<E>) -> Option<(Time, Time)> {
        let deadline = self.task_deadline(index);
        if self.stops.was_asked(index) || !self.course.is_open() || now >= deadline {
            return None;
        }
        let factory = self.bodies.factory(index)?;
        let retry = factory.retry()?;
        let attempts = self.report.tasks()[index].attempts();
        // A retry rule that panics has no opinion: the failure stands.
        let delay = contain_or(None, || retry.delay(now, attempts, error))?;
        let (due, deadline) = (now + delay, deadline.min(contain_or(Time::MAX, || retry.deadline())));
        if due < deadline && due < self.course.end() {
            return Some((due, deadline));
        }
        self.forgo(index);
        None
    }

    /// The retry that its rule has allowed is not made.
    pub(super) fn forgo(&mut self, index: usize) {
        if let Some(retry) = self.bodies.factory(index).and_then(Again::retry) {
            contain_or((), || retry.forgo());
        }
    }

    /// Ends what waits to be retried and whose own time is up: the last failure stands. Whether there was any.
    pub(super) fn give_up_late_retries(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(index) = self.retries.pop_late(now) {
            any = true;
            self.forgo(index);
            if let Some(error) = self.report.take_retried(index) {
                self.settle(index, now, Err(error));
            }
        }
        any
    }
}

#[cfg(test)]
mod tests;
