//! `Queue`: the side on which jobs come in, and from which a run is steered.

use crate::hub::Hub;
use crate::ledger::{Admission, Origin};
use crate::push::{Push, Reserve};
use crate::settled::Settled;
use crate::ticket::Submit;
use crate::{Builder, JobId, JobState, Key, Options, PushError, Refusal, Stats};
use regatta_core::{ConfigError, Limit};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

/// The side of a queue on which jobs come in, and from which its run is steered. Clones share; all methods work from any
/// thread, from handlers, and whether an engine runs or not.
///
/// `J` is the job, and a handler makes `Result<R, E>` of each. Made by a [builder](Queue::builder).
///
/// A handler that waits in a [`push`](Queue::push) for a place in its own queue may wait for ever, if all the others do
/// the same; [`Ctx::push`](crate::Ctx::push) never waits.
pub struct Queue<J, R = (), E = Infallible> {
    pub(crate) hub: Arc<Hub<J, R, E>>,
}

impl<J> Queue<J> {
    /// A queue of jobs of this type, to be set up.
    pub fn builder() -> Builder<J> {
        Builder::new()
    }
}

impl<J, R, E> Queue<J, R, E> {
    /// Adds a job, and waits for a place if the queue is full. Those who wait are let in by their priority, then first
    /// come, first served.
    ///
    /// # Errors
    ///
    /// A [`PushError`], with the job, if the queue is closed or its run has stopped, and if it is full while no engine
    /// runs.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the job was not admitted.
    pub fn push(&self, job: J) -> Push<'_, J, R, E> {
        self.push_with(job, Options::new())
    }

    /// The same with [`Options`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); and if the [key](Options::key) is taken.
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn push_with(&self, job: J, options: Options) -> Push<'_, J, R, E> {
        Push::new(&self.hub, Admission::new(job, options))
    }

    /// Adds a job if there is a place and nobody waits for it.
    ///
    /// # Errors
    ///
    /// A [`PushError`] with the job.
    #[inline]
    pub fn try_push(&self, job: J) -> Result<JobId, PushError<J>> {
        self.try_push_with(job, Options::new())
    }

    /// The same with [`Options`].
    ///
    /// # Errors
    ///
    /// A [`PushError`] with the job.
    #[inline]
    pub fn try_push_with(&self, job: J, options: Options) -> Result<JobId, PushError<J>> {
        self.hub.admit(Origin::Outside, job, options)
    }

    /// Waits for a place, for a job that is made only when there is one.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, no place was taken. A [`Place`](crate::Place) that is dropped goes to the next one.
    pub fn reserve(&self) -> Reserve<J, R, E> {
        Reserve::new(self.hub.clone())
    }

    /// Adds a job as [`push`](Self::push) does, and gives a ticket for its result.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push). It waits for admission only.
    pub fn submit(&self, job: J) -> Submit<'_, J, R, E> {
        self.submit_with(job, Options::new())
    }

    /// The same with [`Options`]. With [`OnDuplicate::Join`](crate::OnDuplicate::Join) a key that is taken refuses the
    /// job; see [`submit_or_join`](Self::submit_or_join).
    ///
    /// # Errors
    ///
    /// As [`push_with`](Self::push_with).
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn submit_with(&self, job: J, options: Options) -> Submit<'_, J, R, E> {
        Submit::new(&self.hub, job, options, None)
    }

    /// Adds a job and gives a ticket for its result; if another job that has no end yet has the same key, for that one's.
    /// Each ticket gets a copy. What that job's own pushing side was to get, it gets as well.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn submit_or_join(&self, job: J, options: Options) -> Submit<'_, J, R, E>
    where
        R: Clone,
        E: Clone,
    {
        Submit::new(&self.hub, job, options, Some(crate::ticket::copy))
    }

    /// Nothing is taken from the queue any more; what runs goes on.
    pub fn pause(&self) {
        self.hub.with(crate::ledger::Ledger::pause);
    }

    /// Goes on after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.hub.with(crate::ledger::Ledger::resume);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.hub.with(|ledger| ledger.is_paused())
    }

    /// So many jobs may run at once from now on. Those above that go on to their end.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `workers` is zero; to stop for a while, [`pause`](Self::pause).
    pub fn set_workers(&self, workers: usize) -> Result<(), ConfigError> {
        Limit::named("workers", workers)?;
        self.hub.set_workers(workers);
        Ok(())
    }

    /// So many jobs may wait from now on. Those above that keep their places.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `capacity` is zero.
    pub fn set_capacity(&self, capacity: usize) -> Result<(), ConfigError> {
        Limit::named("capacity", capacity)?;
        self.hub.with(|ledger| ledger.set_capacity(capacity));
        Ok(())
    }

    /// Ends one job. If it runs, its [token](crate::Ctx::cancelled) tells it, and it is dropped after the queue's
    /// [grace](Builder::grace); if it doesn't, it has its end at once. Whether it had none yet.
    pub fn cancel(&self, id: JobId) -> bool {
        let now = self.hub.now();
        self.hub.with(|ledger| ledger.cancel(now, id))
    }

    /// The job that has this key and no end yet.
    pub fn find(&self, key: impl Into<Key>) -> Option<JobId> {
        let key = key.into();
        self.hub.with(|ledger| ledger.find(&key))
    }

    /// Where a job is; `None` once it has its end.
    pub fn state(&self, id: JobId) -> Option<JobState> {
        self.hub.with(|ledger| ledger.state_of(id))
    }

    /// Makes a waiting job as urgent as this, if it is less. Whether it has no end yet. It counts where the
    /// [discipline](Builder::discipline) looks at priorities.
    pub fn raise(&self, id: JobId, priority: i32) -> bool {
        self.hub.with(|ledger| ledger.raise(id, priority))
    }

    /// No more jobs from outside; handlers may go on to push. The run ends when every job has its end.
    pub fn close(&self) {
        self.hub.with(crate::ledger::Ledger::close);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.hub.with(|ledger| ledger.closed)
    }

    /// Stops the run: nothing more starts, and what runs gets the queue's [grace](Builder::grace) and is dropped then.
    /// What has ended keeps its result, and the jobs that were never started are handed out by the run.
    pub fn stop(&self) {
        let now = self.hub.now();
        self.hub.with(|ledger| ledger.stop(now));
    }

    /// Waits until every job that was admitted has its end. The run may go on after that.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotRunning`] if jobs wait and no engine runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub fn settled(&self) -> Settled<J, R, E> {
        Settled::new(self.hub.clone())
    }

    /// How many jobs are where.
    pub fn stats(&self) -> Stats {
        self.hub.with(|ledger| ledger.counts())
    }
}

impl<J, R, E> Hub<J, R, E> {
    /// Takes a job in at once, or not.
    #[inline]
    pub(crate) fn admit(&self, origin: Origin, job: J, options: Options) -> Result<JobId, PushError<J>> {
        let mut admission = Admission::new(job, options);
        self.admit_all(origin, &mut admission).map_err(|why| PushError { job: admission.take_job(), why })
    }

    /// Takes a job in at once, or leaves it where it is. One that another stands for is left, too.
    #[inline]
    pub(crate) fn admit_all(
        &self,
        origin: Origin,
        admission: &mut Admission<J, R, E>,
    ) -> Result<JobId, Refusal> {
        let now = self.now();
        self.with(|ledger| ledger.admit(now, origin, admission))
    }
}

impl<J, R, E> Clone for Queue<J, R, E> {
    fn clone(&self) -> Self {
        Self { hub: self.hub.clone() }
    }
}

impl<J, R, E> fmt::Debug for Queue<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
