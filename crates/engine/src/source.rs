//! `Source`: what could run next, and what to do with an outcome. The supply side of an engine.

use crate::admission::{Admission, Admitted};
use regatta_core::{Kick, NotStarted, Outcome, Panic, Readiness, Time};
use std::future::Future;
use std::pin::Pin;

/// A supply of tasks.
///
/// The engine calls a source from one place only, its driver, and never under a lock of its own. Everything that
/// happens outside the driver (a push, a close, a cancel) must go through state that the source shares with its
/// handles, and end in [`Kick::kick`].
///
/// A panic in any method is caught, and the source is told through [`failed`](Source::failed). Unless it says that it
/// can go on, it is not asked for tasks again, nor for controls if it was those that panicked; what runs goes on to
/// its end.
pub trait Source {
    /// What it supplies. The only associated type, so that drivers which name it as a parameter can be spawned even
    /// if their tasks borrow.
    type Task: Future;

    /// Keeps `kick`, to wake the driver with.
    fn attach(&mut self, kick: Kick) {
        let _ = kick;
    }

    /// What could run now? Asked whenever a slot is free.
    ///
    /// `admission` knows the strategy: ask it about as many candidates as you like with [`Admission::ready`], then
    /// commit one with [`Admission::start`] and hand out that job. Until then, keep the job.
    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Self::Task>;

    /// A task has ended: keep the result, and judge it for the strategy.
    fn on_outcome(&mut self, now: Time, key: usize, end: End<<Self::Task as Future>::Output>) -> Outcome;

    /// What should change for tasks that run? Asked until `None`, at least twice in each pass, whether slots are free
    /// or not.
    fn control(&mut self, now: Time) -> Option<Control> {
        let _ = now;
        None
    }

    /// A task must end now, for its deadline or a cancel. The engine then drops it, unless it answers
    /// [`Stop::Stopping`].
    fn stop(&mut self, key: usize, task: Pin<&mut Self::Task>) -> Stop {
        let _ = (key, task);
        Stop::Dropped
    }

    /// One of the source's own methods panicked. Whether it can go on supplying tasks: a source that calls user code to
    /// make a task knows which task that was, and may count the panic as that task's end.
    fn failed(&mut self, now: Time, panic: Panic) -> Failed {
        let _ = (now, panic);
        Failed::Over
    }
}

/// Whether a source that panicked can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// It must not be asked for tasks again.
    Over,
    /// It has dealt with the panic.
    GoOn,
}

/// One task to run.
#[derive(Debug)]
pub struct Job<F> {
    /// The source's own name for it, by which its outcome is delivered and by which it is cancelled.
    pub key: usize,
    /// The task.
    pub task: F,
    /// When it ends at the latest; [`Time::MAX`] for never.
    pub deadline: Time,
}

impl<F> Job<F> {
    /// A job without a deadline.
    pub fn new(key: usize, task: F) -> Self {
        Self { key, task, deadline: Time::MAX }
    }

    /// The same with a deadline. If that is now or past, the task is still polled once.
    #[must_use]
    pub fn deadline(mut self, deadline: Time) -> Self {
        self.deadline = deadline;
        self
    }
}

/// A source's answer to "what could run now?".
#[derive(Debug)]
pub enum Next<'a, F> {
    /// This, and here is the leave to start it.
    Start(Job<F>, Admitted<'a>),
    /// There is work, but the strategy said this about it. (A job that was *rejected* should be ended by the source,
    /// not kept: nobody will ever be able to start it.)
    Blocked(Readiness),
    /// Nothing before this time.
    NotBefore(Time),
    /// Nothing now; the source will kick, or a running task's outcome will bring more.
    Waiting,
    /// Nothing, and nothing to come, unless the outcome of a running task brings more.
    Done,
}

/// How a task ended, before anybody has judged it.
#[derive(Debug)]
pub enum End<O> {
    /// It returned.
    Output(O),
    /// It panicked.
    Panicked(Panic),
    /// Its deadline passed.
    TimedOut,
    /// It was cancelled, or its executor dropped it.
    Cancelled,
    /// It was never started.
    NotStarted(NotStarted),
}

impl<O> End<O> {
    /// Changes what it returned and nothing else.
    #[inline]
    pub fn map<P>(self, f: impl FnOnce(O) -> P) -> End<P> {
        match self {
            Self::Output(output) => End::Output(f(output)),
            Self::Panicked(panic) => End::Panicked(panic),
            Self::TimedOut => End::TimedOut,
            Self::Cancelled => End::Cancelled,
            Self::NotStarted(why) => End::NotStarted(why),
        }
    }
}

/// What a source wants changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// End the running task with this key.
    Cancel(usize),
    /// End all running tasks.
    CancelAll,
    /// Poll the driver again at this time at the latest; replaces an earlier `WakeAt`, [`Time::MAX`] takes it back.
    WakeAt(Time),
    /// From now on, at most this many tasks at once. Those above it go on.
    Limit(regatta_core::Limit),
}

/// What became of a task that must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The engine drops it at once.
    Dropped,
    /// Its outcome is fixed, but it still uses what it was given: its slot and token come back when it resolves.
    Stopping,
}
