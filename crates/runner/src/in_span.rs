//! `InSpan`: a task that is polled and dropped inside its span. Without the feature `tracing`, it is the task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) struct InSpan<Task> {
    /// Gone only while this is dropped.
    task: Option<Task>,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl<Task> InSpan<Task> {
    #[cfg(feature = "tracing")]
    pub(crate) fn new(task: Task, span: tracing::Span) -> Self {
        Self { task: Some(task), span }
    }

    #[cfg(not(feature = "tracing"))]
    #[inline]
    pub(crate) fn new(task: Task) -> Self {
        Self { task: Some(task) }
    }
}

impl<Task: Future + Unpin> Future for InSpan<Task> {
    type Output = Task::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        #[cfg(feature = "tracing")]
        let _entered = this.span.enter();
        Pin::new(this.task.as_mut().expect("a task is there until it is dropped")).poll(cx)
    }
}

impl<Task> Unpin for InSpan<Task> {}

#[cfg(feature = "tracing")]
impl<Task> Drop for InSpan<Task> {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        self.task = None;
    }
}
