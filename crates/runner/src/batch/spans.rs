//! The spans of a batch's tasks. Without the feature `tracing`, there are none.

use super::Batch;
use crate::in_span::InSpan;
use crate::mode::Mode;
use std::fmt;
use std::hash::Hash;

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Batch<'a, K, T, E, M> {
    /// Opens the task's span inside the span that is current where it is added.
    #[cfg(feature = "tracing")]
    pub(super) fn open_span(&mut self, index: usize) {
        self.listeners.open(index, self.report.tasks()[index].key(), self.name.as_deref());
    }

    #[cfg(not(feature = "tracing"))]
    #[inline]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "there are spans only with the feature"
    )]
    pub(super) fn open_span(&mut self, _: usize) {}

    /// From now on, spans are kept: also of the tasks that are there.
    #[cfg(feature = "tracing")]
    pub(crate) fn trace(&mut self)
    where
        E: fmt::Display,
    {
        self.listeners.trace();
        (0..self.report.len()).for_each(|index| self.open_span(index));
    }

    /// The task's attempt, to be polled inside its span.
    #[cfg(feature = "tracing")]
    pub(super) fn in_span(&self, index: usize, task: M::Task) -> InSpan<M::Task> {
        InSpan::new(task, self.listeners.span(index))
    }

    #[cfg(not(feature = "tracing"))]
    #[inline]
    #[expect(clippy::unused_self, reason = "it has a span only with the feature")]
    pub(super) fn in_span(&self, _: usize, task: M::Task) -> InSpan<M::Task> {
        InSpan::new(task)
    }
}
