//! `OnExecutor`: the same source, its tasks run by an executor.

use crate::admission::Admission;
use crate::contain::{contain_drop, contain_or};
use crate::remote::{Remote, Spawned};
use crate::source::{Control, End, Failed, Job, Next, Source, Stop};
use regatta_core::{Executor, Kick, NotStarted, Outcome, Panic, Time};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Adapts a source so that its tasks are spawned instead of polled in place.
///
/// Limits, deadlines, strategies and outcomes stay what they are; only the tasks need to be `Send + 'static`. Each
/// task costs one spawn and three allocations, so this pays for tasks of some twenty microseconds and more.
///
/// A task that must end gets its outcome at once, and the executor is asked to drop it. Until the executor has, the
/// task keeps its slot and what its strategies gave: a limit stays a limit. If the driver is dropped first, limits
/// that are shared through a [`Limiter`](regatta_core::Limiter) are still held until then.
///
/// A task whose executor dies ends as `Cancelled`; one that the executor refuses (by panicking) as `NotStarted`.
pub struct OnExecutor<S> {
    inner: S,
    executor: Arc<dyn Executor>,
}

impl<S> OnExecutor<S> {
    /// Runs what `inner` supplies on `executor`.
    pub fn new(inner: S, executor: impl Executor + 'static) -> Self {
        Self { inner, executor: Arc::new(executor) }
    }

    /// The adapted source.
    pub fn into_inner(self) -> S {
        let Self { inner, executor } = self;
        // Its drop is user code, and must not cost the results.
        contain_drop(|| drop(executor));
        inner
    }

    /// The adapted source, to be changed between two polls.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The adapted source.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S> Source for OnExecutor<S>
where
    S: Source,
    S::Task: Future<Output: Send + 'static> + Send + 'static,
{
    type Task = Remote<<S::Task as Future>::Output>;

    fn attach(&mut self, kick: Kick) {
        self.inner.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
        match self.inner.next(now, admission) {
            Next::Start(job, admitted) => {
                let (spawned, remote) = Spawned::new(job.task, admitted.hold());
                let is_taken = contain_or(false, || {
                    self.executor.spawn(Box::pin(spawned));
                    true
                });
                if !is_taken {
                    remote.refused(NotStarted::Spawn);
                }
                Next::Start(Job { key: job.key, task: remote, deadline: job.deadline }, admitted)
            }
            Next::Blocked(readiness) => Next::Blocked(readiness),
            Next::NotBefore(time) => Next::NotBefore(time),
            Next::Waiting => Next::Waiting,
            Next::Done => Next::Done,
        }
    }

    fn on_outcome(&mut self, now: Time, key: usize, end: End<End<<S::Task as Future>::Output>>) -> Outcome {
        let end = match end {
            End::Output(end) => end,
            End::Panicked(panic) => End::Panicked(panic),
            End::TimedOut => End::TimedOut,
            End::Cancelled => End::Cancelled,
            End::NotStarted(why) => End::NotStarted(why),
        };
        self.inner.on_outcome(now, key, end)
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        self.inner.control(now)
    }

    fn stop(&mut self, _key: usize, task: Pin<&mut Self::Task>) -> Stop {
        if task.abort() { Stop::Stopping } else { Stop::Dropped }
    }

    fn failed(&mut self, now: Time, panic: Panic) -> Failed {
        self.inner.failed(now, panic)
    }
}

impl<S: fmt::Debug> fmt::Debug for OnExecutor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnExecutor").field("inner", &self.inner).finish_non_exhaustive()
    }
}
