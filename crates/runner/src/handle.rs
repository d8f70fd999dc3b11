//! `Handle`: a hand on a run from elsewhere.

use crate::body::{Body, Once, Retried, RetriedWith};
use crate::ctx::Ctx;
use crate::inbox::{Inbox, Order, Refusal};
use crate::mode::{Mode, Takes, TakesFactory, TakesOk, Threads};
use crate::snapshot::Snapshot;
use regatta_core::{ConfigError, Limit, Retry};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use thiserror::Error;

/// Changes a run while it goes on: from another task, another thread, or one of its own tasks; made by
/// [`Runner::handle`](crate::Runner::handle). Clones are handles of the same run.
///
/// A handle keeps no run alive: the run ends when its tasks have ended, and from then on takes no more of them.
pub struct Handle<'a, K, T, E, M: Mode<'a, T, E> = Threads> {
    pub(crate) inbox: Arc<Inbox<K, M::Task, M::Factory>>,
}

/// A task was not added.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AddError {
    /// Its key is taken. The task that holds the key is untouched.
    #[error("a task with the key {key} was added before; give this one another key")]
    Duplicate {
        /// The key, as `Debug` shows it.
        key: String,
    },
    /// The run has ended, or is stopping.
    #[error("the run has ended, or is stopping, and takes no more tasks")]
    Closed,
}

impl AddError {
    pub(crate) fn of(key: &dyn fmt::Debug, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Duplicate => Self::Duplicate { key: format!("{key:?}") },
            Refusal::Closed => Self::Closed,
        }
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> Handle<'a, K, T, E, M> {
    /// From now on, at most this many tasks at once. Those above it go on; those that now fit start at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for zero. A run that has ended takes any limit.
    pub fn set_limit(&self, limit: usize) -> Result<(), ConfigError> {
        self.inbox.order(Order::Limit(Limit::count(limit)?));
        Ok(())
    }

    /// From now on, all tasks at once.
    pub fn set_unlimited(&self) {
        self.inbox.order(Order::Limit(Limit::Unlimited));
    }

    /// Stops the run as its [`CancelToken`](regatta_core::CancelToken) would: nothing more starts, what runs has the
    /// run's grace.
    pub fn stop(&self) {
        self.inbox.order(Order::Stop);
    }

    /// How many tasks are where, as of the driver's last pass.
    pub fn progress(&self) -> Snapshot {
        self.inbox.snapshot()
    }
}

impl<'a, K, T, E, M> Handle<'a, K, T, E, M>
where
    K: Eq + Hash + fmt::Debug + Clone,
    M: Mode<'a, T, E>,
{
    /// Adds a task to the run. It starts after those that were added before it.
    ///
    /// # Errors
    ///
    /// [`AddError`] if the key is taken, or the run has ended or is stopping; the task is dropped. To get it back, use
    /// [`try_add`](Handle::try_add).
    pub fn add<F>(&self, key: K, task: F) -> Result<(), AddError>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'a, F, T, E>,
    {
        self.try_add(key, task).map_err(|(_, _, why)| why)
    }

    /// Adds a task, or hands key and task back and says why.
    ///
    /// # Errors
    ///
    /// The key, the task, and the reason.
    pub fn try_add<F>(&self, key: K, task: F) -> Result<(), (K, F, AddError)>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'a, F, T, E>,
    {
        self.enter(key, task, |task| Body::Task(M::boxed(task)))
    }

    /// Adds a task that returns a plain value.
    ///
    /// # Errors
    ///
    /// As [`add`](Handle::add).
    pub fn add_ok<F>(&self, key: K, task: F) -> Result<(), AddError>
    where
        F: Future<Output = T>,
        M: TakesOk<'a, F, T, E>,
    {
        self.enter(key, task, |task| Body::Task(M::boxed_ok(task))).map_err(|(_, _, why)| why)
    }

    /// Adds a task that is made when it starts; see [`Runner::add_with`](crate::Runner::add_with).
    ///
    /// # Errors
    ///
    /// As [`add`](Handle::add).
    pub fn add_with<G, F>(&self, key: K, make: G) -> Result<(), AddError>
    where
        G: FnOnce(Ctx) -> F,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, Once<G>, T, E>,
    {
        self.enter_factory(key, Once(Some(make)))
    }

    /// Adds a task that is made anew for each attempt; see [`Runner::add_retry`](crate::Runner::add_retry).
    ///
    /// # Errors
    ///
    /// As [`add`](Handle::add).
    pub fn add_retry<R, G, F>(&self, key: K, retry: R, make: G) -> Result<(), AddError>
    where
        R: Retry<E>,
        G: FnOnce() -> F + Clone,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, Retried<G, R>, T, E>,
    {
        self.enter_factory(key, Retried { make, retry })
    }

    /// As [`add_retry`](Handle::add_retry), with a [`Ctx`] for each attempt.
    ///
    /// # Errors
    ///
    /// As [`add`](Handle::add).
    pub fn add_retry_with<R, G, F>(&self, key: K, retry: R, make: G) -> Result<(), AddError>
    where
        R: Retry<E>,
        G: FnOnce(Ctx) -> F + Clone,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, RetriedWith<G, R>, T, E>,
    {
        self.enter_factory(key, RetriedWith { make, retry })
    }

    fn enter_factory<A>(&self, key: K, factory: A) -> Result<(), AddError>
    where
        M: TakesFactory<'a, A, T, E>,
    {
        self.enter(key, factory, |factory| Body::Factory(M::factory(factory))).map_err(|(_, _, why)| why)
    }

    /// A refused task comes back, to be dropped outside the lock.
    fn enter<F>(
        &self,
        key: K,
        task: F,
        boxed: impl FnOnce(F) -> Body<M::Task, M::Factory>,
    ) -> Result<(), (K, F, AddError)> {
        let mut task = Some(task);
        let copy = key.clone();
        let body = || boxed(task.take().expect("it is boxed once"));
        let Err((key, refusal)) = self.inbox.add(key, copy, false, body) else { return Ok(()) };
        let why = AddError::of(&key, refusal);
        Err((key, task.expect("a refused task is not boxed"), why))
    }

    /// Cancels the task with this key, and says whether there was one that had not ended.
    ///
    /// If it waits, it never starts; if it runs, it has the run's grace and is dropped then, unless it ends by itself.
    /// That counts as no failure for the run's stop rule.
    pub fn cancel<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.inbox.cancel(key)
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> Clone for Handle<'a, K, T, E, M> {
    fn clone(&self) -> Self {
        Self { inbox: self.inbox.clone() }
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> fmt::Debug for Handle<'a, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.progress()).finish()
    }
}
