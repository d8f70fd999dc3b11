//! `Scope`: the handle with which tasks are spawned into a scope, and their results read.

use super::hub::Hub;
use super::wait::{NextDone, SpawnWhenFree};
use crate::handle::AddError;
use crate::mode::{Mode, Takes, TakesOk, Threads};
use regatta_core::{ConfigError, Limit};
use regatta_engine::contain_drop;
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// A handle of a running scope; given to its body by [`scope`](crate::scope()). Clones are handles of the same scope.
///
/// Tasks may borrow whatever outlives the scope (`'env`). A task that wants to spawn others needs a handle of its own:
/// a clone that it owns, or [`spawn_with`](Scope::spawn_with). A handle may be kept for longer than the scope; it is
/// then [`Closed`](AddError::Closed).
///
/// A key is taken until its task has ended, and may then be used again.
pub struct Scope<'env, K, T, E, M: Mode<'env, T, E> = Threads> {
    pub(super) hub: Arc<Hub<K, T, E, M::Task>>,
}

impl<'env, K, T, E, M> Scope<'env, K, T, E, M>
where
    K: Eq + Hash + fmt::Debug,
    M: Mode<'env, T, E>,
{
    /// Adds a task. It starts as soon as there is a slot, after those that were spawned before it.
    ///
    /// # Errors
    ///
    /// [`AddError`] if the key is taken, or the scope has ended or is stopping; the task is dropped. To get it back,
    /// use [`try_spawn`](Scope::try_spawn).
    pub fn spawn<F>(&self, key: K, task: F) -> Result<(), AddError>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'env, F, T, E>,
    {
        self.try_spawn(key, task).map_err(|(_, _, why)| why)
    }

    /// Adds a task, or hands key and task back and says why.
    ///
    /// # Errors
    ///
    /// The key, the task, and the reason.
    pub fn try_spawn<F>(&self, key: K, task: F) -> Result<(), (K, F, AddError)>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'env, F, T, E>,
    {
        self.enter(key, task, M::boxed)
    }

    /// Adds a task that returns a plain value. Where all tasks do, the error type must be named, in the body's
    /// parameter: `async |s: Scope<'_, _, _, Infallible>| ..`.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    pub fn spawn_ok<F>(&self, key: K, task: F) -> Result<(), AddError>
    where
        F: Future<Output = T>,
        M: TakesOk<'env, F, T, E>,
    {
        self.enter(key, task, M::boxed_ok).map_err(|(_, _, why)| why)
    }

    /// A refused task comes back, to be dropped outside the lock.
    fn enter<F>(&self, key: K, task: F, boxed: impl FnOnce(F) -> M::Task) -> Result<(), (K, F, AddError)> {
        let mut task = Some(task);
        let spawned = self.hub.lock().spawn(key, || boxed(task.take().expect("it is boxed once")));
        match spawned {
            Ok(wake) => {
                wake.now();
                Ok(())
            }
            Err((key, refusal)) => {
                let why = AddError::of(&key, refusal);
                Err((key, task.expect("a refused task is not boxed"), why))
            }
        }
    }

    /// Adds a task that gets a handle of its own, to spawn others with. `make` is called at once.
    ///
    /// ```
    /// # async fn links(page: u32) -> Result<Vec<u32>, std::io::Error> { Ok(vec![page * 2, page * 2 + 1]) }
    /// # smol::block_on(async {
    /// # let pages: Result<u32, regatta_runner::AddError> =
    /// regatta_runner::scope(4, async |s| {
    ///     s.spawn_with(1, async |s| {
    ///         for link in links(1).await? {
    ///             let _ = s.spawn(link, links(link));
    ///         }
    ///         Ok(Vec::new())
    ///     })?;
    ///     let mut pages = 0;
    ///     while let Some((_page, _links)) = s.next().await {
    ///         pages += 1;
    ///     }
    ///     Ok(pages)
    /// }).unwrap().await;
    /// # assert_eq!(pages.unwrap(), 3);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    pub fn spawn_with<G, F>(&self, key: K, make: G) -> Result<(), AddError>
    where
        G: FnOnce(Self) -> F,
        F: Future<Output = Result<T, E>>,
        M: Takes<'env, F, T, E>,
    {
        self.spawn(key, make(self.clone()))
    }

    /// Waits until a slot is free, then adds the task, which starts at once. Those who wait are served in order.
    ///
    /// A task that waits like this holds its own slot meanwhile: if all of them do, none ever goes on. Tasks use
    /// [`spawn`](Scope::spawn).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn); the key is looked at when there is a slot.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the task, which was not added; whoever waits behind it moves up.
    pub fn spawn_when_free<F>(&self, key: K, task: F) -> SpawnWhenFree<'_, 'env, K, T, E, M>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'env, F, T, E>,
    {
        SpawnWhenFree::new(self, key, M::boxed(task))
    }

    /// Cancels the task with this key, and says whether there was one that had not ended.
    ///
    /// If it waits, it never starts; if it runs, it has the scope's grace and is dropped then, unless it ends by
    /// itself. Its result is read as any other. That counts as no failure for the scope's stop rule.
    pub fn cancel<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let cancelled = self.hub.lock().cancel(key);
        let Some((wake, task)) = cancelled else { return false };
        wake.now();
        // What it panics with is nobody's: it has its result.
        contain_drop(|| drop(task));
        true
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> Scope<'env, K, T, E, M> {
    /// The next result with its key, in the order in which tasks end; `None` if none is left and no task is there that
    /// could bring one. Results wait until they are read; those that nobody has read are dropped with the scope.
    ///
    /// A task that reads must know that it is such a task itself: its own result comes only after it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    pub fn next(&self) -> NextDone<'_, 'env, K, T, E, M> {
        NextDone::new(self)
    }

    /// From now on, at most this many tasks at once. Those above it go on; those that now fit start at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for zero.
    pub fn set_limit(&self, limit: usize) -> Result<(), ConfigError> {
        let limit = Limit::count(limit)?;
        let wake = self.hub.lock().set_limit(limit);
        wake.now();
        Ok(())
    }

    /// From now on, all tasks at once.
    pub fn set_unlimited(&self) {
        let wake = self.hub.lock().set_limit(Limit::Unlimited);
        wake.now();
    }

    /// Stops the scope: nothing more starts, what runs has the scope's grace. The body goes on.
    pub fn stop(&self) {
        let wake = self.hub.lock().stop();
        wake.now();
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        self.hub.lock().running()
    }

    /// How many tasks wait for a slot.
    pub fn waiting(&self) -> usize {
        self.hub.lock().waiting()
    }

    /// Whether the scope takes no more tasks: it has ended, or is stopping.
    pub fn is_closed(&self) -> bool {
        self.hub.lock().is_closed()
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> Clone for Scope<'env, K, T, E, M> {
    fn clone(&self) -> Self {
        Self { hub: self.hub.clone() }
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> fmt::Debug for Scope<'env, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (running, waiting) = (self.running(), self.waiting());
        f.debug_struct("Scope").field("running", &running).field("waiting", &waiting).finish_non_exhaustive()
    }
}
