//! How tasks come into a `Runner`: as futures, as factories, one by one or all at once.

use crate::body::{Body, Once, Retried, RetriedWith};
use crate::ctx::Ctx;
use crate::mode::{Mode, Takes, TakesFactory, TakesOk};
use crate::runner::Runner;
use regatta_core::Retry;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use thiserror::Error;

/// A task was refused because its key is taken. The task that holds the key is untouched.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("a task with the key {key} was added before; give this one another key")]
pub struct DuplicateKey {
    /// The key, as `Debug` shows it.
    pub key: String,
}

impl DuplicateKey {
    fn of(key: &dyn fmt::Debug) -> Self {
        Self { key: format!("{key:?}") }
    }
}

impl<'a, K, T, E, M> Runner<'a, K, T, E, M>
where
    K: Eq + Hash + fmt::Debug,
    M: Mode<'a, T, E>,
{
    /// Adds a task under a key of its own.
    ///
    /// # Errors
    ///
    /// [`DuplicateKey`] if the key is taken; the new task is dropped, the old one stays. To get it back, use
    /// [`try_add`](Runner::try_add).
    pub fn add<F>(&mut self, key: K, task: F) -> Result<(), DuplicateKey>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'a, F, T, E>,
    {
        self.try_add(key, task).map_err(|(key, _)| DuplicateKey::of(&key))
    }

    /// Adds a task, or hands key and task back if the key is taken.
    ///
    /// # Errors
    ///
    /// The key and the task.
    pub fn try_add<F>(&mut self, key: K, task: F) -> Result<(), (K, F)>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'a, F, T, E>,
    {
        let mut task = Some(task);
        let body = || Body::Task(M::boxed(task.take().expect("it is boxed once")));
        let refused = self.batch.push(key, body).err();
        match (refused, task) {
            (Some(key), Some(task)) => Err((key, task)),
            _ => Ok(()),
        }
    }

    /// Adds a task that returns a plain value. Where all tasks do, the error type must be named:
    /// `Runner::<_, _, Infallible>::new()`.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_ok<F>(&mut self, key: K, task: F) -> Result<(), DuplicateKey>
    where
        F: Future<Output = T>,
        M: TakesOk<'a, F, T, E>,
    {
        let body = || Body::Task(M::boxed_ok(task));
        self.batch.push(key, body).map_err(|key| DuplicateKey::of(&key))
    }

    /// Adds a task that is made when it starts, and is told when it should stop: see [`Ctx`].
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_with<G, F>(&mut self, key: K, make: G) -> Result<(), DuplicateKey>
    where
        G: FnOnce(Ctx) -> F,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, Once<G>, T, E>,
    {
        self.push_factory(key, Once(Some(make)))
    }

    /// Adds a task that is made anew for each attempt, as long as `retry` says so.
    ///
    /// `make` is cloned per attempt; what it owns is cloned with it. Between two attempts the task holds no slot. No
    /// attempt starts after the task's or the run's deadline: the last failure stands then. A retry that is due goes
    /// before tasks that have not started yet, so one without a pause can keep those waiting.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_retry<R, G, F>(&mut self, key: K, retry: R, make: G) -> Result<(), DuplicateKey>
    where
        R: Retry<E>,
        G: FnOnce() -> F + Clone,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, Retried<G, R>, T, E>,
    {
        self.push_factory(key, Retried { make, retry })
    }

    /// As [`add_retry`](Runner::add_retry), with a [`Ctx`] for each attempt.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_retry_with<R, G, F>(&mut self, key: K, retry: R, make: G) -> Result<(), DuplicateKey>
    where
        R: Retry<E>,
        G: FnOnce(Ctx) -> F + Clone,
        F: Future<Output = Result<T, E>>,
        M: TakesFactory<'a, RetriedWith<G, R>, T, E>,
    {
        self.push_factory(key, RetriedWith { make, retry })
    }

    /// Adds many tasks, up to the first whose key is taken.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add). What came before that task was added; it and what would have come after it was not.
    pub fn try_extend<F>(&mut self, tasks: impl IntoIterator<Item = (K, F)>) -> Result<(), DuplicateKey>
    where
        F: Future<Output = Result<T, E>>,
        M: Takes<'a, F, T, E>,
    {
        tasks.into_iter().try_for_each(|(key, task)| self.add(key, task))
    }

    pub(crate) fn push_factory<A>(&mut self, key: K, factory: A) -> Result<(), DuplicateKey>
    where
        M: TakesFactory<'a, A, T, E>,
    {
        let body = || Body::Factory(M::factory(factory));
        self.batch.push(key, body).map_err(|key| DuplicateKey::of(&key))
    }
}

/// Adds tasks under numbers: from the number of tasks that are there on, those that are taken left out.
impl<'a, F, T, E, M> Extend<F> for Runner<'a, usize, T, E, M>
where
    F: Future<Output = Result<T, E>>,
    M: Takes<'a, F, T, E>,
{
    fn extend<I: IntoIterator<Item = F>>(&mut self, tasks: I) {
        let mut key = self.len();
        for mut task in tasks {
            while let Err((taken, back)) = self.try_add(key, task) {
                (key, task) = (taken + 1, back);
            }
            key += 1;
        }
    }
}

/// Tasks under their numbers, from 0.
///
/// ```
/// use regatta_runner::Runner;
///
/// # async fn fetch(id: u32) -> Result<u32, std::io::Error> { Ok(id) }
/// # smol::block_on(async {
/// let runner: Runner<_, _, _> = (10..13).map(fetch).collect();
/// let report = runner.await;
/// assert_eq!(report.get(&2).unwrap().as_ref().unwrap(), &12);
/// # });
/// ```
impl<'a, F, T, E> FromIterator<F> for Runner<'a, usize, T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    fn from_iter<I: IntoIterator<Item = F>>(tasks: I) -> Self {
        let mut runner = Self::new();
        runner.extend(tasks);
        runner
    }
}
