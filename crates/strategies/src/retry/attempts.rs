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
/// Around an operation that succeeds, a few nanoseconds: no allocation (one if there are other settings), and no look at the clock unless the rule
/// [measures time](Retry::timed). A retry after no pause touches no timer, one
/// after a pause makes one; after 128 attempts in one poll, others get
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
    Attempts { attempt: None, rule, op, attempts: 0, phase: Phase::Due, failure: None, extras: None }
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
        // Dropped midway, it goes before its permit, which is in the extras.
        #[pin]
        attempt: Option<Fut>,
        rule: R,
        op: F,
        attempts: u32,
        phase: Phase,
        // The latest, which stands if the next attempt comes too late.
        failure: Option<TaskError<E>>,
        extras: Option<Box<Extras>>,
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Due,
    InLine,
    Running,
    Pausing,
    Over,
}

/// What an operation that succeeds at once does without, so that it doesn't carry it around.
#[derive(Default)]
struct Extras {
    clock: Option<Arc<dyn Clock>>,
    timeout: Option<Duration>,
    /// When the attempt that runs times out.
    until: Time,
    door: Option<Box<dyn Door>>,
    wait: Option<BoxFuture<'static, Result<Permit, Rejection>>>,
    permit: Option<Permit>,
    /// For the pause, or for the timeout of the attempt that runs.
    timer: Option<Sleep>,
}

impl<R, F, Fut, E> Attempts<R, F, Fut, E> {
    /// Waits and measures on `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.extras.get_or_insert_default().clock = Some(clock);
        self
    }

    /// Drops an attempt that is not done after `timeout`; the rule is asked about [`TaskError::TimedOut`].
    ///
    /// Every attempt is polled once at least, and one that is done when its time is up counts as done.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.extras.get_or_insert_default().timeout = Some(timeout);
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
        self.extras.get_or_insert_default().door = Some(Box::new(door));
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
        loop {
            let this = self.as_mut().project();
            let end = match *this.phase {
                Phase::Due if attempts_left == 0 => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Phase::Due => {
                    attempts_left -= 1;
                    self.as_mut().pass()
                }
                Phase::InLine => match ready!(poll_line(this.extras, cx)) {
                    Ok(permit) => self.as_mut().start(Some(permit)),
                    Err(rejection) => Some(self.as_mut().refused(rejection)),
                },
                Phase::Running => {
                    let Some(attempt) = this.attempt.as_pin_mut() else { unreachable!("an attempt runs") };
                    // First the attempt: one that is done when its time is up is done.
                    match attempt.poll(cx) {
                        Poll::Ready(Ok(value)) => {
                            self.as_mut().ended(Outcome::Success);
                            return Poll::Ready(Ok(value));
                        }
                        Poll::Ready(Err(error)) => self.as_mut().failed(TaskError::Failed(error)),
                        Poll::Pending => {
                            let after = ready!(poll_timeout(this.extras, cx));
                            self.as_mut().failed(TaskError::TimedOut { after })
                        }
                    }
                }
                Phase::Pausing => {
                    let timer = &mut this.extras.get_or_insert_default().timer;
                    if let Some(timer) = timer {
                        ready!(Pin::new(timer).poll(cx));
                    }
                    *timer = None;
                    *this.phase = Phase::Due;
                    None
                }
                Phase::Over => panic!("`Attempts` was polled after it had ended"),
            };
            if let Some(failure) = end {
                *self.as_mut().project().phase = Phase::Over;
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
    /// Starts the attempt that is due, or queues for its permit.
    #[inline]
    fn pass(self: Pin<&mut Self>) -> Option<TaskError<E>> {
        if self.extras.is_none() { self.start(None) } else { self.ask() }
    }

    #[inline(never)]
    fn ask(mut self: Pin<&mut Self>) -> Option<TaskError<E>> {
        let this = self.as_mut().project();
        let Some(Extras { door: Some(door), wait, .. }) = this.extras.as_deref_mut() else {
            return self.start(None);
        };
        match door.try_pass() {
            Ok(permit) => self.start(Some(permit)),
            Err(Readiness::Rejected(rejection)) => Some(self.refused(rejection)),
            Err(Readiness::Ready | Readiness::NotBefore(_) | Readiness::OnChange) => {
                let deadline = if *this.attempts == 0 { Time::MAX } else { this.rule.deadline() };
                *wait = Some(door.pass(deadline));
                *this.phase = Phase::InLine;
                None
            }
        }
    }

    #[inline]
    fn start(self: Pin<&mut Self>, permit: Option<Permit>) -> Option<TaskError<E>> {
        if self.is_late() {
            complete(permit, Outcome::Unused);
            return Some(self.refused(Rejection::TooLate));
        }
        let mut this = self.project();
        // If the operation panics, this is over.
        *this.phase = Phase::Over;
        if *this.attempts == 0 {
            let now = if this.rule.timed() { clock_of(this.extras).now() } else { Time::ZERO };
            this.rule.begin(now);
        } else {
            *this.failure = None;
        }
        *this.attempts = this.attempts.saturating_add(1);
        if let Some(timeout) = this.extras.as_ref().and_then(|extras| extras.timeout) {
            let until = clock_of(this.extras).now() + timeout;
            this.extras.get_or_insert_default().until = until;
        }
        this.attempt.set(Some(this.op.clone()()));
        if permit.is_some() {
            this.extras.get_or_insert_default().permit = permit;
        }
        *this.phase = Phase::Running;
        None
    }

    /// A retry that was due in time may start late: the executor was busy, or the line long.
    fn is_late(&self) -> bool {
        if self.attempts == 0 {
            return false;
        }
        let deadline = self.rule.deadline();
        deadline != Time::MAX && !in_time(clock_of(&self.extras).now(), deadline)
    }

    #[cold]
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
    #[inline]
    fn ended(self: Pin<&mut Self>, outcome: Outcome) {
        let mut this = self.project();
        *this.phase = Phase::Over;
        this.attempt.set(None);
        if let Some(extras) = this.extras {
            extras.timer = None;
            complete(extras.permit.take(), outcome);
        }
    }

    // Out of the way of the operation that succeeds at once.
    #[inline(never)]
    fn failed(mut self: Pin<&mut Self>, failure: TaskError<E>) -> Option<TaskError<E>> {
        self.as_mut().ended(Outcome::Failure);
        let this = self.project();
        let clock = clock_of(this.extras);
        let timed = this.rule.timed();
        let now = if timed { clock.now() } else { Time::ZERO };
        let Some(pause) = this.rule.delay(now, *this.attempts, &failure) else { return Some(failure) };
        *this.failure = Some(failure);
        if pause.is_zero() {
            *this.phase = Phase::Due;
            return None;
        }
        let now = if timed { now } else { clock.now() };
        let timer = clock.sleep_until(now + pause);
        this.extras.get_or_insert_default().timer = Some(timer);
        *this.phase = Phase::Pausing;
        None
    }
}

fn clock_of(extras: &Option<Box<Extras>>) -> &dyn Clock {
    extras.as_ref().and_then(|extras| extras.clock.as_deref()).unwrap_or(&SystemClock)
}

/// The permit, once it is this one's turn.
fn poll_line(extras: &mut Option<Box<Extras>>, cx: &mut Context<'_>) -> Poll<Result<Permit, Rejection>> {
    let Some(Extras { wait, .. }) = extras.as_deref_mut() else {
        unreachable!("who is in line has a limiter")
    };
    let Some(turn) = wait else { unreachable!("who is in line waits") };
    let result = ready!(turn.as_mut().poll(cx));
    *wait = None;
    Poll::Ready(result)
}

/// The timeout, once it is up. Its timer is made when the attempt first has to wait.
fn poll_timeout(extras: &mut Option<Box<Extras>>, cx: &mut Context<'_>) -> Poll<Duration> {
    let Some(Extras { timeout: Some(timeout), until, timer, clock, .. }) = extras.as_deref_mut() else {
        return Poll::Pending;
    };
    let clock = clock.as_deref().unwrap_or(&SystemClock);
    ready!(Pin::new(timer.get_or_insert_with(|| clock.sleep_until(*until))).poll(cx));
    Poll::Ready(*timeout)
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
