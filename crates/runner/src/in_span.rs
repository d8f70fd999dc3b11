//! `InSpan`: a task that is polled inside its span. Without the feature `tracing`, it is the task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) struct InSpan<Task> {
    pub(crate) task: Task,
    #[cfg(feature = "tracing")]
    pub(crate) span: tracing::Span,
}

impl<Task: Future + Unpin> Future for InSpan<Task> {
    type Output = Task::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        #[cfg(feature = "tracing")]
        let _entered = this.span.enter();
        Pin::new(&mut this.task).poll(cx)
    }
}
