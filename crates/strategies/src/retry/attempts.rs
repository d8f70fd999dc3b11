//! `retry`: one operation, until it succeeds or its rule says stop.

use super::deadline::in_time;
use super::door::{Door, Through};
use pin_project_lite::pin_project;
use regatta_core::{
    BoxFuture, Clock, Limiter, Outcome, Permit, Readiness, Rejection, Request, Retry, Sleep, Strategy,
    SystemClock, TaskError, Time,
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
/// [`SystemClock`]; no timeout per attempt; no limiter.
///
/// # Cost
///
/// Around an operation that succeeds, a few nanoseconds: no allocation, and no look at the clock unless the rule
/// [measures time](Retry::timed). A retry after no pause touches no timer; after 128 attempts in one poll, others get
/// their turn first.
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
    Attempts {
        rule,
        op,
        clock: None,
        timeout: None,
        door: None,
        attempts: 0,
        failure: None,
        state: State::Due,
    }
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
        rule: R,
        op: F,
        // The default clock needs no handle.
        clock: Option<Arc<dyn Clock>>,
        timeout: Option<Duration>,
        door: Option<Box<dyn Door>>,
        attempts: u32,
        // The latest, which stands if the next attempt comes too late.
        failure: Option<TaskError<E>>,
        #[pin]
        state: State<Fut>,
    }
}

pin_project! {
    #[project = Now]
    enum State<Fut> {
        Due,
        AtDoor { wait: BoxFuture<'static, Result<Permit, Rejection>> },
        Running { #[pin] attempt: Fut, permit: Option<Permit>, until: Option<(Duration, Time)>, timer: Option<Sleep> },
        Pausing { sleep: Sleep },
        Over,
    }
}

impl<R, F, Fut, E> Attempts<R, F, Fut, E> {
    /// Waits and measures on `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Drops an attempt that is not done after `timeout`; the rule is asked about [`TaskError::TimedOut`].
    ///
    /// Every attempt is polled once at least, and one that is done when its time is up counts as done.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
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
        self.door = Some(Box::new(Through { limiter: limiter.clone(), request }));
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

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut attempts_left = ATTEMPTS_PER_POLL;
        loop {
            let this = self.as_mut().project();
            let end = match this.state.project() {
                Now::Due if attempts_left == 0 => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Now::Due => {
                    attempts_left -= 1;
                    self.as_mut().pass()
                }
                Now::AtDoor { wait } => match ready!(wait.as_mut().poll(cx)) {
                    Ok(permit) => self.as_mut().start(Some(permit)),
                    Err(rejection) => Some(self.as_mut().refused(rejection)),
                },
                Now::Running { attempt, permit, until, timer } => {
                    // First the attempt: one that is done when its time is up is done.
                    let result = match attempt.poll(cx) {
                        Poll::Ready(result) => result.map_err(TaskError::Failed),
                        Poll::Pending => {
                            let Some((after, until)) = *until else { return Poll::Pending };
                            let timer = timer.get_or_insert_with(|| clock_of(this.clock).sleep_until(until));
                            ready!(Pin::new(timer).poll(cx));
                            Err(TaskError::TimedOut { after })
                        }
                    };
                    let permit = permit.take();
                    match self.as_mut().ended(result, permit) {
                        Ok(value) => return Poll::Ready(Ok(value)),
                        Err(end) => end,
                    }
                }
                Now::Pausing { sleep } => {
                    ready!(Pin::new(sleep).poll(cx));
                    self.as_mut().go(State::Due);
                    None
                }
                Now::Over => panic!("`Attempts` was polled after it had ended"),
            };
            if let Some(failure) = end {
                self.as_mut().go(State::Over);
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
    fn go(self: Pin<&mut Self>, state: State<Fut>) {
        self.project().state.set(state);
    }

    /// Starts the attempt that is due, or queues for its permit.
    fn pass(mut self: Pin<&mut Self>) -> Option<TaskError<E>> {
        let Some(door) = &self.door else { return self.start(None) };
        match door.try_pass() {
            Ok(permit) => self.start(Some(permit)),
            Err(Readiness::Rejected(rejection)) => Some(self.refused(rejection)),
            Err(Readiness::Ready | Readiness::NotBefore(_) | Readiness::OnChange) => {
                let deadline = if self.attempts == 0 { Time::MAX } else { self.rule.deadline() };
                let wait = door.pass(deadline);
                self.as_mut().go(State::AtDoor { wait });
                None
            }
        }
    }

    fn start(mut self: Pin<&mut Self>, permit: Option<Permit>) -> Option<TaskError<E>> {
        if self.is_late() {
            complete(permit, Outcome::Unused);
            return Some(self.refused(Rejection::TooLate));
        }
        // If the operation panics, this is over.
        self.as_mut().go(State::Over);
        let this = self.as_mut().project();
        if *this.attempts == 0 {
            let now = if this.rule.timed() { clock_of(this.clock).now() } else { Time::ZERO };
            this.rule.begin(now);
        } else {
            *this.failure = None;
        }
        *this.attempts = this.attempts.saturating_add(1);
        let until = this.timeout.map(|timeout| (timeout, clock_of(this.clock).now() + timeout));
        let attempt = this.op.clone()();
        self.go(State::Running { attempt, permit, until, timer: None });
        None
    }

    /// A retry that was due in time may start late: the executor was busy, or the line long.
    fn is_late(&self) -> bool {
        if self.attempts == 0 {
            return false;
        }
        let deadline = self.rule.deadline();
        deadline != Time::MAX && !in_time(clock_of(&self.clock).now(), deadline)
    }

    fn refused(self: Pin<&mut Self>, rejection: Rejection) -> TaskError<E> {
        let this = self.project();
        match this.failure.take() {
            None => TaskError::Rejected(rejection),
            Some(failure) => {
                this.rule.forgo();
                if rejection == Rejection::TooLate { failure } else { TaskError::Rejected(rejection) }
            }
        }
    }

    /// The attempt is gone before the permit is given back, and both before the rule is asked.
    fn ended(
        mut self: Pin<&mut Self>,
        result: Result<T, TaskError<E>>,
        permit: Option<Permit>,
    ) -> Result<T, Option<TaskError<E>>> {
        self.as_mut().go(State::Over);
        complete(permit, if result.is_ok() { Outcome::Success } else { Outcome::Failure });
        let failure = match result {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let this = self.as_mut().project();
        let clock = clock_of(this.clock);
        let timed = this.rule.timed();
        let now = if timed { clock.now() } else { Time::ZERO };
        let Some(pause) = this.rule.delay(now, *this.attempts, &failure) else { return Err(Some(failure)) };
        *this.failure = Some(failure);
        let next = if pause.is_zero() {
            State::Due
        } else {
            let now = if timed { now } else { clock.now() };
            State::Pausing { sleep: clock.sleep_until(now + pause) }
        };
        self.go(next);
        Err(None)
    }
}

fn clock_of(clock: &Option<Arc<dyn Clock>>) -> &dyn Clock {
    clock.as_deref().unwrap_or(&SystemClock)
}

fn complete(permit: Option<Permit>, outcome: Outcome) {
    if let Some(permit) = permit {
        permit.complete(outcome);
    }
}

impl<R, F, Fut, E> fmt::Debug for Attempts<R, F, Fut, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}
