//! `Builder`: how a queue is set up.

use crate::engine::{QueueEngine, Retire};
use crate::hub::Hub;
use crate::ledger::{Ledger, Rules};
use crate::order::{Line, Order};
use crate::{Ctx, Queue, Reader, Results};
use regatta_core::{
    Clock, ConfigError, Discipline, Fifo, Limit, Retry, Strategy, SystemClock, TaskError, Time,
};
use regatta_engine::{Course, StopOn};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Sets a queue up; made by [`Queue::builder`].
///
/// # Defaults
///
/// - workers: none; they must be [set](Self::workers)
/// - capacity: 1,024 jobs; growth by handlers: unlimited
/// - order: first come, first served; no limit per class
/// - retries: none; strategy: none
/// - timeouts, idle timeout, failure limit: none; grace: zero
/// - results: [collected](Results::Collect)
/// - clock: [`SystemClock`]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder<J, St = (), Rt = NoRetry> {
    workers: Option<usize>,
    rules: Rules,
    course: Course,
    line: Box<dyn Line>,
    strategy: St,
    rule: Rt,
    clock: Arc<dyn Clock>,
    paused: bool,
    job: PhantomData<fn(J)>,
}

/// No attempt is followed by another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct NoRetry;

impl<E> Retry<E> for NoRetry {
    fn delay(&mut self, _: Time, _: u32, _: &TaskError<E>) -> Option<Duration> {
        None
    }

    fn timed(&self) -> bool {
        false
    }
}

impl<J> Builder<J> {
    pub(crate) fn new() -> Self {
        Self {
            workers: None,
            rules: Rules {
                workers: 0,
                capacity: 1024,
                growth: usize::MAX,
                class_limit: None,
                idle_timeout: None,
                results: Results::Collect,
            },
            course: Course::new(),
            line: Box::new(Order::new(Fifo)),
            strategy: (),
            rule: NoRetry,
            clock: SystemClock::shared(),
            paused: false,
            job: PhantomData,
        }
    }
}

impl<J, St, Rt> Builder<J, St, Rt> {
    regatta_engine::time_settings!(|this| this.course, |token| drop(token.clone()));

    /// So many jobs run at once. It has no default.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `workers` is zero.
    pub fn workers(mut self, workers: usize) -> Result<Self, ConfigError> {
        Limit::named("workers", workers)?;
        self.workers = Some(workers);
        Ok(self)
    }

    /// So many jobs may wait: for their first start, their delay, or another attempt. Running ones don't count.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `capacity` is zero.
    pub fn capacity(mut self, capacity: usize) -> Result<Self, ConfigError> {
        Limit::named("capacity", capacity)?;
        self.rules.capacity = capacity;
        Ok(self)
    }

    /// By so many jobs may handlers exceed the capacity, with [`Ctx::push`]. Zero is legal: they are refused where
    /// others would have to wait.
    pub fn growth(mut self, growth: usize) -> Self {
        self.rules.growth = growth;
        self
    }

    /// At most so many jobs of the same [class](crate::Options::class) run at once. Those above it don't hold up the
    /// others.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `limit` is zero.
    pub fn class_limit(mut self, limit: usize) -> Result<Self, ConfigError> {
        Limit::named("class_limit", limit)?;
        self.rules.class_limit = Some(limit);
        Ok(self)
    }

    /// Each attempt may take this long.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.course.settings.attempt_timeout = Some(timeout);
        self
    }

    /// The run stops when so many jobs have failed for good: what has ended keeps its result, what runs is cancelled at
    /// once, and the jobs that were never started are handed out by the run.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `failures` is zero.
    pub fn max_failures(mut self, failures: usize) -> Result<Self, ConfigError> {
        Limit::named("max_failures", failures)?;
        self.course.settings.stop_on = StopOn::failures(failures)?;
        Ok(self)
    }

    /// The run stops when it has had nothing to do for so long, also at its beginning.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.rules.idle_timeout = Some(timeout);
        self
    }

    /// What becomes of results that nobody holds a ticket for.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if they are to be bounded by zero: no job could start.
    pub fn results(mut self, results: Results) -> Result<Self, ConfigError> {
        if let Results::Bounded(places) = results {
            Limit::named("results", places)?;
        }
        self.rules.results = results;
        Ok(self)
    }

    /// In which order waiting jobs start. It is asked under the queue's lock: it must not use the queue.
    pub fn discipline<D>(mut self, discipline: D) -> Self
    where
        D: Discipline<Key: Send + 'static> + Send + 'static,
    {
        self.line = Box::new(Order::new(discipline));
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Nothing starts until [`Queue::resume`].
    pub fn paused(mut self) -> Self {
        self.paused = true;
        self
    }

    /// Attempts that fail are made again as `rule` says. Each job has a copy of it, from its first failure on. A job that
    /// waits for its next attempt holds no worker.
    pub fn retry<Rt2>(self, rule: Rt2) -> Builder<J, St, Rt2> {
        let Self { workers, rules, course, line, strategy, rule: _, clock, paused, job } = self;
        Builder { workers, rules, course, line, strategy, rule, clock, paused, job }
    }

    /// Attempts start as `strategy` admits them: a rate, a breaker, a [`Limiter`](regatta_core::Limiter) shared with
    /// others, or a tuple of them. A job that it refuses for good ends as
    /// [`Rejected`](regatta_core::TaskError::Rejected). It is asked about the first waiting job of each class.
    pub fn strategy<St2>(self, strategy: St2) -> Builder<J, St2, Rt> {
        let Self { workers, rules, course, line, strategy: _, rule, clock, paused, job } = self;
        Builder { workers, rules, course, line, strategy, rule, clock, paused, job }
    }

    /// As many results are kept as there are workers, where nothing else was said.
    pub(crate) fn bound_results(mut self) -> Self {
        if let (Results::Collect, Some(workers)) = (self.rules.results, self.workers) {
            self.rules.results = Results::Bounded(workers);
        }
        self
    }

    /// All results are kept, whatever was said.
    pub(crate) fn keep_results(mut self) -> Self {
        self.rules.results = Results::Collect;
        self
    }

    /// A queue whose jobs are run by `handler`: its side for pushing, its results, and its engine.
    ///
    /// The handler is cloned for each attempt, so what it captures is cloned too; shared state goes into an `Arc`, or is
    /// borrowed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    #[expect(clippy::type_complexity, reason = "three sides, each with what it needs")]
    pub fn build<R, E, H, F, Tok>(
        self,
        handler: H,
    ) -> Result<(Queue<J, R, E>, Reader<J, R, E>, QueueEngine<J, R, E, H, F, St, Tok, Rt>), ConfigError>
    where
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
    {
        let Self { workers, mut rules, course, line, strategy, rule, clock, paused, .. } = self;
        rules.workers = workers.ok_or_else(|| ConfigError::new("workers", "none", "must be set"))?;
        let settings = course.settings.clone();
        let hub = Arc::new(Hub::new(Ledger::new(rules, line, course, paused), clock));
        let queue = Queue { hub: hub.clone() };
        let reader = Reader::new(hub.clone());
        let retire = Retire(Some((hub.clone(), settings.clone())));
        let engine = QueueEngine { hub, settings, handler, strategy, rule, retire, task: PhantomData };
        Ok((queue, reader, engine))
    }
}

impl<J, St, Rt> fmt::Debug for Builder<J, St, Rt> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
