//! A stage without an executor: actors are polled by hand, one after the other, so that a future can be dropped between
//! any two steps.

use regatta::queue::{Ctx, Stats};
use regatta_sim::ManualClock;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(super) const CAPACITY: usize = 2;

/// How many of a kind are alive.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<AtomicUsize>);

impl Live {
    pub(super) fn one(&self) -> Token {
        self.0.fetch_add(1, Ordering::SeqCst);
        Token(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// One of them.
pub(super) struct Token(Live);

impl Clone for Token {
    fn clone(&self) -> Self {
        self.0.one()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let before = self.0.0.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "dropped more often than made");
    }
}

/// A job that is counted while it lives.
pub(super) struct Job {
    pub(super) number: usize,
    pub(super) token: Token,
}

impl Job {
    pub(super) fn new(number: usize, live: &Live) -> Self {
        Self { number, token: live.one() }
    }
}

/// Takes a poll or two and some time; every third job fails in its first attempt. Results and errors are counted too.
pub(super) async fn work(
    job: Arc<Job>,
    ctx: Ctx<Job, Token, Token>,
    clock: ManualClock,
) -> Result<Token, Token> {
    regatta_sim::yield_now().await;
    if job.number.is_multiple_of(2) {
        regatta_core::Clock::sleep_until(&clock, clock.now() + Duration::from_millis(5)).await;
    }
    if job.number % 3 == 1 && ctx.attempt() == 1 { Err(job.token.clone()) } else { Ok(job.token.clone()) }
}

/// At every moment each job is in exactly one place, and no more run than may.
pub(super) fn check(stats: Stats, workers: usize) {
    assert_eq!(stats.unsettled() + stats.settled, stats.admitted, "{stats:?}");
    let outcomes = stats.ok + stats.failed + stats.panicked + stats.timed_out + stats.cancelled;
    assert_eq!(outcomes + stats.not_started + stats.rejected, stats.settled + stats.stopping, "{stats:?}");
    assert!(stats.running <= workers, "{stats:?}");
    // What ran and is to be tried again comes back although its place was given away.
    assert!(stats.pending + stats.delayed <= CAPACITY + workers, "{stats:?}");
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A future that is polled when it was woken.
pub(super) struct Actor<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    flag: Arc<Flag>,
    pub(super) polls: usize,
}

impl<'a> Actor<'a> {
    pub(super) fn new(future: impl Future<Output = ()> + 'a) -> Self {
        Self { future: Some(Box::pin(future)), flag: Arc::new(Flag(AtomicBool::new(true))), polls: 0 }
    }

    /// Whether it has ended or was dropped.
    pub(super) fn is_gone(&self) -> bool {
        self.future.is_none()
    }

    pub(super) fn is_woken(&self) -> bool {
        self.future.is_some() && self.flag.0.load(Ordering::SeqCst)
    }

    /// Polls it if it was woken; whether it was.
    pub(super) fn step(&mut self) -> bool {
        if !self.is_woken() {
            return false;
        }
        self.flag.0.store(false, Ordering::SeqCst);
        self.polls += 1;
        let waker = Waker::from(self.flag.clone());
        let future = self.future.as_mut().expect("it is there if it was woken");
        if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.future = None;
        }
        true
    }

    /// Drops it where it stands.
    pub(super) fn kill(&mut self) {
        self.future = None;
    }

    /// So many hold its waker, itself not counted.
    pub(super) fn wakers(&self) -> usize {
        Arc::strong_count(&self.flag) - 1
    }
}

/// An executor whose tasks are polled by hand.
#[derive(Clone, Default)]
pub(super) struct ByHand(Arc<std::sync::Mutex<Vec<regatta_core::BoxFuture<'static, ()>>>>);

impl regatta_core::Executor for ByHand {
    fn spawn(&self, task: regatta_core::BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl ByHand {
    /// What was spawned since the last time.
    pub(super) fn take(&self) -> Vec<Actor<'static>> {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.into_iter().map(Actor::new).collect()
    }
}

/// Stops a test that goes nowhere.
#[derive(Default)]
pub(super) struct Patience(Cell<usize>);

impl Patience {
    /// Nothing was woken: lets time pass. Whether there was a timer.
    pub(super) fn wait(&self, clock: &ManualClock, anything: bool, what: &str) {
        self.0.set(self.0.get() + 1);
        assert!(self.0.get() < 5000, "it goes nowhere: {what}");
        if !anything {
            assert!(clock.advance_to_next().is_some(), "deadlock: {what}");
        }
    }
}
