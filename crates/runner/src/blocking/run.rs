//! `BlockingRun` and `BlockingReport`: closures on their way, and what became of them and of their threads.

use super::work::Busy;
use crate::run::SpawnedDrive;
use regatta_engine::Report;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs the closures of a [`BlockingRunner`](super::BlockingRunner); made by
/// [`BlockingRunner::run_async`](super::BlockingRunner::run_async), resolves to the report.
///
/// # Cancel safety
///
/// Dropping it cancels the run at once: what waits never starts, what runs is told by its [`Ctx`](crate::Ctx) and goes
/// on until it returns, and no report is made.
#[must_use = "futures do nothing unless polled"]
pub struct BlockingRun<K, T, E> {
    drive: SpawnedDrive<K, T, E>,
    busy: Vec<Busy>,
}

impl<K, T, E> BlockingRun<K, T, E> {
    pub(super) fn new(drive: SpawnedDrive<K, T, E>, busy: Vec<Busy>) -> Self {
        Self { drive, busy }
    }
}

impl<K, T, E> Future for BlockingRun<K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: Send + 'static,
    E: Send + 'static,
{
    type Output = BlockingReport<K, T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.drive.poll(cx).map(|report| BlockingReport { report, busy: std::mem::take(&mut this.busy) })
    }
}

impl<K, T, E> Unpin for BlockingRun<K, T, E> {}

impl<K, T, E> fmt::Debug for BlockingRun<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockingRun").field(&self.drive).finish()
    }
}

/// The [`Report`] of closures that ran on threads, some of which may still run. It reads like a `Report`.
pub struct BlockingReport<K, T, E> {
    report: Report<K, T, E>,
    busy: Vec<Busy>,
}

impl<K, T, E> BlockingReport<K, T, E> {
    /// The keys whose closures still keep a thread busy, as of now: those that had to end and have not returned yet.
    /// Asked again later, it may tell fewer.
    pub fn still_running(&self) -> impl Iterator<Item = &K> {
        let tasks = self.report.tasks().iter().zip(&self.busy);
        tasks.filter(|(_, busy)| busy.is_busy()).map(|(task, _)| task.key())
    }

    /// The report alone.
    pub fn into_report(self) -> Report<K, T, E> {
        self.report
    }
}

impl<K, T, E> Deref for BlockingReport<K, T, E> {
    type Target = Report<K, T, E>;

    fn deref(&self) -> &Report<K, T, E> {
        &self.report
    }
}

impl<K: fmt::Debug, T: fmt::Debug, E: fmt::Debug> fmt::Debug for BlockingReport<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

/// The report's table, and a line that tells the keys that still run.
impl<K: fmt::Debug, T, E: fmt::Display> fmt::Display for BlockingReport<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)?;
        let mut keys = self.still_running().peekable();
        if keys.peek().is_some() {
            f.write_str("\nstill running:")?;
            keys.try_for_each(|key| write!(f, " {key:?}"))?;
        }
        Ok(())
    }
}
