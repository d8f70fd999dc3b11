//! `TraceEntry`: one line of what happened in a simulation.

use regatta_core::Time;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One thing that happened to one task, recorded after [`Sim::record_trace`](crate::Sim::record_trace).
///
/// Two runs of the same program with the same seed have equal traces. Printed, it is a line of a log:
/// `1.5s worker#3 polled`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct TraceEntry {
    /// When it happened.
    pub at: Time,
    /// The task's name: `main`, the name it was spawned with, or `task 3` for the third one spawned.
    pub task: Arc<str>,
    /// Counts the spawned tasks from 1; 0 is the main future.
    pub number: u64,
    /// What happened.
    pub what: What,
}

/// What can happen to a task; see [`TraceEntry`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum What {
    /// It was spawned.
    Spawned,
    /// Its waker was called, whether or not it was ready already.
    Woken,
    /// It is about to be polled.
    Polled,
    /// It ran to its end.
    Ended,
    /// Its poll or its drop panicked.
    Panicked,
    /// Its future was dropped, ended or not.
    Dropped,
    /// Not about a task: the time has moved since the entry before. The entry's task is `clock`.
    TimeMoved,
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_nanos(self.at.as_nanos());
        match self.number {
            0 => write!(f, "{at:?} {} {}", self.task, self.what),
            number => write!(f, "{at:?} {}#{number} {}", self.task, self.what),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spawned => "spawned",
            Self::Woken => "woken",
            Self::Polled => "polled",
            Self::Ended => "ended",
            Self::Panicked => "panicked",
            Self::Dropped => "dropped",
            Self::TimeMoved => "moved",
        })
    }
}
