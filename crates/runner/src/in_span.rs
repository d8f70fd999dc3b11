//! `InSpan`: a task that is polled and dropped inside its span. Without the feature `tracing`, it is the task.

#[cfg(feature = "tracing")]
use regatta_engine::{contain_drop, contain_or};
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
        let _entered = Entered::new(&this.span);
        Pin::new(this.task.as_mut().expect("a task is there until it is dropped")).poll(cx)
    }
}

impl<Task> Unpin for InSpan<Task> {}

#[cfg(feature = "tracing")]
impl<Task> Drop for InSpan<Task> {
    fn drop(&mut self) {
        let _entered = Entered::new(&self.span);
        self.task = None;
    }
}

/// The span that is current where a task is added from elsewhere.
pub(crate) struct Here {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Here {
    #[cfg(feature = "tracing")]
    pub(crate) fn now() -> Self {
        Self { span: contain_or(tracing::Span::none(), tracing::Span::current) }
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn now() -> Self {
        Self {}
    }

    /// Does `f` as if it were there.
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        let _entered = Entered::new(&self.span);
        f()
    }
}

/// Inside the span until it is dropped. A subscriber that panics costs what it would have told and nothing else.
#[cfg(feature = "tracing")]
struct Entered<'a>(Option<tracing::span::Entered<'a>>);

#[cfg(feature = "tracing")]
impl<'a> Entered<'a> {
    fn new(span: &'a tracing::Span) -> Self {
        if span.is_none() { Self(None) } else { Self(contain_or(None, || Some(span.enter()))) }
    }
}

#[cfg(feature = "tracing")]
impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            contain_drop(|| drop(entered));
        }
    }
}
