//! `Sim`: runs a future and all it spawns on one thread, in an order chosen by a seed, on virtual time.

mod drive;

use crate::tasks::{Next, Tasks};
use crate::{Deadlock, ManualClock, SimExecutor, Stats, TaskPanic, TraceEntry};
use drive::Entered;
use fastrand::Rng;
use regatta_core::{Clock, Sleep, Time};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// A single-thread executor with a virtual clock, whose every choice comes from a seed.
///
/// - **Order.** Of the tasks that are ready, the main future included, a seeded random one is polled next. The same
///   program with the same seed takes the same course; a thousand seeds are a thousand schedules.
/// - **Time** stands still while anything is ready and jumps to the next timer when nothing is. So
///   `sim.sleep(Duration::from_nanos(1)).await` also means: wait until everybody else waits. A task that calls
///   [`advance`](ManualClock::advance) lets time pass inside its poll.
/// - **Deadlock.** When nothing is ready and no timer is set, [`run`](Sim::run) returns the names of all who wait.
/// - **Tasks** that are alive when a run returns stay, and go on in the next run. They are dropped with the `Sim`, in
///   the order of spawning.
/// - **Panics.** A spawned task that panics ends; its panic is recorded under its name ([`panics`](Sim::panics)) and goes
///   on out of `run`, unless the panics are [contained](Sim::contain_panics). The `Sim` can be used afterwards. If a
///   task panics while it is dropped with the `Sim`, the others are dropped too, and then the panic goes on.
///
/// Wakes and spawns may come from other threads, but a simulation doesn't wait for threads: what only another thread
/// can wake counts as a deadlock. Threads, real clocks and the iteration order of a std `HashMap` are not seeded; a
/// program that depends on them doesn't replay.
///
/// # Defaults
///
/// At most 10,000,000 polls while time stands still; no bound on virtual time; no trace; panics go on.
///
/// # Examples
///
/// ```
/// use regatta_core::Clock;
/// use regatta_sim::Sim;
/// use std::time::Duration;
///
/// let sim = Sim::new(7);
/// let clock = sim.clock();
/// sim.spawn("ticker", async move {
///     loop {
///         clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
///     }
/// });
/// sim.run(async { sim.sleep(Duration::from_secs(3600)).await }).expect("no deadlock");
/// assert!(sim.task_stats("ticker").polls >= 3600);
/// ```
pub struct Sim {
    seed: u64,
    clock: ManualClock,
    tasks: Arc<Tasks>,
    random: Mutex<Rng>,
    panics: Mutex<Vec<TaskPanic>>,
    panics_contained: bool,
    polls_max: u64,
    time_max: Option<Duration>,
}

impl Sim {
    /// A simulation with a clock of its own, which stands at [`ManualClock::START`].
    pub fn new(seed: u64) -> Self {
        let clock = ManualClock::new();
        // Two streams, so that what the test program draws doesn't shift the order of polls.
        let mut root = Rng::with_seed(seed);
        let (order, random) = (root.fork(), root.fork());
        Self {
            seed,
            tasks: Arc::new(Tasks::new(clock.clone(), order)),
            clock,
            random: Mutex::new(random),
            panics: Mutex::default(),
            panics_contained: false,
            polls_max: 10_000_000,
            time_max: None,
        }
    }

    /// Records every step from here on; see [`trace`](Sim::trace). Costs memory in proportion to the polls and wakes.
    #[must_use]
    pub fn record_trace(self) -> Self {
        self.tasks.log(|log| log.record_trace());
        self
    }

    /// Ends a spawned task that panics without ending the run; see [`panics`](Sim::panics).
    #[must_use]
    pub fn contain_panics(mut self) -> Self {
        self.panics_contained = true;
        self
    }

    /// How many polls may follow each other while time stands still, before [`run`](Sim::run) panics; at least 1.
    #[must_use]
    pub fn max_polls(mut self, polls: u64) -> Self {
        self.polls_max = polls.max(1);
        self
    }

    /// How far the clock may jump in one run before [`run`](Sim::run) panics. Finds a main future that waits in vain
    /// beside a task that ticks for ever, which is no deadlock.
    #[must_use]
    pub fn max_time(mut self, time: Duration) -> Self {
        self.time_max = Some(time);
        self
    }

    /// The seed it was made with, to be printed beside a failure.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The virtual clock, as drivers take it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.shared()
    }

    /// The virtual clock, to be moved by hand.
    pub fn manual(&self) -> ManualClock {
        self.clock.clone()
    }

    /// The executor, as drivers take it; usable before and during a run, and inside tasks.
    pub fn executor(&self) -> SimExecutor {
        SimExecutor(self.tasks.clone())
    }

    /// Spawns `future` as a task called `name`; the next or current run polls it. Several tasks may share a name.
    pub fn spawn(&self, name: impl Into<Arc<str>>, future: impl Future<Output = ()> + Send + 'static) {
        self.executor().spawn_named(name, future);
    }

    /// Sleeps on the virtual clock, counted from now, not from the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping it forgets the timer and nothing else.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep_until(self.clock.now() + duration)
    }

    /// A stream of random numbers for the test program. Derived from the seed and apart from the order of polls; each
    /// call gives another stream, so that every task can own one.
    pub fn random(&self) -> Rng {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// Runs `main`, and all spawned tasks beside it, until `main` has ended.
    ///
    /// `main` runs in place: it may borrow, the `Sim` too, and need not be `Send`. It is dropped before `run` returns.
    /// A poll costs a few uncontended locks and no allocation, unless the trace is recorded.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] if nothing is ready and no timer is set. The spawned tasks stay as they are.
    ///
    /// # Panics
    ///
    /// With the panic of `main`, or of a spawned task unless those are [contained](Sim::contain_panics); if it is
    /// called inside a run of the same `Sim`; after too many polls without time moving
    /// ([`max_polls`](Sim::max_polls)), naming the busiest task; past [`max_time`](Sim::max_time), naming all tasks.
    pub fn run<F: Future>(&self, main: F) -> Result<F::Output, Deadlock> {
        let entered = Entered::new(&self.tasks);
        // Declared after `entered`, and so dropped before it.
        let mut main = pin!(main);
        let end = self.time_max.map_or(Time::MAX, |time| self.clock.now() + time);
        loop {
            match self.tasks.next(self.polls_max) {
                Next::PollMain(waker) => {
                    if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                        entered.ended();
                        return Ok(output);
                    }
                }
                Next::Poll(turn) => self.poll(turn),
                Next::Idle => self.idle(end)?,
                Next::Livelock(busiest) => self.livelock(&busiest),
            }
        }
    }

    /// Drops all spawned tasks, in the order of spawning, as an executor that shuts down does; a task that calls it is
    /// dropped when its poll returns. New tasks may be spawned afterwards.
    ///
    /// # Panics
    ///
    /// With the first panic of a dropped task, after all were dropped, unless panics are
    /// [contained](Sim::contain_panics).
    pub fn drop_tasks(&self) {
        self.drop_all(self.tasks.take_all(false));
    }

    /// Counts of all tasks so far.
    pub fn stats(&self) -> Stats {
        self.tasks.log(|log| log.total())
    }

    /// Counts of the tasks called `name` so far; `main` is the main future of all runs. All zero if there was none.
    pub fn task_stats(&self, name: &str) -> Stats {
        self.tasks.log(|log| log.named(name))
    }

    /// What happened so far, in order; empty unless [`record_trace`](Sim::record_trace) was called. Clones it.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.tasks.log(|log| log.trace())
    }

    /// The panics of spawned tasks so far, in order.
    pub fn panics(&self) -> Vec<TaskPanic> {
        self.lock_panics().clone()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // A second panic while unwinding would abort the process.
        self.panics_contained |= std::thread::panicking();
        self.drop_all(self.tasks.take_all(true));
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.seed)
            .field("clock", &self.clock)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
