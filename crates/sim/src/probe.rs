//! `Probe`: counts what is done to a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// Counts polls, ends and drops of the futures it has wrapped, on any executor. Clones share the counts.
///
/// ```
/// use regatta_sim::{Probe, Sim};
///
/// let sim = Sim::new(1);
/// let (future, probe) = Probe::wrap(std::future::pending());
/// sim.spawn("parked", future);
/// sim.run(regatta_sim::yield_now()).expect("the main future doesn't wait");
/// sim.run(async { sim.sleep(std::time::Duration::from_secs(60)).await }).expect("a timer is set");
/// assert_eq!((probe.polls(), probe.drops()), (1, 0), "a parked future is not polled");
/// drop(sim);
/// assert_eq!((probe.ended(), probe.drops()), (0, 1));
/// ```
#[derive(Clone, Default)]
pub struct Probe(Arc<Counts>);

#[derive(Default)]
struct Counts {
    wrapped: AtomicU64,
    polls: AtomicU64,
    ended: AtomicU64,
    drops: AtomicU64,
}

impl Probe {
    /// A probe that has wrapped nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wraps `future` with a new probe. Costs two allocations: the counts and the future's box.
    pub fn wrap<F: Future>(future: F) -> (Probed<F>, Self) {
        let probe = Self::new();
        (probe.also(future), probe)
    }

    /// Wraps one more future, counted together with the others.
    pub fn also<F: Future>(&self, future: F) -> Probed<F> {
        self.0.wrapped.fetch_add(1, Ordering::SeqCst);
        Probed { future: Box::pin(future), counted: Counted(self.clone()) }
    }

    /// How many futures were wrapped.
    pub fn wrapped(&self) -> u64 {
        self.0.wrapped.load(Ordering::SeqCst)
    }

    /// How often they were polled.
    pub fn polls(&self) -> u64 {
        self.0.polls.load(Ordering::SeqCst)
    }

    /// How many ran to their end.
    pub fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::SeqCst)
    }

    /// How many were dropped, ended or not.
    pub fn drops(&self) -> u64 {
        self.0.drops.load(Ordering::SeqCst)
    }

    /// How many were wrapped and not dropped yet.
    pub fn alive(&self) -> u64 {
        self.wrapped().saturating_sub(self.drops())
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("wrapped", &self.wrapped())
            .field("polls", &self.polls())
            .field("ended", &self.ended())
            .field("drops", &self.drops())
            .finish()
    }
}

/// A future that a [`Probe`] watches. `Send` if the future is; may borrow what the future borrows.
///
/// # Cancel safety
///
/// That of the future inside, which is dropped with it.
#[must_use = "futures do nothing unless polled"]
pub struct Probed<F> {
    // Before `counted`: the drop is counted when the future is really gone, also if its drop panics.
    future: Pin<Box<F>>,
    counted: Counted,
}

impl<F: Future> Future for Probed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let counts = self.counted.0.0.clone();
        counts.polls.fetch_add(1, Ordering::SeqCst);
        let polled = self.future.as_mut().poll(cx);
        if polled.is_ready() {
            counts.ended.fetch_add(1, Ordering::SeqCst);
        }
        polled
    }
}

impl<F> fmt::Debug for Probed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probed").field(&self.counted.0).finish()
    }
}

/// Counts its own drop.
struct Counted(Probe);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.drops.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
