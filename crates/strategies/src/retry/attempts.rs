//! `retry`: one operation, until it succeeds or its rule says stop.

use super::deadline::in_time;
use super::door::Through;
use super::extras::{Extra, Extras, complete};
use pin_project_lite::pin_project;
use regatta_core::{
    Clock, Limiter, Outcome, Permit, Readiness, Rejection, Request, Retry, Strategy, TaskError, Time,
};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// So many attempts in one poll, then others get their turn.
const ATTEMPTS_PER_POLL: u32 = 128;

/// Tries `op` until it succeeds or `rule` lets the failure stand.
///
/// For one operation, where you are: nothing is spawned, and any executor will do. The operation is a closure, cloned
/// for each attempt; an async closure fits. What it captures by value is cloned with it, so what the attempts share is
/// borrowed, or kept in an `Arc`; it may borrow freely, also inside a spawned task. A panic in it goes on to the caller.
///
/// The result is the value, or how the last attempt failed: [`TaskError::Failed`] with the operation's own error, and,
/// only where they were asked for, [`TaskError::TimedOut`] and [`TaskError::Rejected`]. The rule is a
/// [`Backoff`](regatta_core::Backoff), a [`retry_fn`](regatta_core::retry_fn), or one narrowed down with
/// [`RetryExt`](super::RetryExt). Its deadline stops retries, not an attempt that runs.
///
/// # Defaults
///
/// [`SystemClock`](regatta_core::SystemClock); no timeout per attempt; no limiter.
///
/// # Cost
///
/// Around an operation that succeeds, a few nanoseconds: no allocation (one if there are other settings), and no look at
/// the clock unless the rule [measures time](Retry::timed). A retry after no pause touches no timer, one after a pause
/// makes one; after 128 attempts in one poll, others get their turn first.
///
/// # Cancel safety
///
/// Dropping the future drops the attempt that runs, or forgets the one that was to come.
///
/// # Examples
///
/// ```
/// use regatta_core::{Backoff, TaskError};
/// use regatta_strategies::{RetryExt, retry};
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// # smol::block_on(async {
/// let calls = Cell::new(0);
/// let rule = Backoff::exponential(Duration::from_millis(1)).within(Duration::from_secs(5));
/// let answer = retry(rule, async || {
///     calls.set(calls.get() + 1);
///     if calls.get() < 3 { Err("busy") } else { Ok(42) }
/// });
/// assert_eq!(answer.await?, 42);
/// assert_eq!(calls.get(), 3);
/// # Ok::<(), TaskError<&str>>(())
/// # }).unwrap();
/// ```
pub fn retry<R, F, Fut, T, E>(rule: R, op: F) -> Attempts<R, F, Fut, E>
where
    R: Retry<E>,
    F: FnOnce() -> Fut + Clone,
    Fut: Future<Output = Result<T, E>>,
{
    let state = State::Between { stage: Stage::Due, failure: None };
    Attempts { state, rule, op, attempts: 0, extras: Extras::default() }
}

pin_project! {
    /// One operation and its attempts; made by [`retry`].
    ///
    /// It is `Send` if the rule, the operation, its futures and their errors are.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the attempt that runs, or forgets the one that was to come.
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempts<R, F, Fut, E> {
        // An attempt that is dropped midway goes before its permit, which is in the extras.
        #[pin]
        state: State<Fut, E>,
        rule: R,
        op: F,
        attempts: u32,
        extras: Extras,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<Fut, E> {
        // The failure is the latest, which stands if the next attempt comes too late.
        Between { stage: Stage, failure: Option<TaskError<E>> },
        Running { #[pin] attempt: Fut },
        Over,
    }
}

/// What an attempt that doesn't run yet waits for.
#[derive(Clone, Copy)]
enum Stage {
    Due,
    InLine,
    Pausing,
}

impl<R, F, Fut, E> Attempts<R, F, Fut, E> {
    /// Waits and measures on `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.extras.fill().clock = Some(clock);
        self
    }

    /// Drops an attempt that is not done after `timeout`; the rule is asked about [`TaskError::TimedOut`].
    ///
    /// Every attempt is polled once at least, and one that is done when its time is up counts as done.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.extras.fill().timeout = Some(timeout);
        self
    }

    /// Makes each attempt wait for a permit of cost 1 from `limiter`, as a new request at the end of the line.
    ///
    /// A permit is held for the time of the attempt, never in a pause, and completed with
    /// [`Outcome::Success`] or, after an error or a timeout, [`Outcome::Failure`]. To classify otherwise, call
    /// [`Limiter::run`] inside the operation. A [rejection](TaskError::Rejected) is not an attempt: the rule is not asked
    /// and the operation ends with it. What waits at the rule's deadline ends with the failure before.
    pub fn limited<S>(self, limiter: &Limiter<S>) -> Self
    where
        S: Strategy<Token: Send + 'static> + Send + 'static,
    {
        self.limited_as(limiter, Request::new())
    }

    /// As [`limited`](Attempts::limited), with `request` for each attempt.
    pub fn limited_as<S>(mut self, limiter: &Limiter<S>, request: Request) -> Self
    where
        S: Strategy<Token: Send + 'static> + Send + 'static,
    {
        let door = Through { limiter: limiter.clone(), request };
        self.extras.fill().door = Some(Box::new(door));
        self
    }

    /// How many attempts were started.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl<R, F, Fut, T, E> Future for Attempts<R, F, Fut, E>
where
    R: Retry<E>,
    F: FnOnce() -> Fut + Clone,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, TaskError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut attempts_left = ATTEMPTS_PER_POLL;
        // The first attempt is as a rule the only one, and mostly there is nothing to ask before it.
        if self.attempts == 0 && self.extras.is_empty() && matches!(self.state, State::Between { .. }) {
            attempts_left -= 1;
            self.as_mut().launch();
        }
        loop {
            let this = self.as_mut().project();
            let end = match this.state.project() {
                // First the attempt: one that is done when its time is up is done.
                StateProjection::Running { attempt } => match attempt.poll(cx) {
                    Poll::Ready(Ok(value)) => {
                        self.as_mut().ended(Outcome::Success);
                        return Poll::Ready(Ok(value));
                    }
                    Poll::Ready(Err(error)) => self.as_mut().failed(TaskError::Failed(error)),
                    Poll::Pending => {
                        let after = ready!(this.extras.poll_timeout(cx));
                        self.as_mut().failed(TaskError::TimedOut { after })
                    }
                },
                StateProjection::Between { .. } | StateProjection::Over => {
                    ready!(self.as_mut().proceed(&mut attempts_left, cx))
                }
            };
            if let Some(failure) = end {
                self.as_mut().project().state.set(State::Over);
                return Poll::Ready(Err(failure));
            }
        }
    }
}

/// The steps. Those that return a failure end with it if there is one.
impl<R, F, Fut, T, E> Attempts<R, F, Fut, E>
where
    R: Retry<E>,
    F: FnOnce() -> Fut + Clone,
    Fut: Future<Output = Result<T, E>>,
{
    /// Waits for what the next attempt waits for, and starts it once that is there.
    #[inline(never)]
    fn proceed(
        mut self: Pin<&mut Self>,
        attempts_left: &mut u32,
        cx: &mut Context<'_>,
    ) -> Poll<Option<TaskError<E>>> {
        let this = self.as_mut().project();
        let StateProjection::Between { stage, .. } = this.state.project() else {
            panic!("`Attempts` was polled after it had ended")
        };
        Poll::Ready(match stage {
            Stage::Due if *attempts_left == 0 => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Stage::Due => {
                *attempts_left -= 1;
                self.pass()
            }
            Stage::InLine => match ready!(this.extras.poll_line(cx)) {
                Ok(permit) => self.start(Some(permit)),
                Err(rejection) => Some(self.refused(rejection)),
            },
            Stage::Pausing => {
                ready!(this.extras.poll_pause(cx));
                *stage = Stage::Due;
                None
            }
        })
    }

    /// Starts the attempt that is due, or queues for its permit.
    fn pass(mut self: Pin<&mut Self>) -> Option<TaskError<E>> {
        let this = self.as_mut().project();
        let Some(Extra { door: Some(door), wait, .. }) = this.extras.get() else {
            return self.start(None);
        };
        match door.try_pass() {
            Ok(permit) => self.start(Some(permit)),
            Err(Readiness::Rejected(rejection)) => Some(self.refused(rejection)),
            Err(Readiness::Ready | Readiness::NotBefore(_) | Readiness::OnChange) => {
                let deadline = if *this.attempts == 0 { Time::MAX } else { this.rule.deadline() };
                *wait = Some(door.pass(deadline));
                if let StateProjection::Between { stage, .. } = this.state.project() {
                    *stage = Stage::InLine;
                }
                None
            }
        }
    }

    fn start(mut self: Pin<&mut Self>, permit: Option<Permit>) -> Option<TaskError<E>> {
        if self.is_late() {
            complete(permit, Outcome::Unused);
            return Some(self.refused(Rejection::TooLate));
        }
        self.as_mut().launch();
        if permit.is_some() {
            self.project().extras.fill().permit = permit;
        }
        None
    }

    #[inline]
    fn launch(self: Pin<&mut Self>) {
        let mut this = self.project();
        // If the operation panics, this is over.
        this.state.set(State::Over);
        if *this.attempts == 0 {
            let now = if this.rule.timed() { this.extras.clock().now() } else { Time::ZERO };
            this.rule.begin(now);
        }
        *this.attempts = this.attempts.saturating_add(1);
        if let Some(timeout) = this.extras.get().and_then(|extra| extra.timeout) {
            let until = this.extras.clock().now() + timeout;
            this.extras.fill().until = until;
        }
        let attempt = this.op.clone()();
        this.state.set(State::Running { attempt });
    }

    /// A retry that was due in time may start late: the executor was busy, or the line long.
    fn is_late(&self) -> bool {
        if self.attempts == 0 {
            return false;
        }
        let deadline = self.rule.deadline();
        deadline != Time::MAX && !in_time(self.extras.clock().now(), deadline)
    }

    #[cold]
    fn refused(self: Pin<&mut Self>, rejection: Rejection) -> TaskError<E> {
        let this = self.project();
        let failure = match this.state.project() {
            StateProjection::Between { failure, .. } => failure.take(),
            StateProjection::Running { .. } | StateProjection::Over => None,
        };
        match failure {
            None => TaskError::Rejected(rejection),
            Some(failure) => {
                this.rule.forgo();
                if rejection == Rejection::TooLate { failure } else { TaskError::Rejected(rejection) }
            }
        }
    }

    /// The attempt is gone before the permit is given back, and both before the rule is asked.
    #[inline]
    fn ended(self: Pin<&mut Self>, outcome: Outcome) {
        let mut this = self.project();
        this.state.set(State::Over);
        if let Some(extra) = this.extras.get() {
            extra.timer = None;
            complete(extra.permit.take(), outcome);
        }
    }

    // Out of the way of the operation that succeeds at once.
    #[inline(never)]
    fn failed(mut self: Pin<&mut Self>, failure: TaskError<E>) -> Option<TaskError<E>> {
        self.as_mut().ended(Outcome::Failure);
        let mut this = self.project();
        let clock = this.extras.clock();
        let timed = this.rule.timed();
        let now = if timed { clock.now() } else { Time::ZERO };
        let Some(pause) = this.rule.delay(now, *this.attempts, &failure) else { return Some(failure) };
        let stage = if pause.is_zero() {
            Stage::Due
        } else {
            let now = if timed { now } else { clock.now() };
            let timer = clock.sleep_until(now + pause);
            this.extras.fill().timer = Some(timer);
            Stage::Pausing
        };
        this.state.set(State::Between { stage, failure: Some(failure) });
        None
    }
}

impl<R, F, Fut, E> fmt::Debug for Attempts<R, F, Fut, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}
