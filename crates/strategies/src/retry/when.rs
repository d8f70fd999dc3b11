//! `When`: only some errors.

use regatta_core::{Retry, TaskError, Time};
use std::fmt;
use std::time::Duration;

/// Retries only some errors; made by [`RetryExt::when`](super::RetryExt::when).
#[derive(Clone)]
pub struct When<R, F> {
    inner: R,
    wanted: F,
}

impl<R, F> When<R, F> {
    pub(super) fn new(inner: R, wanted: F) -> Self {
        Self { inner, wanted }
    }
}

impl<E, R, F> Retry<E> for When<R, F>
where
    R: Retry<E>,
    F: FnMut(&E) -> bool,
{
    fn begin(&mut self, now: Time) {
        self.inner.begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        if !failure.failure().is_none_or(&mut self.wanted) {
            return None;
        }
        self.inner.delay(now, attempts, failure)
    }

    fn forgo(&mut self) {
        self.inner.forgo();
    }

    fn deadline(&self) -> Time {
        self.inner.deadline()
    }

    fn timed(&self) -> bool {
        self.inner.timed()
    }
}

impl<R: fmt::Debug, F> fmt::Debug for When<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").field("inner", &self.inner).finish_non_exhaustive()
    }
}
