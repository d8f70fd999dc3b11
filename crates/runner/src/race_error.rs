//! `RaceError`: why nobody has won.

use regatta_core::TaskError;
use regatta_engine::StopReason;
use std::fmt;

/// Nobody has won a [`race`](crate::race()): how each of its tasks failed.
pub struct RaceError<E> {
    errors: Vec<TaskError<E>>,
    /// Which of them came first.
    first: usize,
    stopped: Option<StopReason>,
}

impl<E> RaceError<E> {
    /// `errors` with the indices of their items, in the order in which they happened.
    pub(crate) fn new(mut errors: Vec<(usize, TaskError<E>)>, stopped: Option<StopReason>) -> Self {
        let earliest = errors.first().map(|(index, _)| *index);
        errors.sort_unstable_by_key(|(index, _)| *index);
        let first = errors.iter().position(|(index, _)| Some(*index) == earliest).unwrap_or_default();
        Self { errors: errors.into_iter().map(|(_, error)| error).collect(), first, stopped }
    }

    /// How each task failed, in the order of the items. Items that were never pulled have no error here; of a race
    /// without items there is none at all.
    pub fn errors(&self) -> &[TaskError<E>] {
        &self.errors
    }

    /// The errors themselves, in the order of the items.
    pub fn into_errors(self) -> Vec<TaskError<E>> {
        self.errors
    }

    /// The error that happened first.
    pub fn first(&self) -> Option<&TaskError<E>> {
        self.errors.get(self.first)
    }

    /// Why the race ended before all items were through: it was cancelled, its time was up, or its iterator panicked.
    /// `None` if every item has had its chance.
    pub fn stopped(&self) -> Option<&StopReason> {
        self.stopped.as_ref()
    }
}

impl<E: fmt::Display> fmt::Display for RaceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.errors.len(), &self.stopped) {
            (0, None) => f.write_str("there was nothing to race")?,
            (0, Some(reason)) => write!(f, "none was started; the race was {reason}")?,
            (count, None) => write!(f, "none of {count} succeeded")?,
            (count, Some(reason)) => write!(f, "none of {count} succeeded; the race was {reason}")?,
        }
        self.first().map_or(Ok(()), |error| write!(f, "; the first to fail: {error}"))
    }
}

impl<E: fmt::Debug> fmt::Debug for RaceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceError")
            .field("errors", &self.errors)
            .field("first", &self.first)
            .field("stopped", &self.stopped)
            .finish()
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for RaceError<E> {}
