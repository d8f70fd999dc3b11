//! Driving an engine, and looking at it after each poll.

use super::toy::Supply;
use regatta_core::{Strategy, Time};
use regatta_engine::{Engine, Source};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Counts wakes and passes them on.
struct Counter {
    wakes: AtomicUsize,
    outer: Waker,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.outer.wake_by_ref();
    }
}

impl Counter {
    fn new(outer: Waker) -> Arc<Self> {
        Arc::new(Self { wakes: AtomicUsize::new(0), outer })
    }

    fn take(&self) -> usize {
        self.wakes.swap(0, Ordering::SeqCst)
    }
}

/// Runs an engine to its end. After each poll, `look` sees it, and whether it is at rest: it waits and has not woken
/// itself. Others can look at it in between.
pub(crate) async fn drive<Src, St, F, Tok>(
    engine: &Mutex<Engine<Src, St, F, Tok>>,
    mut look: impl FnMut(&Engine<Src, St, F, Tok>, bool),
) where
    Src: Source<Task = F>,
    St: Strategy<Token = Tok>,
    F: Future,
{
    poll_fn(|cx| {
        let counter = Counter::new(cx.waker().clone());
        let mut engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = engine.poll(&mut Context::from_waker(&Waker::from(counter.clone())));
        look(&engine, polled.is_pending() && counter.take() == 0);
        polled
    })
    .await;
}

/// Polls an engine by hand.
pub(crate) struct Hand(Arc<Counter>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Counter::new(Waker::noop().clone()))
    }

    pub(crate) fn poll<Src, St, F, Tok>(&self, engine: &mut Engine<Src, St, F, Tok>) -> Poll<()>
    where
        Src: Source<Task = F>,
        St: Strategy<Token = Tok>,
        F: Future,
    {
        engine.poll(&mut Context::from_waker(&Waker::from(self.0.clone())))
    }

    /// Whether the engine was woken since this was last asked.
    pub(crate) fn woken(&self) -> bool {
        self.0.take() > 0
    }

    /// Polls until the engine has ended or waits without having woken itself.
    pub(crate) fn settle<Src, St, F, Tok>(&self, engine: &mut Engine<Src, St, F, Tok>) -> Poll<()>
    where
        Src: Source<Task = F>,
        St: Strategy<Token = Tok>,
        F: Future,
    {
        loop {
            if self.poll(engine).is_ready() {
                return Poll::Ready(());
            }
            if !self.woken() {
                return Poll::Pending;
            }
        }
    }
}

/// The conservation law: each task that was admitted is in exactly one place.
pub(crate) fn assert_conserved<Src, St, F, Tok>(
    engine: &Engine<Src, St, F, Tok>,
    supply: &impl Supply,
    now: Time,
) where
    St: Strategy<Token = Tok>,
{
    let counts = supply.counts(now);
    let ended = supply.ledger().ends().len();
    let settled = ended.checked_sub(engine.stopping());
    let settled = settled.expect("a task that is stopping has its outcome");
    let places = [counts.pending, counts.delayed, engine.running(), engine.stopping(), settled];
    assert_eq!(
        places.iter().sum::<usize>(),
        counts.admitted,
        "pending, delayed, running, stopping, settled: {places:?}"
    );
}

/// Nobody waits who could run: at rest, there is no free slot, or nothing is ready, or the strategy refuses it all.
pub(crate) fn assert_work_conserved<Src, St, F, Tok>(
    engine: &Engine<Src, St, F, Tok>,
    supply: &impl Supply,
    now: Time,
    allowed: impl Fn(&St, &regatta_core::Request) -> bool,
) where
    Src: Source<Task = F>,
    F: Future,
    St: Strategy<Token = Tok>,
{
    if engine.running() + engine.stopping() >= supply.ledger().slots() {
        return;
    }
    for request in supply.candidates(now) {
        assert!(
            !allowed(engine.strategy(), &request),
            "at {now:?} a slot is free and {request:?} could start; {engine:?}"
        );
    }
}
