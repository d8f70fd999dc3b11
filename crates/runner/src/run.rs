//! `Run` and `SpawnedRun`: a runner on its way.

use crate::batch::Batch;
use crate::drive::Drive;
use crate::in_span::InSpan;
use crate::mode::{Mode, Threads};
use regatta_engine::{OnExecutor, Remote, Report};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs the tasks of a [`Runner`](crate::Runner) in place; made by [`Runner::run`](crate::Runner::run), resolves to
/// the [`Report`].
///
/// It is `Send` if keys and values are, also where tasks borrow.
///
/// # Cancel safety
///
/// Dropping it cancels the run at once: every task is dropped, and no report is made. To keep the report of a run that
/// is cancelled, use [`Runner::cancel_on`](crate::Runner::cancel_on).
#[must_use = "futures do nothing unless polled"]
pub struct Run<'a, K, T, E, M: Mode<'a, T, E> = Threads>(
    pub(crate) Drive<'a, Batch<'a, K, T, E, M>, InSpan<M::Task>>,
);

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Future for Run<'a, K, T, E, M> {
    type Output = Report<K, T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> Unpin for Run<'a, K, T, E, M> {}

impl<'a, K, T, E, M: Mode<'a, T, E>> fmt::Debug for Run<'a, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.0).finish()
    }
}

/// Runs the tasks of a [`Runner`](crate::Runner) on an executor; made by
/// [`Runner::spawn_on`](crate::Runner::spawn_on), resolves to the [`Report`].
///
/// # Cancel safety
///
/// Dropping it cancels the run at once: the executor is asked to drop every task, and no report is made.
#[must_use = "futures do nothing unless polled"]
pub struct SpawnedRun<K, T, E>(pub(crate) SpawnedDrive<K, T, E>);

pub(crate) type SpawnedBatch<K, T, E> = OnExecutor<Batch<'static, K, T, E, Threads>>;

pub(crate) type SpawnedDrive<K, T, E> = Drive<'static, SpawnedBatch<K, T, E>, Remote<Result<T, E>>>;

impl<K, T, E> Future for SpawnedRun<K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: Send + 'static,
    E: Send + 'static,
{
    type Output = Report<K, T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl<K, T, E> Unpin for SpawnedRun<K, T, E> {}

impl<K, T, E> fmt::Debug for SpawnedRun<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpawnedRun").field(&self.0).finish()
    }
}
