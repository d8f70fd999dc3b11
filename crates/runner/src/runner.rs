//! `Runner`: a set of keyed tasks, run with limits and timeouts, and a report of every one.

use crate::batch::Batch;
use crate::drive::Drive;
use crate::handle::Handle;
use crate::mode::{Local, Mode, Threads};
use crate::run::{Run, SpawnedRun};
use crate::settings::run_settings;
use crate::started::{Driver, Started};
use crate::watch::Watch;
use regatta_core::{
    BoxStrategy, Clock, ConfigError, Executor, Limit, Observer, Request, Strategy, SystemClock,
};
use regatta_engine::{Engine, OnExecutor, Report, contain_or};
use std::fmt;
use std::future::IntoFuture;
use std::hash::Hash;
use std::sync::Arc;

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
pub struct Runner<'a, K, T, E, M: Mode<'a, T, E> = Threads> {
    pub(crate) batch: Batch<'a, K, T, E, M>,
    strategy: Option<BoxStrategy<'a>>,
    limit: Limit,
    clock: Arc<dyn Clock>,
    pub(crate) watch: Watch,
}

/// 16: enough to overlap I/O, few enough for a service that somebody else runs.
const LIMIT: usize = 16;

impl<'a, K, T, E> Runner<'a, K, T, E> {
    /// A runner without tasks.
    pub fn new() -> Self {
        Self::empty()
    }

    /// A runner with room for so many tasks: adding them then moves nothing.
    pub fn with_capacity(tasks: usize) -> Self {
        let mut runner = Self::new();
        runner.batch.reserve(tasks);
        runner
    }
}

impl<'a, K, T, E> Runner<'a, K, T, E, Local> {
    /// A runner for tasks that are not `Send`. The future that runs them isn't either: it can be awaited in place, on
    /// any executor that doesn't move it between threads. Strategies, observers and [`request`](Runner::request) are
    /// `Send` all the same.
    ///
    /// ```
    /// use regatta_runner::Runner;
    /// use std::rc::Rc;
    ///
    /// # smol::block_on(async {
    /// let shared = Rc::new(5);
    /// let mut runner = Runner::local();
    /// runner.add("task", async { Ok::<_, std::io::Error>(*shared + 1) })?;
    /// assert_eq!(runner.run().await.ok().next(), Some((&"task", &6)));
    /// # Ok::<(), regatta_runner::DuplicateKey>(())
    /// # }).unwrap();
    /// ```
    pub fn local() -> Self {
        Self::empty()
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> Runner<'a, K, T, E, M> {
    fn empty() -> Self {
        let limit = Limit::count(LIMIT).unwrap_or(Limit::Unlimited);
        Self {
            batch: Batch::new(),
            strategy: None,
            limit,
            clock: SystemClock::shared(),
            watch: Watch::default(),
        }
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
        self.batch.listeners.add(observer);
        self
    }

    /// Opens a `tracing` span for each task, in the span that is current where the task is added; the task is polled in
    /// its span, and what happens to it is told there. Set the run's [`name`](Runner::name) before. Names, levels and
    /// fields: [`Spans`](crate::Spans).
    #[cfg(feature = "tracing")]
    pub fn traced(mut self) -> Self
    where
        K: Eq + Hash + fmt::Debug,
        E: fmt::Display,
    {
        self.batch.trace();
        self
    }

    /// Asks `strategy` before each start, retries included: a rate, a breaker, a limit shared with others, or a tuple
    /// of them. Tasks start in the order of adding, so one that must wait holds up those behind it. One that is
    /// rejected for good ends as [`Rejected`](regatta_core::TaskError::Rejected). Replaces an earlier one.
    pub fn strategy<S>(mut self, strategy: S) -> Self
    where
        S: Strategy<Token: Send> + Send + 'a,
    {
        self.strategy = Some(BoxStrategy::new(strategy));
        self
    }

    /// What the strategy is asked for a task with this key: its cost, priority or class. Called whenever the task is
    /// next in line. Without it, and where it panics, every request is [`Request::new`].
    pub fn request(mut self, mut request: impl FnMut(&K) -> Request + Send + 'a) -> Self {
        self.batch.request = Some(Box::new(move |key| contain_or(Request::new(), || request(key))));
        self
    }

    /// How many tasks were added.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a, K, T, E, M> Runner<'a, K, T, E, M>
where
    K: Eq + Hash + fmt::Debug,
    M: Mode<'a, T, E>,
{
    /// A handle with which the run can be changed while it goes on, also by its own tasks.
    ///
    /// Keys are cloned for it, those of tasks that are added later too.
    pub fn handle(&mut self) -> Handle<'a, K, T, E, M>
    where
        K: Clone,
    {
        Handle { inbox: self.batch.inbox() }
    }

    /// Runs the tasks in place, in the future that it returns; resolves to the report.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run at once and drops its tasks; see [`Run`].
    pub fn run(self) -> Run<'a, K, T, E, M> {
        let engine = Engine::new(self.batch, self.strategy).limit(self.limit).clock(self.clock);
        Run(Drive::new(engine, self.watch))
    }
}

impl<K, T, E> Runner<'static, K, T, E>
where
    K: Eq + Hash + fmt::Debug,
    T: Send + 'static,
    E: Send + 'static,
{
    /// Runs the tasks on `executor`, each spawned when it may start, so that they use its threads; resolves to the
    /// report. Whoever awaits the future drives limits and deadlines.
    ///
    /// A task that must end gets its outcome at once and is dropped by its executor as soon as that comes to it; until
    /// then it keeps its slot, and the run waits for it. A task that the executor refuses, or drops, ends as
    /// `NotStarted` or `Cancelled`.
    ///
    /// # Cost
    ///
    /// A spawn and four allocations per task: worth it for tasks that compute for some twenty microseconds and more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run at once; see [`SpawnedRun`].
    ///
    /// # Examples
    ///
    /// ```
    /// use regatta_runner::Runner;
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut runner = Runner::new();
    /// for n in 0..4_u64 {
    ///     runner.add(n, async move { Ok::<_, std::io::Error>((0..=n).sum::<u64>()) })?;
    /// }
    /// let report = runner.spawn_on(|task| { tokio::spawn(task); }).await;
    /// assert_eq!(report.ok().map(|(_, sum)| sum).sum::<u64>(), 10);
    /// # Ok::<(), regatta_runner::DuplicateKey>(())
    /// # }).unwrap();
    /// ```
    pub fn spawn_on(self, executor: impl Executor + 'static) -> SpawnedRun<K, T, E> {
        let source = OnExecutor::new(self.batch, executor);
        let engine = Engine::new(source, self.strategy).limit(self.limit).clock(self.clock);
        SpawnedRun(Drive::new(engine, self.watch))
    }

    /// As [`spawn_on`](Runner::spawn_on), and what drives the run is spawned too: it goes on without being polled.
    /// The handle resolves to the report; dropping it cancels the run, detaching it does not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the handle cancels the run at once; see [`Started`].
    ///
    /// # Examples
    ///
    /// ```
    /// use regatta_runner::Runner;
    ///
    /// let mut runner = Runner::new();
    /// runner.add("sum", async { Ok::<_, std::io::Error>(1 + 1) })?;
    /// let started = runner.start(|task| smol::spawn(task).detach());
    /// // Whatever else there is to do.
    /// let report = smol::block_on(started);
    /// assert!(report.is_ok());
    /// # Ok::<(), regatta_runner::DuplicateKey>(())
    /// ```
    pub fn start(self, executor: impl Executor + 'static) -> Started<K, T, E>
    where
        K: Send + 'static,
    {
        let executor: Arc<dyn Executor> = Arc::new(executor);
        let (driver, started) = Driver::new(self.spawn_on(executor.clone()));
        // An executor that panics drops the driver, which leaves its report as it goes.
        contain_or((), || executor.spawn(Box::pin(driver)));
        started
    }
}

/// `runner.await` is `runner.run().await`.
impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> IntoFuture for Runner<'a, K, T, E, M> {
    type Output = Report<K, T, E>;
    type IntoFuture = Run<'a, K, T, E, M>;

    fn into_future(self) -> Self::IntoFuture {
        self.run()
    }
}

impl<K, T, E> Default for Runner<'_, K, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, K, T, E, M: Mode<'a, T, E>> fmt::Debug for Runner<'a, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("tasks", &self.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
