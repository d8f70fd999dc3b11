//! `BlockingRunner`: closures that block, on threads. Feature `blocking`.

mod run;
mod work;

use crate::add::DuplicateKey;
use crate::body::{Again, Once, RetriedWith};
use crate::ctx::Ctx;
use crate::drive::Drive;
use crate::handle::Handle;
use crate::runner::Runner;
use crate::settings::run_settings;
use crate::snapshot::Snapshot;
use regatta_core::{BoxFuture, Clock, ConfigError, Observer, Request, Retry, Strategy};
pub use run::{BlockingReport, BlockingRun};
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use work::Busy;

/// Keyed closures that block their thread, run on threads at most so many at once, with a report of what became of
/// each.
///
/// It is a [`Runner`](crate::Runner) otherwise: the same limits, timeouts, stop rules, handles and reports. The threads
/// are those of the `blocking` crate, which are shared by the whole process, started when needed, and end when idle;
/// there are at most 500 of them unless the environment says otherwise (`BLOCKING_MAX_THREADS`).
///
/// **No thread can be stopped from outside.** A closure that must end has its outcome at once, but its thread goes on
/// until the closure returns, and keeps its slot until then. A run whose time is up, or that is cancelled, nevertheless
/// returns at once, and [`BlockingReport::still_running`] tells which keys still keep a thread busy. Closures that did
/// not start by then never will. A closure that looks at [`Ctx::is_cancelled`] now and then can stop by itself.
///
/// A closure counts as started when it is handed to the pool. Keep limits well below its size: with more closures than
/// threads, the wait for a thread counts as running time; and closures that wait for a `BlockingRunner` of their own on
/// every thread there is wait for ever.
///
/// # Defaults
///
/// 16 closures at once; no timeouts; [`StopOn::Never`](crate::StopOn::Never); no grace; the system's clock.
///
/// # Cost
///
/// Some allocations and a hand-over to another thread per closure: for work of many microseconds.
///
/// # Examples
///
/// ```
/// use regatta_runner::BlockingRunner;
/// use std::time::Duration;
///
/// let mut runner = BlockingRunner::new().limit(4)?.timeout(Duration::from_secs(30));
/// runner.add("cargo", || std::fs::read_to_string("Cargo.toml"))?;
/// runner.add("missing", || std::fs::read_to_string("no such file"))?;
/// let report = runner.run();
/// assert!(report.get("cargo").unwrap().is_ok());
/// assert_eq!(report.counts().failed, 1);
/// assert_eq!(report.still_running().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[must_use = "a runner does nothing until it is run"]
pub struct BlockingRunner<K, T, E> {
    runner: Runner<'static, K, T, E>,
    /// One per closure, in the order of adding.
    busy: Vec<Busy>,
}

impl<K, T, E> BlockingRunner<K, T, E> {
    /// A runner without closures.
    pub fn new() -> Self {
        Self { runner: Runner::new(), busy: Vec::new() }
    }

    /// At most this many closures at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for zero, which would wait for ever.
    pub fn limit(mut self, limit: usize) -> Result<Self, ConfigError> {
        self.runner = self.runner.limit(limit)?;
        Ok(self)
    }

    /// All closures at once, as far as there are threads.
    pub fn unlimited(mut self) -> Self {
        self.runner = self.runner.unlimited();
        self
    }

    run_settings!(|this| this.runner.batch.course, this.runner.watch);

    /// Each attempt may take this long; what is over it ends as `TimedOut`, and may be retried, while its thread goes
    /// on.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.runner = self.runner.attempt_timeout(timeout);
        self
    }

    /// A name for the report.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.runner = self.runner.name(name);
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.runner = self.runner.clock(clock);
        self
    }

    /// One more listener: log lines, a progress bar, your own.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self
    where
        E: fmt::Display,
    {
        self.runner = self.runner.observer(observer);
        self
    }

    /// Asks `strategy` before each start; see [`Runner::strategy`](crate::Runner::strategy).
    pub fn strategy<S>(mut self, strategy: S) -> Self
    where
        S: Strategy<Token: Send> + Send + 'static,
    {
        self.runner = self.runner.strategy(strategy);
        self
    }

    /// What the strategy is asked for a closure with this key; see [`Runner::request`](crate::Runner::request).
    pub fn request(mut self, request: impl FnMut(&K) -> Request + Send + 'static) -> Self {
        self.runner = self.runner.request(request);
        self
    }

    /// How many closures were added.
    pub fn len(&self) -> usize {
        self.runner.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.runner.is_empty()
    }
}

impl<K, T, E> BlockingRunner<K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: Send + 'static,
    E: Send + 'static,
{
    /// Adds a closure under a key of its own.
    ///
    /// # Errors
    ///
    /// [`DuplicateKey`] if the key is taken; the new closure is dropped, the old one stays.
    pub fn add<W>(&mut self, key: K, work: W) -> Result<(), DuplicateKey>
    where
        W: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.add_with(key, move |_| work())
    }

    /// Adds a closure that returns a plain value.
    ///
    /// # Errors
    ///
    /// As [`add`](BlockingRunner::add).
    pub fn add_ok<W>(&mut self, key: K, work: W) -> Result<(), DuplicateKey>
    where
        W: FnOnce() -> T + Send + 'static,
    {
        self.add_with(key, move |_| Ok(work()))
    }

    /// Adds a closure that can see when it should stop: see [`Ctx`].
    ///
    /// # Errors
    ///
    /// As [`add`](BlockingRunner::add).
    pub fn add_with<W>(&mut self, key: K, work: W) -> Result<(), DuplicateKey>
    where
        W: FnOnce(Ctx) -> Result<T, E> + Send + 'static,
    {
        let busy = Busy::default();
        let thread = busy.clone();
        // An async block, so that the work is done where the task is polled.
        let make = move |ctx| async move {
            let _busy = thread.enter();
            work(ctx)
        };
        self.push(key, busy, Once(Some(make)))
    }

    /// Adds a closure that is called anew, each time as a clone, as long as `retry` says so.
    ///
    /// # Errors
    ///
    /// As [`add`](BlockingRunner::add).
    pub fn add_retry<R, W>(&mut self, key: K, retry: R, work: W) -> Result<(), DuplicateKey>
    where
        R: Retry<E> + Send + 'static,
        W: FnOnce(Ctx) -> Result<T, E> + Clone + Send + 'static,
    {
        let busy = Busy::default();
        let thread = busy.clone();
        let make = move |ctx| async move {
            let _busy = thread.enter();
            work(ctx)
        };
        self.push(key, busy, RetriedWith { make, retry })
    }

    fn push<A>(&mut self, key: K, busy: Busy, factory: A) -> Result<(), DuplicateKey>
    where
        A: Again<BoxFuture<'static, Result<T, E>>, E> + Send + 'static,
    {
        self.runner.push_factory(key, factory)?;
        self.busy.push(busy);
        Ok(())
    }

    /// A handle with which the run can be changed while it goes on.
    pub fn handle(&mut self) -> BlockingHandle<K, T, E>
    where
        K: Clone,
    {
        BlockingHandle(self.runner.handle())
    }

    /// Runs the closures and waits for them on this thread.
    ///
    /// Not for async code, which it would block: see [`run_async`](BlockingRunner::run_async).
    pub fn run(self) -> BlockingReport<K, T, E> {
        futures_lite::future::block_on(self.run_async())
    }

    /// Runs the closures; resolves to the report.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run at once; see [`BlockingRun`].
    pub fn run_async(self) -> BlockingRun<K, T, E> {
        let mut drive: Drive<'static, _, _> = self.runner.spawn_on(work::spawn).0;
        drive.waits = false;
        BlockingRun::new(drive, self.busy)
    }
}

impl<K, T, E> Default for BlockingRunner<K, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T, E> fmt::Debug for BlockingRunner<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockingRunner").field(&self.runner).finish()
    }
}

/// Changes a [`BlockingRunner`]'s run while it goes on; made by [`BlockingRunner::handle`].
pub struct BlockingHandle<K, T, E>(Handle<'static, K, T, E>);

impl<K, T, E> BlockingHandle<K, T, E> {
    /// From now on, at most this many closures at once. Those above it go on.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for zero.
    pub fn set_limit(&self, limit: usize) -> Result<(), ConfigError> {
        self.0.set_limit(limit)
    }

    /// From now on, all closures at once, as far as there are threads.
    pub fn set_unlimited(&self) {
        self.0.set_unlimited();
    }

    /// Stops the run as its [`CancelToken`](regatta_core::CancelToken) would.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// How many closures are where, as of the driver's last pass.
    pub fn progress(&self) -> Snapshot {
        self.0.progress()
    }
}

impl<K: Eq + Hash + fmt::Debug + Clone, T, E> BlockingHandle<K, T, E> {
    /// Cancels the closure with this key, and says whether there was one that had not ended. If it waits, it never
    /// starts; if it runs, its [`Ctx`] says so, and it has its outcome after the run's grace.
    pub fn cancel<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.cancel(key)
    }
}

impl<K, T, E> Clone for BlockingHandle<K, T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, T, E> fmt::Debug for BlockingHandle<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BlockingHandle").field(&self.0).finish()
    }
}
