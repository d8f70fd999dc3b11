//! `Ctx`: what a handler knows of its attempt, beside the job.

use crate::hub::Hub;
use crate::ledger::{Origin, Phase};
use crate::options::Metadata;
use crate::{JobId, Key, Options, PushError, Queue};
use regatta_core::{CancelToken, Cancelled, TaskError};
use std::fmt;
use std::sync::Arc;

/// What a handler knows of its attempt, and what it can do with its queue.
pub struct Ctx<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    id: JobId,
    attempt: u32,
    more: Option<Box<More<E>>>,
}

/// What most attempts have nothing of.
pub(crate) struct More<E> {
    pub(crate) key: Option<Key>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) last_error: Option<Arc<TaskError<E>>>,
}

impl<J, R, E> Ctx<J, R, E> {
    #[inline]
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, id: JobId, attempt: u32, more: Option<Box<More<E>>>) -> Self {
        Self { hub, id, attempt, more }
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The job's number.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The key that the job was pushed with.
    pub fn key(&self) -> Option<&Key> {
        self.more.as_ref()?.key.as_ref()
    }

    /// The metadata that the job was pushed with, if it is of this type.
    pub fn metadata<T: 'static>(&self) -> Option<&T> {
        self.more.as_ref()?.metadata.as_ref()?.downcast_ref()
    }

    /// What the attempt before this one ended with.
    pub fn last_error(&self) -> Option<&TaskError<E>> {
        self.more.as_ref()?.last_error.as_deref()
    }

    /// Adds a job to the queue that this one came from. It never waits: where the queue is full, it grows, which its
    /// [counts](crate::Stats::grown) show and [`Builder::growth`](crate::Builder::growth) can limit. It works in a queue
    /// that was closed, whose run goes on until these jobs have ended, too.
    ///
    /// # Errors
    ///
    /// A [`PushError`] with the job, if the run is stopping or the queue may not grow further.
    pub fn push(&self, job: J) -> Result<JobId, PushError<J>> {
        self.push_with(job, Options::new())
    }

    /// The same with [`Options`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); and if the [key](Options::key) is taken.
    pub fn push_with(&self, job: J, options: Options) -> Result<JobId, PushError<J>> {
        self.hub.admit(Origin::Handler, job, options)
    }

    /// Waits until this attempt is asked to stop: by [`Queue::cancel`], or because its run stops. What is left of the
    /// queue's [grace](crate::Builder::grace) is for cleaning up.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub fn cancelled(&self) -> Cancelled {
        self.token().cancelled()
    }

    /// Whether this attempt was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.token().is_cancelled()
    }

    /// The token behind [`cancelled`](Self::cancelled), to be handed on. It is cancelled also when the attempt is
    /// dropped or its time is up.
    pub fn token(&self) -> CancelToken {
        let fresh = CancelToken::new();
        let (token, is_told) = self.hub.with(|ledger| {
            let is_stopping = ledger.told;
            let Some(slot) = ledger.slot(self.id) else { return (None, true) };
            let entry = &mut ledger.entries[slot];
            if entry.attempts != self.attempt || !matches!(entry.phase, Phase::Running { .. }) {
                return (None, true);
            }
            let is_told = is_stopping || entry.is_cancelled();
            (Some(entry.rare().token.get_or_insert_with(|| fresh.clone()).clone()), is_told)
        });
        let token = token.unwrap_or(fresh);
        if is_told {
            token.cancel();
        }
        token
    }

    /// The queue that the job came from.
    pub fn queue(&self) -> Queue<J, R, E> {
        Queue { hub: self.hub.clone() }
    }
}

impl<J, R, E> fmt::Debug for Ctx<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("id", &self.id).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
