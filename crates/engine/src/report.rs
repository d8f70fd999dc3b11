//! `Report`: what became of every task of a run.

mod builder;
mod iter;
mod moment;
mod panics;
#[cfg(feature = "serde")]
mod serialize;
mod task;
mod verdict;

pub use builder::ReportBuilder;
pub use moment::Moment;
pub use task::{Attempt, TaskReport};
pub use verdict::{Counts, StopReason};

use crate::summary;
use hashbrown::{DefaultHashBuilder, HashTable};
use regatta_core::{TaskError, Time};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, SystemTime};

/// The outcome of every task of a run, in the order in which the tasks were added.
///
/// A task is looked up by its key in O(1). `Display` prints the whole as a plain table.
///
/// # With the feature `serde`
///
/// A report can be serialised if its keys and values can; errors become text. The shape is stable. In JSON:
///
/// ```json
/// {
///   "name": "night load",
///   "began": "2026-01-01T00:00:00.000Z",
///   "elapsed": 5.0,
///   "stopped": "timed_out",
///   "counts": { "ok": 1, "failed": 0, "panicked": 0, "timed_out": 0, "cancelled": 0, "not_started": 1, "refused": 0 },
///   "tasks": [
///     {
///       "key": "ann", "state": "ok", "value": 7, "attempts": 2,
///       "failed_attempts": [{ "error": "no route", "started": 0.0, "ended": 1.5 }],
///       "queued": 0.0, "started": 0.0, "ended": 4.0
///     },
///     {
///       "key": "bob", "state": "not_started", "error": "not started: the run's time was up", "attempts": 0,
///       "queued": 0.0
///     }
///   ]
/// }
/// ```
///
/// - `began` is UTC, as RFC 3339. All other times are seconds since then, by the monotonic clock.
/// - `stopped` is `completed`, `timed_out`, `cancelled`, `stop_rule`, `idle`, `not_spawned` or `panicked`; the last comes
///   with the message of the source's panic as `panic`.
/// - `state` is `ok`, with a `value`, or another word, with an `error`: `failed`, `panicked`, `timed_out`, `cancelled`,
///   `not_started`, `rejected`, `skipped`.
/// - What isn't there is left out: `name`, `panic`, `failed_attempts`, and the times of what never happened.
pub struct Report<K, T, E> {
    tasks: Vec<TaskReport<K, T, E>>,
    /// Where the tasks are, by their keys: each key lives once and needs no `Clone`.
    index: HashTable<Place>,
    hasher: DefaultHashBuilder,
    finished: u32,
    name: Option<String>,
    began: Moment,
    ended: Time,
    stopped: StopReason,
}

/// An index into the tasks, with the hash of the key there, so that a table that grows need not look at every key.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    task: u32,
}

impl Place {
    /// The table wants 64 bits, of which it uses both ends; a multiplication spreads our 32 over them.
    fn table_hash(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl<K, T, E> Report<K, T, E> {
    /// Whether every task succeeded. An empty report is ok.
    pub fn is_ok(&self) -> bool {
        self.tasks.iter().all(|task| task.result.is_ok())
    }

    /// Whether the run's own time was up before everything had ended.
    pub fn timed_out(&self) -> bool {
        matches!(self.stopped, StopReason::TimedOut)
    }

    /// Why the run stopped.
    pub fn stopped(&self) -> &StopReason {
        &self.stopped
    }

    /// When the run began: its first poll.
    pub fn began(&self) -> Moment {
        self.began
    }

    /// When it was over.
    pub fn ended(&self) -> Moment {
        Moment { at: self.ended, wall: self.wall(self.ended) }
    }

    /// What the wall clock said at `time`, one of the times of this report: for people. Reckoned from when the run
    /// began, as if nobody had set the clock since.
    pub fn wall(&self, time: Time) -> SystemTime {
        self.began.wall_at(time)
    }

    /// How long the run took.
    pub fn elapsed(&self) -> Duration {
        self.ended.since(self.began.at)
    }

    /// The run's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// All tasks, in the order in which they were added.
    pub fn tasks(&self) -> &[TaskReport<K, T, E>] {
        &self.tasks
    }

    /// The tasks that were started and have ended, in the order in which they ended. Costs a sort.
    pub fn by_completion(&self) -> Vec<&TaskReport<K, T, E>> {
        let mut ended: Vec<_> =
            self.tasks.iter().filter(|task| task.started().is_some() && task.ended().is_some()).collect();
        ended.sort_by_key(|task| task.rank);
        ended
    }

    /// The values of the tasks that succeeded, with their keys.
    pub fn ok(&self) -> impl Iterator<Item = (&K, &T)> {
        self.tasks.iter().filter_map(|task| Some((&task.key, task.result.as_ref().ok()?)))
    }

    /// Why the others did not, with their keys.
    pub fn errors(&self) -> impl Iterator<Item = (&K, &TaskError<E>)> {
        self.tasks.iter().filter_map(|task| Some((&task.key, task.result.as_ref().err()?)))
    }

    /// How many tasks ended how. Counted from the tasks themselves.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for task in &self.tasks {
            *match &task.result {
                Ok(_) => &mut counts.ok,
                Err(TaskError::Failed(_)) => &mut counts.failed,
                Err(TaskError::Panicked(_)) => &mut counts.panicked,
                Err(TaskError::TimedOut { .. }) => &mut counts.timed_out,
                Err(TaskError::Cancelled) => &mut counts.cancelled,
                Err(TaskError::NotStarted(_)) => &mut counts.not_started,
                Err(_) => &mut counts.refused,
            } += 1;
        }
        counts
    }
}

impl<K: Eq + Hash, T, E> Report<K, T, E> {
    /// The result of the task with this key.
    pub fn get<Q>(&self, key: &Q) -> Option<&Result<T, TaskError<E>>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.task(key).map(|task| &task.result)
    }

    /// Everything about the task with this key.
    pub fn task<Q>(&self, key: &Q) -> Option<&TaskReport<K, T, E>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let place = self.index.find(Place::table_hash(hash), |place| {
            place.hash == hash && self.tasks[place.task as usize].key.borrow() == key
        })?;
        self.tasks.get(place.task as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "32 bits of the hash are what is kept")]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u32 {
        self.hasher.hash_one(key) as u32
    }
}

impl<K: fmt::Debug, T: fmt::Debug, E: fmt::Debug> fmt::Debug for Report<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("tasks", &self.tasks)
            .field("stopped", &self.stopped)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}

/// A plain table: the run's name and when it began in UTC, if it has a name; a line per task, with its error and those
/// of earlier attempts that differ from it; then the counts, the elapsed time and why the run stopped.
impl<K: fmt::Debug, T, E: fmt::Display> fmt::Display for Report<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        summary::write(self, f)
    }
}

#[cfg(test)]
mod tests;
