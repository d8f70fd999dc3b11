//! A run in one word and seven numbers: why it stopped, and how many tasks ended how.

use regatta_core::{NotStarted, Panic};
use std::fmt;

/// Why a run stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum StopReason {
    /// Every task has ended by itself.
    Completed,
    /// The run's own time was up.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// Its stop rule was met.
    StopRule,
    /// The source of its tasks panicked.
    Panicked(Panic),
    /// It had nothing to do for its idle timeout.
    Idle,
    /// Its driver was handed to an executor, which dropped it before it had begun.
    NotSpawned,
}

impl StopReason {
    /// Why a task that was not started by then never was.
    pub fn not_started(&self) -> NotStarted {
        match self {
            Self::Completed | Self::Cancelled => NotStarted::Cancelled,
            Self::TimedOut => NotStarted::TimedOut,
            Self::StopRule | Self::Idle => NotStarted::Stopped,
            Self::Panicked(_) => NotStarted::Source,
            Self::NotSpawned => NotStarted::Spawn,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::TimedOut => f.write_str("stopped by its timeout"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::StopRule => f.write_str("stopped by its stop rule"),
            Self::Panicked(panic) => write!(f, "stopped by a panic of its source: {panic}"),
            Self::Idle => f.write_str("stopped after its idle timeout"),
            Self::NotSpawned => f.write_str("dropped by its executor before it had begun"),
        }
    }
}

/// How many tasks ended how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counts {
    /// Succeeded.
    pub ok: usize,
    /// Returned an error.
    pub failed: usize,
    /// Panicked.
    pub panicked: usize,
    /// Were stopped because their time, or the run's, was up.
    pub timed_out: usize,
    /// Were stopped on request.
    pub cancelled: usize,
    /// Never started.
    pub not_started: usize,
    /// Were refused by a strategy, or skipped because of others.
    pub refused: usize,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> usize {
        self.ok
            + self.failed
            + self.panicked
            + self.timed_out
            + self.cancelled
            + self.not_started
            + self.refused
    }
}
