//! `Runner`: a set of keyed tasks, run with limits and timeouts, and a report of every one.

use crate::batch::{Again, Batch};
use crate::run::Run;
use crate::settings::run_settings;
use crate::watch::Watch;
use regatta_core::{BoxFuture, Clock, ConfigError, Limit, Observer, Retry, SystemClock};
use regatta_engine::Engine;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use thiserror::Error;

/// Keyed tasks, run at most so many at once, with a report of what became of each.
///
/// Tasks are futures; they may borrow (`'a`) and are not polled before the run has started them, in the order in which
/// they were added. Any key will do that is `Eq + Hash + Debug`, also an empty string: keys are yours. A run is single
/// use, which the compiler checks: [`run`](Runner::run) consumes the runner. A runner without tasks gives an empty
/// report.
///
/// # Defaults
///
/// 16 tasks at once; no timeouts; [`StopOn::Never`](crate::StopOn::Never); no grace; [`SystemClock`].
///
/// # Cost
///
/// One allocation per task, and for a retried task one more, and one per further attempt.
///
/// # Examples
///
/// ```
/// use regatta_core::Backoff;
/// use regatta_runner::Runner;
/// use std::time::Duration;
///
/// # async fn fetch(id: u32) -> Result<String, std::io::Error> { Ok(format!("user {id}")) }
/// # smol::block_on(async {
/// let mut runner = Runner::new().limit(3)?.timeout(Duration::from_secs(10));
/// runner.add("user1", fetch(1))?;
/// runner.add_retry("user2", Backoff::exponential(Duration::from_millis(100)), async || fetch(2).await)?;
/// let report = runner.run().await;
///
/// assert!(report.is_ok());
/// assert_eq!(report.get("user1").unwrap().as_ref().unwrap(), "user 1");
/// println!("{report}");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # }).unwrap();
/// ```
#[must_use = "a runner does nothing until it is run"]
pub struct Runner<'a, K, T, E> {
    batch: Batch<'a, K, T, E>,
    limit: Limit,
    clock: Arc<dyn Clock>,
    watch: Watch,
}

/// A task was refused because its key is taken. The task that holds the key is untouched.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("a task with the key {key} was added before; give this one another key")]
pub struct DuplicateKey {
    /// The key, as `Debug` shows it.
    pub key: String,
}

/// 16: enough to overlap I/O, few enough for a service that somebody else runs.
const LIMIT: usize = 16;

impl<K, T, E> Runner<'_, K, T, E> {
    /// A runner without tasks.
    pub fn new() -> Self {
        let limit = Limit::count(LIMIT).unwrap_or(Limit::Unlimited);
        Self { batch: Batch::new(), limit, clock: SystemClock::shared(), watch: Watch::default() }
    }

    /// A runner with room for so many tasks: adding them then moves nothing.
    pub fn with_capacity(tasks: usize) -> Self {
        let mut runner = Self::new();
        runner.batch.reserve(tasks);
        runner
    }

    /// At most this many tasks at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for zero, which would wait for ever.
    pub fn limit(mut self, limit: usize) -> Result<Self, ConfigError> {
        self.limit = Limit::count(limit)?;
        Ok(self)
    }

    /// All tasks at once.
    pub fn unlimited(mut self) -> Self {
        self.limit = Limit::Unlimited;
        self
    }

    run_settings!(|this| this.batch.course, this.watch);

    /// Each attempt of a task may take this long; what is over it ends as `TimedOut`, and may be retried.
    pub fn attempt_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.batch.course.settings.attempt_timeout = Some(timeout);
        self
    }

    /// A name for the report.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.batch.name = Some(name.into());
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// One more listener: log lines, a progress bar, your own.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self
    where
        E: fmt::Display,
    {
        self.batch.text = Some(ToString::to_string);
        self.batch.observers.add(observer);
        self
    }

    /// How many tasks were added.
    pub fn len(&self) -> usize {
        self.batch.report.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.batch.report.is_empty()
    }
}

impl<'a, K, T, E> Runner<'a, K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: 'a,
    E: 'a,
{
    /// Adds a task under a key of its own.
    ///
    /// # Errors
    ///
    /// [`DuplicateKey`] if the key is taken; the new task is dropped, the old one stays. To get it back, use
    /// [`try_add`](Runner::try_add).
    pub fn add<F>(&mut self, key: K, task: F) -> Result<(), DuplicateKey>
    where
        F: Future<Output = Result<T, E>> + Send + 'a,
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
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        match self.batch.report.push(key) {
            Ok(_) => {
                self.batch.push(Box::pin(task));
                Ok(())
            }
            Err(key) => Err((key, task)),
        }
    }

    /// Adds a task that returns a plain value.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_ok<F>(&mut self, key: K, task: F) -> Result<(), DuplicateKey>
    where
        F: Future<Output = T> + Send + 'a,
    {
        self.add(key, async move { Ok(task.await) })
    }

    /// Adds a task that is made anew for each attempt, as long as `retry` says so.
    ///
    /// `make` is cloned per attempt; what it owns is cloned with it. Between two attempts the task holds no slot. No
    /// attempt starts after the task's or the run's deadline: the last failure stands then.
    ///
    /// # Errors
    ///
    /// As [`add`](Runner::add).
    pub fn add_retry<R, M, F>(&mut self, key: K, retry: R, make: M) -> Result<(), DuplicateKey>
    where
        R: Retry<E> + Send + 'a,
        M: FnOnce() -> F + Clone + Send + 'a,
        F: Future<Output = Result<T, E>> + Send + 'a,
    {
        match self.batch.report.push(key) {
            Ok(_) => {
                self.batch.push_factory(Box::new(Factory { make, retry }));
                Ok(())
            }
            Err(key) => Err(DuplicateKey::of(&key)),
        }
    }

    /// Runs the tasks in place, in the future that it returns; resolves to the report.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run at once and drops its tasks; see [`Run`].
    pub fn run(self) -> Run<'a, K, T, E> {
        let engine = Engine::new(self.batch, ()).limit(self.limit).clock(self.clock);
        Run::new(engine, self.watch)
    }
}

impl<K, T, E> Default for Runner<'_, K, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T, E> fmt::Debug for Runner<'_, K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("tasks", &self.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl DuplicateKey {
    fn of(key: &dyn fmt::Debug) -> Self {
        Self { key: format!("{key:?}") }
    }
}

struct Factory<M, R> {
    make: M,
    retry: R,
}

impl<'a, T, E, M, R, F> Again<'a, T, E> for Factory<M, R>
where
    R: Retry<E>,
    M: FnOnce() -> F + Clone,
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    fn attempt(&mut self) -> BoxFuture<'a, Result<T, E>> {
        Box::pin(self.make.clone()())
    }

    fn retry(&mut self) -> &mut dyn Retry<E> {
        &mut self.retry
    }
}
