//! `Run`: a runner on its way.

use crate::batch::Batch;
use crate::watch::Watch;
use regatta_core::BoxFuture;
use regatta_engine::{Engine, Moment, Report};
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
pub struct Run<'a, K, T, E> {
    engine: Option<BatchEngine<'a, K, T, E>>,
    watch: Watch,
    /// Its first poll.
    began: Option<Moment>,
}

type BatchEngine<'a, K, T, E> = Engine<Batch<'a, K, T, E>, (), BoxFuture<'a, Result<T, E>>, ()>;

impl<'a, K, T, E> Run<'a, K, T, E> {
    pub(crate) fn new(engine: BatchEngine<'a, K, T, E>, watch: Watch) -> Self {
        Self { engine: Some(engine), watch, began: None }
    }
}

impl<K: Eq + Hash + fmt::Debug, T, E> Future for Run<'_, K, T, E> {
    type Output = Report<K, T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let engine = this.engine.as_mut().expect("a future is not polled after it has ended");
        let began = *this.began.get_or_insert_with(|| engine.moment());
        if this.watch.poll(cx) {
            engine.source_mut().course.cancel();
        }
        if engine.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = engine.now();
        let engine = this.engine.take().expect("it was here a line ago");
        Poll::Ready(engine.into_source().into_report(began, now))
    }
}

impl<K, T, E> Unpin for Run<'_, K, T, E> {}

impl<K, T, E> fmt::Debug for Run<'_, K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.engine).finish()
    }
}
