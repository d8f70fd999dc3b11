//! `Hinted`: as long as the other side says.

use super::deadline::in_time;
use regatta_core::{Retry, TaskError, Time};
use std::fmt;
use std::time::Duration;

/// Waits at least as long as an error asks for; made by [`RetryExt::hint`](super::RetryExt::hint).
#[derive(Clone)]
pub struct Hinted<R, H> {
    inner: R,
    hint: H,
}

impl<R, H> Hinted<R, H> {
    pub(super) fn new(inner: R, hint: H) -> Self {
        Self { inner, hint }
    }
}

impl<E, R, H> Retry<E> for Hinted<R, H>
where
    R: Retry<E>,
    H: FnMut(&E) -> Option<Duration>,
{
    fn begin(&mut self, now: Time) {
        self.inner.begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        let pause = self.inner.delay(now, attempts, failure)?;
        let hint = failure.failure().and_then(&mut self.hint).unwrap_or(Duration::ZERO);
        if hint <= pause {
            return Some(pause);
        }
        // The inner rule kept its deadline with a shorter pause than this one.
        if !in_time(now + hint, self.inner.deadline()) {
            self.inner.forgo();
            return None;
        }
        Some(hint)
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

impl<R: fmt::Debug, H> fmt::Debug for Hinted<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hinted").field("inner", &self.inner).finish_non_exhaustive()
    }
}
