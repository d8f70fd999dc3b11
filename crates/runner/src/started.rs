//! `Started`: a run whose driver is on an executor too.

use crate::run::SpawnedRun;
use futures_channel::oneshot;
use regatta_core::{CancelToken, Cancelled, DropGuard};
use regatta_engine::{Report, contain_drop};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A run that goes on by itself; made by [`Runner::start`](crate::Runner::start), resolves to the [`Report`].
///
/// There is always a report. If the executor drops the driver, the report says so: what ran was cancelled, and the
/// rest was never started.
///
/// # Cancel safety
///
/// Dropping it cancels the run at once: nobody is left who could want it. [`detach`](Started::detach) lets it go on.
#[must_use = "dropping it cancels the run; `detach` lets the run go on"]
pub struct Started<K, T, E> {
    report: oneshot::Receiver<Report<K, T, E>>,
    guard: DropGuard,
}

impl<K, T, E> Started<K, T, E> {
    /// Lets the run go on to its end without anybody who waits for it. Its report is dropped.
    pub fn detach(self) {
        self.guard.disarm();
    }
}

impl<K, T, E> Future for Started<K, T, E> {
    type Output = Report<K, T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let report = Pin::new(&mut self.report).poll(cx);
        // A driver leaves its report when it ends, and also when it is dropped.
        report.map(|report| report.expect("a future is not polled after it has ended"))
    }
}

impl<K, T, E> fmt::Debug for Started<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Started")
    }
}

/// What the executor runs.
pub(crate) struct Driver<K: Eq + Hash + fmt::Debug, T, E> {
    run: SpawnedRun<K, T, E>,
    report: Option<oneshot::Sender<Report<K, T, E>>>,
    abandoned: Cancelled,
}

impl<K: Eq + Hash + fmt::Debug, T, E> Driver<K, T, E> {
    pub(crate) fn new(run: SpawnedRun<K, T, E>) -> (Self, Started<K, T, E>) {
        let (sender, receiver) = oneshot::channel();
        let token = CancelToken::new();
        let driver = Self { run, report: Some(sender), abandoned: token.cancelled() };
        (driver, Started { report: receiver, guard: token.drop_guard() })
    }

    fn send(&mut self, report: Report<K, T, E>) {
        if let Some(sender) = self.report.take() {
            // Nobody may be there to take it, and dropping it is user code.
            contain_drop(|| drop(sender.send(report)));
        }
    }
}

impl<K, T, E> Future for Driver<K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: Send + 'static,
    E: Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.abandoned).poll(cx).is_ready() {
            if let Some(report) = self.run.0.abandon() {
                self.send(report);
            }
            return Poll::Ready(());
        }
        match Pin::new(&mut self.run).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(report) => {
                self.send(report);
                Poll::Ready(())
            }
        }
    }
}

impl<K: Eq + Hash + fmt::Debug, T, E> Unpin for Driver<K, T, E> {}

impl<K: Eq + Hash + fmt::Debug, T, E> Drop for Driver<K, T, E> {
    fn drop(&mut self) {
        if let Some(report) = self.run.0.abandon() {
            self.send(report);
        }
    }
}
