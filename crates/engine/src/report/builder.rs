//! `ReportBuilder`: how a source keeps the report of a run that goes on.

use super::task::Retried;
use super::{Attempt, Moment, Place, Report, StopReason, TaskReport};
use hashbrown::{DefaultHashBuilder, HashTable};
use regatta_core::{TaskError, Time};
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

/// A report that is still being written: tasks are pushed before the run, and settled as they end. What is there
/// already can be read through it.
pub struct ReportBuilder<K, T, E>(Report<K, T, E>);

impl<K, T, E> ReportBuilder<K, T, E> {
    /// An empty report.
    pub fn new() -> Self {
        Self(Report {
            tasks: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            finished: 0,
            name: None,
            began: Moment { at: Time::ZERO, wall: std::time::SystemTime::UNIX_EPOCH },
            ended: Time::ZERO,
            stopped: StopReason::Completed,
        })
    }

    /// Makes room for so many more tasks.
    pub fn reserve(&mut self, tasks: usize) {
        self.0.tasks.reserve(tasks);
        self.0.index.reserve(tasks, |place| Place::table_hash(place.hash));
    }

    /// One more attempt of a task starts. Returns which.
    #[inline]
    pub fn start(&mut self, index: usize, now: Time) -> u32 {
        let task = &mut self.0.tasks[index];
        task.started = task.started.min(now);
        if let Some(retried) = &mut task.retried {
            retried.last_started = now;
        }
        task.attempts += 1;
        task.attempts
    }

    /// The attempt that was to start did not: nobody ran it.
    pub fn take_back(&mut self, index: usize) {
        let task = &mut self.0.tasks[index];
        task.attempts -= 1;
        if task.attempts == 0 {
            task.started = Time::MAX;
        }
    }

    /// A task came only at `now`, when the run was on its way.
    pub fn queue(&mut self, index: usize, now: Time) {
        self.0.tasks[index].queued = now;
    }

    /// The attempt that runs has failed at `now`, and there may be another.
    pub fn retry(&mut self, index: usize, now: Time, error: TaskError<E>) {
        let task = &mut self.0.tasks[index];
        let first = task.started;
        let retried = task
            .retried
            .get_or_insert_with(|| Box::new(Retried { attempts: Vec::new(), last_started: first }));
        retried.attempts.push(Attempt { started: retried.last_started, ended: now, error });
    }

    /// A task has its outcome.
    #[inline]
    pub fn settle(&mut self, index: usize, now: Time, result: Result<T, TaskError<E>>) {
        let task = &mut self.0.tasks[index];
        task.result = result;
        task.ended = now;
        task.rank = self.0.finished;
        self.0.finished += 1;
    }

    /// There will be no other attempt after all: takes the last failure back, to be settled with.
    pub fn take_retried(&mut self, index: usize) -> Option<TaskError<E>> {
        let retried = self.0.tasks[index].retried.as_mut()?;
        let last = retried.attempts.pop()?;
        retried.last_started = last.started;
        Some(last.error)
    }

    /// The run is over. What has started and not ended was cancelled; the rest was never started.
    pub fn close(
        self,
        name: Option<String>,
        began: Moment,
        ended: Time,
        stopped: StopReason,
    ) -> Report<K, T, E> {
        let mut report = self.0;
        if (report.finished as usize) < report.tasks.len() {
            let why = stopped.not_started();
            for task in report.tasks.iter_mut().filter(|task| task.ended().is_none()) {
                task.result =
                    Err(if task.attempts == 0 { TaskError::NotStarted(why) } else { TaskError::Cancelled });
            }
        }
        for task in &mut report.tasks {
            task.queued = task.queued.max(began.at);
        }
        (report.name, report.began, report.ended, report.stopped) = (name, began, ended, stopped);
        report
    }
}

impl<K: Eq + Hash, T, E> ReportBuilder<K, T, E> {
    /// Adds a task that has not started, and returns its index.
    ///
    /// # Errors
    ///
    /// The key, if there is a task with this key already.
    ///
    /// # Panics
    ///
    /// At 2³² tasks.
    #[inline]
    pub fn push(&mut self, key: K) -> Result<usize, K> {
        let hash = self.0.hash(&key);
        let tasks = &self.0.tasks;
        let entry = self.0.index.entry(
            Place::table_hash(hash),
            |place| place.hash == hash && tasks[place.task as usize].key == key,
            |place| Place::table_hash(place.hash),
        );
        let hashbrown::hash_table::Entry::Vacant(vacant) = entry else { return Err(key) };
        let index = self.0.tasks.len();
        let task = u32::try_from(index).expect("at most 2^32 tasks in one report");
        vacant.insert(Place { hash, task });
        self.0.tasks.push(TaskReport::new(key));
        Ok(index)
    }
}

impl<K, T, E> Deref for ReportBuilder<K, T, E> {
    type Target = Report<K, T, E>;

    fn deref(&self) -> &Report<K, T, E> {
        &self.0
    }
}

impl<K, T, E> Default for ReportBuilder<K, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T, E> fmt::Debug for ReportBuilder<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportBuilder").field("tasks", &self.0.tasks.len()).finish_non_exhaustive()
    }
}
