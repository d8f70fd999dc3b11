//! `Within` and `Until`: no retry from a deadline on.

use regatta_core::{Retry, TaskError, Time};
use std::time::Duration;

/// Stops at a total deadline; made by [`RetryExt::within`](super::RetryExt::within).
///
/// A clone measures from the start of its own first attempt.
#[derive(Clone, Debug)]
pub struct Within<R> {
    inner: R,
    total: Duration,
    /// Known from the first attempt on.
    deadline: Option<Time>,
}

impl<R> Within<R> {
    pub(super) fn new(inner: R, total: Duration) -> Self {
        Self { inner, total, deadline: None }
    }
}

impl<E, R: Retry<E>> Retry<E> for Within<R> {
    fn begin(&mut self, now: Time) {
        self.deadline = Some(now + self.total);
        self.inner.begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        // Whoever forgot to say when it began gets the whole time from here.
        let deadline = *self.deadline.get_or_insert(now + self.total);
        before(deadline, &mut self.inner, now, attempts, failure)
    }

    fn forgo(&mut self) {
        self.inner.forgo();
    }

    fn deadline(&self) -> Time {
        self.inner.deadline().min(self.deadline.unwrap_or(Time::MAX))
    }
}

/// Stops at a point in time; made by [`RetryExt::until`](super::RetryExt::until).
#[derive(Clone, Debug)]
pub struct Until<R> {
    inner: R,
    deadline: Time,
}

impl<R> Until<R> {
    pub(super) fn new(inner: R, deadline: Time) -> Self {
        Self { inner, deadline }
    }
}

impl<E, R: Retry<E>> Retry<E> for Until<R> {
    fn begin(&mut self, now: Time) {
        self.inner.begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        before(self.deadline, &mut self.inner, now, attempts, failure)
    }

    fn forgo(&mut self) {
        self.inner.forgo();
    }

    fn deadline(&self) -> Time {
        self.inner.deadline().min(self.deadline)
    }
}

/// What `inner` says, if the pause ends before the deadline.
fn before<E>(
    deadline: Time,
    inner: &mut impl Retry<E>,
    now: Time,
    attempts: u32,
    failure: &TaskError<E>,
) -> Option<Duration> {
    let pause = inner.delay(now, attempts, failure)?;
    if !in_time(now + pause, deadline) {
        inner.forgo();
        return None;
    }
    Some(pause)
}

/// Whether a retry may start at `time`. The end of time is no deadline.
pub(crate) fn in_time(time: Time, deadline: Time) -> bool {
    time < deadline || deadline == Time::MAX
}
