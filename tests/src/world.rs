//! `World`: what a story is given.

use crate::tracked::Busy;
use regatta_core::{BoxFuture, Clock, Executor, Sleep, Time};
use regatta_sim::{ManualClock, Rng, YieldNow};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where a story takes place: a virtual clock, an executor, and random numbers. Clones are the same world.
///
/// While the story runs, time moves by itself: to the next timer, as soon as the story waits and no task that was
/// spawned through [`executor`](World::executor) is about to run. Tasks that run elsewhere, on threads of their own,
/// are not seen; [`outside`](World::outside) makes the clock wait for them.
#[derive(Clone)]
pub struct World {
    /// The clock, to be moved by hand or asked for its timers.
    pub clock: ManualClock,
    executor: Spawner,
    seed: u64,
    random: Arc<Mutex<Rng>>,
    busy: Option<Arc<Busy>>,
}

impl World {
    pub(crate) fn new(clock: ManualClock, executor: Spawner, seed: u64, busy: Option<Arc<Busy>>) -> Self {
        Self { clock, executor, seed, random: Arc::new(Mutex::new(Rng::with_seed(seed))), busy }
    }

    /// The clock, as drivers take it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.shared()
    }

    /// The executor that the story runs on, as drivers take it.
    pub fn executor(&self) -> Spawner {
        self.executor.clone()
    }

    /// Runs `task` beside the story. If it panics, the story fails with its panic.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(Box::pin(task));
    }

    /// Sleeps on the virtual clock, counted from now.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep_until(self.now() + duration)
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The seed that the story is told with; 0 on the real executors.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A stream of random numbers, determined by the seed; each call gives another one.
    pub fn rng(&self) -> Rng {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// Lets others go first.
    pub fn yield_now(&self) -> YieldNow {
        regatta_sim::yield_now()
    }

    /// Makes the clock stand still until the guard is dropped, because something runs where the world can't see it: on
    /// a thread of its own, say. It must be dropped after that has woken whom it will wake.
    ///
    /// The simulator knows one thread only, so there the guard changes nothing, and a story that waits for another
    /// thread is a deadlock.
    pub fn outside(&self) -> Outside {
        Outside(self.busy.as_ref().map(|busy| {
            busy.enter();
            busy.clone()
        }))
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The executor of a [`World`].
#[derive(Clone)]
pub struct Spawner(Arc<dyn Executor>);

impl Spawner {
    pub(crate) fn new(executor: impl Executor + 'static) -> Self {
        Self(Arc::new(executor))
    }
}

impl Executor for Spawner {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawner")
    }
}

/// The clock stands still while it exists; made by [`World::outside`].
#[must_use = "the clock goes on as soon as it is dropped"]
pub struct Outside(Option<Arc<Busy>>);

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(busy) = self.0.take() {
            busy.leave();
        }
    }
}
