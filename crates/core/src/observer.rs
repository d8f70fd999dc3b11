//! `Observer`: hears what happens to tasks, in order.

use crate::Time;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// Hears every event of a run, in the order in which they happen.
///
/// Tasks that are stopped at one moment, by a timeout of the run or a cancel, are told in no particular order.
///
/// Observers are called from the driver, outside any lock. They must not block: the tasks wait meanwhile. A panic in
/// an observer is contained, and that observer hears nothing more of the run.
///
/// ```
/// use regatta_core::{Event, EventKind, Observer};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// #[derive(Default)]
/// struct Failures(AtomicUsize);
/// impl Observer for Failures {
///     fn on_event(&self, event: &Event<'_>) {
///         if let EventKind::Finished { error: Some(_), .. } = event.kind {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &Event<'_>);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on_event(&self, event: &Event<'_>) {
        (**self).on_event(event);
    }
}

/// What happened, to which task, and when.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The task's number within its run, in the order of adding.
    pub id: usize,
    /// The task's key.
    pub name: &'a dyn Debug,
    /// When the driver saw it.
    pub at: Time,
    /// What happened.
    pub kind: EventKind<'a>,
}

impl<'a> Event<'a> {
    /// An event.
    pub fn new(id: usize, name: &'a dyn Debug, at: Time, kind: EventKind<'a>) -> Self {
        Self { id, name, at, kind }
    }
}

/// What can happen to a task.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// It was added and waits.
    Queued,
    /// An attempt started; 1 is the first.
    Started {
        /// Which attempt.
        attempt: u32,
    },
    /// An attempt failed and there will be another.
    Retrying {
        /// Which attempt failed.
        attempt: u32,
        /// How long the pause is.
        delay: Duration,
        /// How it failed, as text.
        error: &'a str,
    },
    /// The task has its outcome.
    Finished {
        /// How many attempts there were; 0 if it never started.
        attempts: u32,
        /// `ok`, or the failure's [`state`](crate::TaskError::state).
        state: &'a str,
        /// The failure, as text; `None` if it succeeded.
        error: Option<&'a str>,
    },
}
