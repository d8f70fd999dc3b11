//! `Entry`: one job that has no end yet.

use crate::done::About;
use crate::{Done, JobId};
use futures_channel::oneshot::Sender;
use regatta_core::{CancelToken, Request, Retry, TaskError, Time};
use regatta_engine::{contain, contain_drop};
use std::sync::Arc;

pub(crate) struct Entry<J, R, E> {
    /// None in a slot that is free.
    pub(crate) job: Option<Arc<J>>,
    pub(crate) seq: u64,
    pub(crate) request: Request,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    pub(crate) queued: Time,
    /// Of its first attempt.
    pub(crate) first: Time,
    /// Of the present or last attempt.
    pub(crate) started: Time,
    /// Its result will need a place among the results.
    pub(crate) owes: bool,
    pub(crate) about: Option<Box<About<E>>>,
    pub(crate) rare: Option<Box<Rare<J, R, E>>>,
}

/// Where a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Pending,
    Delayed,
    Running {
        worker: usize,
    },
    /// Its outcome was told, but its worker has not let go of it.
    Stopping {
        worker: usize,
    },
}

/// Where a job is that has no end yet; as [`Stats`](crate::Stats) counts them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JobState {
    /// It waits for a worker.
    Pending,
    /// It waits for a time.
    Delayed,
    /// It runs.
    Running,
    /// It has its outcome, but still runs elsewhere.
    Stopping,
}

/// What few jobs need while they are on their way.
pub(crate) struct Rare<J, R, E> {
    pub(crate) replies: Option<Box<Replies<J, R, E>>>,
    /// The job's own copy of the rule, from its first failure on.
    pub(crate) rule: Option<Box<dyn Retry<E> + Send>>,
    /// What its last attempt ended with, while it waits for another, and how that reads.
    pub(crate) failure: Option<(TaskError<E>, Option<String>)>,
    /// When that attempt was started and when it ended.
    pub(crate) tried: Time,
    pub(crate) failed_at: Time,
    /// When it must have ended, as far as somebody watches that.
    pub(crate) late: Time,
    pub(crate) token: Option<CancelToken>,
    pub(crate) is_cancelled: bool,
}

impl<J, R, E> Default for Rare<J, R, E> {
    fn default() -> Self {
        Self {
            replies: None,
            rule: None,
            failure: None,
            tried: Time::ZERO,
            failed_at: Time::ZERO,
            late: Time::MAX,
            token: None,
            is_cancelled: false,
        }
    }
}

/// Who waits for the result of one job.
pub(crate) struct Replies<J, R, E> {
    pub(crate) first: Option<Sender<Done<J, R, E>>>,
    pub(crate) joined: Vec<Joined<J, R, E>>,
    /// How to share the result of another job that has the same key.
    pub(crate) join: Option<fn(&Done<J, R, E>) -> Done<J, R, E>>,
}

impl<J, R, E> Default for Replies<J, R, E> {
    fn default() -> Self {
        Self { first: None, joined: Vec::new(), join: None }
    }
}

/// One who gets a copy, made by code that knows how to.
pub(crate) struct Joined<J, R, E> {
    pub(crate) sender: Sender<Done<J, R, E>>,
    pub(crate) copy: fn(&Done<J, R, E>) -> Done<J, R, E>,
}

impl<J, R, E> Replies<J, R, E> {
    /// Tells everybody who waits. Runs foreign code: wakers, `Clone` and `Drop` of results.
    /// The result comes back if it is nobody's own.
    pub(crate) fn send(self, done: Done<J, R, E>) -> Option<Done<J, R, E>> {
        let Self { first, joined, .. } = self;
        for Joined { sender, copy } in joined {
            let copied = contain(|| copy(&done)).unwrap_or_else(|panic| Done {
                result: Err(TaskError::Panicked(panic)),
                job: done.job.clone(),
                about: None,
                ..done
            });
            contain_drop(|| drop(sender.send(copied)));
        }
        let Some(first) = first else { return Some(done) };
        contain_drop(|| drop(first.send(done)));
        None
    }
}

impl<J, R, E> Entry<J, R, E> {
    /// A slot that is free.
    pub(crate) fn vacant() -> Self {
        Self {
            job: None,
            seq: 0,
            request: Request::new(),
            phase: Phase::Pending,
            attempts: 0,
            queued: Time::ZERO,
            first: Time::ZERO,
            started: Time::ZERO,
            owes: false,
            about: None,
            rare: None,
        }
    }

    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.job.is_none()
    }

    /// The job itself.
    #[inline]
    pub(crate) fn job(&self) -> Arc<J> {
        self.job.clone().expect("an entry that is looked at has its job")
    }

    /// What became of it; its job and what it had to say of itself go with that.
    #[inline]
    pub(crate) fn done(&mut self, slot: usize, now: Time, result: Result<R, TaskError<E>>) -> Done<J, R, E> {
        Done {
            id: self.id(slot),
            job: self.job.take().expect("an entry that is looked at has its job"),
            result,
            attempts: self.attempts,
            queued: self.queued,
            started: self.first,
            tried: self.started,
            ended: now,
            about: self.about.take(),
        }
    }

    pub(crate) fn id(&self, slot: usize) -> JobId {
        JobId::new(self.seq, slot)
    }

    pub(crate) fn rare(&mut self) -> &mut Rare<J, R, E> {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.is_cancelled)
    }

    pub(crate) fn state(&self) -> JobState {
        match self.phase {
            Phase::Pending => JobState::Pending,
            Phase::Delayed => JobState::Delayed,
            Phase::Running { .. } => JobState::Running,
            Phase::Stopping { .. } => JobState::Stopping,
        }
    }
}
