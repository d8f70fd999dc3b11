//! `Retry`: after this failure, again or not?

use crate::{TaskError, Time};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Decides after each failed attempt whether there is another, and when.
///
/// One value serves one task: it may count, draw jitter, or remember the last delay.
/// Ready-made: [`Backoff`](crate::Backoff); from a closure: [`retry_fn`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't decide about retries of tasks that fail with `{E}`",
    note = "pass a `Backoff`, or a closure through `retry_fn(|attempts, error| ..)`"
)]
pub trait Retry<E> {
    /// The first attempt starts: what is measured over all attempts is measured from here.
    fn begin(&mut self, now: Time) {
        let _ = now;
    }

    /// How long to wait before the next attempt, or `None` to let the failure stand.
    ///
    /// The attempt failed at `now`. `attempts` is how many there were, this one included: 1 after the first failure. A
    /// zero delay retries at once and touches no timer.
    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration>;

    /// The retry that [`delay`](Retry::delay) has just allowed is not made: something further out forbids it. What was
    /// taken for it is given back.
    fn forgo(&mut self) {}

    /// No retry starts at this time or later, whatever `delay` says; [`Time::MAX`] if it doesn't matter. Known from
    /// [`begin`](Retry::begin) on.
    ///
    /// Whoever lengthens a pause, or starts a retry later than it was due, looks here.
    fn deadline(&self) -> Time {
        Time::MAX
    }

    /// Whether the times that this is handed matter. If not, a driver may hand in any, and saves reading the clock.
    fn timed(&self) -> bool {
        true
    }
}

impl<E> Retry<E> for Box<dyn Retry<E> + Send + '_> {
    fn begin(&mut self, now: Time) {
        (**self).begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        (**self).delay(now, attempts, failure)
    }

    fn forgo(&mut self) {
        (**self).forgo();
    }

    fn deadline(&self) -> Time {
        (**self).deadline()
    }

    fn timed(&self) -> bool {
        (**self).timed()
    }
}

/// A [`Retry`] from a closure.
///
/// ```
/// use regatta_core::{Retry, TaskError, Time, retry_fn};
/// use std::time::Duration;
///
/// let mut retry = retry_fn(|attempts, failure: &TaskError<&str>| match failure {
///     TaskError::Failed("busy") if attempts < 3 => Some(Duration::from_millis(10)),
///     _ => None,
/// });
/// assert!(retry.delay(Time::ZERO, 1, &TaskError::Failed("busy")).is_some());
/// assert!(retry.delay(Time::ZERO, 1, &TaskError::Failed("forbidden")).is_none());
/// ```
pub fn retry_fn<E, F>(decide: F) -> RetryFn<E, F>
where
    F: FnMut(u32, &TaskError<E>) -> Option<Duration>,
{
    RetryFn { decide, error: PhantomData }
}

/// Made by [`retry_fn`].
pub struct RetryFn<E, F> {
    decide: F,
    error: PhantomData<fn(&E)>,
}

impl<E, F: Clone> Clone for RetryFn<E, F> {
    fn clone(&self) -> Self {
        Self { decide: self.decide.clone(), error: PhantomData }
    }
}

impl<E, F> fmt::Debug for RetryFn<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryFn")
    }
}

impl<E, F> Retry<E> for RetryFn<E, F>
where
    F: FnMut(u32, &TaskError<E>) -> Option<Duration>,
{
    fn delay(&mut self, _: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        (self.decide)(attempts, failure)
    }

    fn timed(&self) -> bool {
        false
    }
}
