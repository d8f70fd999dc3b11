//! For those who want a panic of a task to be a panic of theirs.

use super::{Report, StopReason};
use crate::contain::contain_drop;
use regatta_core::{Panic, TaskError};

impl<K, T, E> Report<K, T, E> {
    /// Goes on with the first panic of the run, if there was one: that of the task which panicked first, or else that
    /// of the source of tasks. Otherwise the report comes back as it was.
    ///
    /// A panic of an attempt counts only if the task came to nothing else afterwards.
    ///
    /// # Panics
    ///
    /// With the payload of that panic; the panic hook has run when it was raised, and is not run again.
    ///
    /// # Examples
    ///
    /// ```
    /// # let builder = regatta_engine::ReportBuilder::<&str, u32, std::io::Error>::new();
    /// # let clock = regatta_core::SystemClock;
    /// # let now = regatta_engine::Moment::now(&clock);
    /// # let report = builder.close(None, now, now.at, regatta_engine::StopReason::Completed);
    /// let report = report.resume_panics();
    /// assert_eq!(report.counts().panicked, 0);
    /// ```
    pub fn resume_panics(mut self) -> Self {
        match self.take_panic() {
            Some(panic) => {
                // What the tasks returned may panic as it is dropped, and a second panic would end the process.
                contain_drop(|| drop(self));
                panic.resume()
            }
            None => self,
        }
    }

    fn take_panic(&mut self) -> Option<Panic> {
        let panicked = |result: &Result<T, TaskError<E>>| matches!(result, Err(TaskError::Panicked(_)));
        let first = self.tasks.iter_mut().filter(|task| panicked(&task.result)).min_by_key(|task| task.rank);
        if let Some(task) = first {
            return match std::mem::replace(&mut task.result, Err(TaskError::Cancelled)) {
                Err(TaskError::Panicked(panic)) => Some(panic),
                Ok(_) | Err(_) => None,
            };
        }
        match std::mem::replace(&mut self.stopped, StopReason::Completed) {
            StopReason::Panicked(panic) => Some(panic),
            other => {
                self.stopped = other;
                None
            }
        }
    }
}
