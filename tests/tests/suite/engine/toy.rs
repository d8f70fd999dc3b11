//! Toy tasks that do as planned, and the ledger that knows what has become of each.

use regatta_core::{Class, Clock, Limit, Outcome, Request, Sleep, Time};
use regatta_engine::{End, Source};
use regatta_tests::{ManualClock, Rng};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// The text of every planned panic.
pub(crate) const PLANNED: &str = "as planned";

/// What a task does, one act after the other, and how it ends.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) acts: Vec<Act>,
    pub(crate) last: Last,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    pub(crate) panics_in_drop: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Act {
    /// Wakes itself and waits for the next poll.
    Yield,
    Sleep(Duration),
    /// Takes this long inside a poll.
    Compute(Duration),
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Last {
    Ok,
    Err,
    Panic,
    /// Never ends.
    Hang,
}

/// How a task ended, for comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Ended {
    Ok,
    Err,
    Panicked,
    TimedOut,
    Cancelled,
    NotStarted,
    /// Something that it depends on did not end well.
    Skipped,
}

impl Plan {
    pub(crate) fn of(acts: impl Into<Vec<Act>>, last: Last) -> Self {
        Self { acts: acts.into(), last, timeout: None, panics_in_drop: false }
    }

    /// Ends well at its first poll.
    pub(crate) fn ready() -> Self {
        Self::of([], Last::Ok)
    }

    pub(crate) fn sleep(duration: Duration) -> Self {
        Self::of([Act::Sleep(duration)], Last::Ok)
    }

    pub(crate) fn hang() -> Self {
        Self::of([], Last::Hang)
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Any plan; every task ends without help.
    pub(crate) fn random(random: &mut Rng) -> Self {
        let act = |random: &mut Rng| match random.u32(0..6) {
            0 | 1 => Act::Yield,
            2 => Act::Compute(Duration::from_millis(random.u64(0..3))),
            _ => Act::Sleep(Duration::from_millis(random.u64(0..6))),
        };
        let acts = (0..random.usize(0..4)).map(|_| act(random)).collect();
        let last = match random.u32(0..10) {
            0..=5 => Last::Ok,
            6 | 7 => Last::Err,
            8 => Last::Panic,
            _ => Last::Hang,
        };
        let limited = last == Last::Hang || random.u32(0..3) == 0;
        let timeout = limited.then(|| Duration::from_millis(random.u64(0..10)));
        Self { acts, last, timeout, panics_in_drop: random.u32(0..12) == 0 }
    }

    /// The ends that it may come to if nobody interferes.
    ///
    /// Completion beats the deadline in a tie. How often a task that yields is polled in the very instant of its
    /// deadline is not promised, and neither is when a task whose neighbours compute gets its turn, or whether an
    /// executor or the driver is faster in that instant.
    pub(crate) fn ends(&self, neighbours_compute: bool, spawned: bool) -> BTreeSet<Ended> {
        let own = match self.last {
            Last::Ok => Ended::Ok,
            Last::Err => Ended::Err,
            Last::Panic => Ended::Panicked,
            Last::Hang => return BTreeSet::from([Ended::TimedOut]),
        };
        let Some(timeout) = self.timeout else { return BTreeSet::from([own]) };
        let waits = |act: &Act| *act == Act::Yield || matches!(act, Act::Sleep(time) if !time.is_zero());
        if !self.acts.iter().any(waits) && !spawned {
            // Its one poll is its first, which it gets whatever its deadline is.
            return BTreeSet::from([own]);
        }
        let slept: Duration = self.acts.iter().map(Act::length).sum();
        let mut at_the_end = self.acts.iter().rev().take_while(|act| act.length().is_zero());
        let ties = slept == timeout && (spawned || at_the_end.any(|act| *act == Act::Yield));
        if ties || neighbours_compute {
            BTreeSet::from([own, Ended::TimedOut])
        } else if slept <= timeout {
            BTreeSet::from([own])
        } else {
            BTreeSet::from([Ended::TimedOut])
        }
    }

    pub(crate) fn computes(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::Compute(time) if !time.is_zero()))
    }
}

impl Act {
    fn length(&self) -> Duration {
        match self {
            Self::Yield => Duration::ZERO,
            Self::Sleep(time) | Self::Compute(time) => *time,
        }
    }
}

/// A task that does as planned. Its birth, polls and drop are entered in the ledger.
pub(crate) struct Toy {
    pub(crate) key: usize,
    plan: Plan,
    next: usize,
    sleep: Option<Sleep>,
    yielded: bool,
    ledger: Ledger,
}

impl Future for Toy {
    type Output = Result<(), ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.ledger.polled(this.key);
        while let Some(act) = this.plan.acts.get(this.next) {
            match act {
                Act::Yield if !std::mem::replace(&mut this.yielded, true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Act::Yield => this.yielded = false,
                Act::Compute(time) => this.ledger.clock.advance(*time),
                Act::Sleep(time) => {
                    let clock = &this.ledger.clock;
                    let sleep = this.sleep.get_or_insert_with(|| clock.sleep_until(clock.now() + *time));
                    if Pin::new(sleep).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    this.sleep = None;
                }
            }
            this.next += 1;
        }
        match this.plan.last {
            Last::Ok => Poll::Ready(Ok(())),
            Last::Err => Poll::Ready(Err(())),
            Last::Panic => planned_panic(),
            Last::Hang => Poll::Pending,
        }
    }
}

/// Panics without a word on the screen: thousands of planned panics would drown everything else.
fn planned_panic() -> ! {
    std::panic::resume_unwind(Box::new(PLANNED))
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.ledger.dropped(self.key);
        if self.plan.panics_in_drop && !std::thread::panicking() {
            planned_panic();
        }
    }
}

/// How many tasks of several engines exist at once, and how many may.
#[derive(Debug)]
pub(crate) struct Fleet {
    alive: AtomicUsize,
    max: usize,
}

impl Fleet {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { alive: AtomicUsize::new(0), max })
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

/// What has become of each task; checks at every entry that no limit is broken. Clones share.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) clock: ManualClock,
    fleet: Option<Arc<Fleet>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    limit: usize,
    alive: BTreeMap<usize, usize>,
    born: Vec<(usize, Time)>,
    polls: usize,
    dropped: usize,
    ends: BTreeMap<usize, Ended>,
    judged: Vec<Outcome>,
    closed: bool,
    trace: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let state = State { limit: usize::MAX, ..State::default() };
        Self { clock: clock.clone(), fleet: None, state: Arc::new(Mutex::new(state)) }
    }

    /// All tasks of this fleet together are limited too.
    pub(crate) fn in_fleet(mut self, fleet: &Arc<Fleet>) -> Self {
        self.fleet = Some(fleet.clone());
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on no task may be born beyond this many.
    pub(crate) fn limit(&self, limit: Limit) {
        self.lock().limit = limit.get();
    }

    pub(crate) fn slots(&self) -> usize {
        self.lock().limit
    }

    /// A task is born.
    pub(crate) fn toy(&self, key: usize, plan: &Plan) -> Toy {
        let mut state = self.lock();
        assert!(!state.closed, "task {key} is started after the end");
        let now = self.clock.now();
        state.born.push((key, now));
        state.trace.push(format!("{now:?} {key} born"));
        *state.alive.entry(key).or_default() += 1;
        let alive = state.alive.values().sum::<usize>();
        assert!(alive <= state.limit, "{alive} tasks in {} slots", state.limit);
        if let Some(fleet) = &self.fleet {
            let alive = fleet.alive.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(alive <= fleet.max, "{alive} tasks at once under a limit of {}", fleet.max);
        }
        Toy { key, plan: plan.clone(), next: 0, sleep: None, yielded: false, ledger: self.clone() }
    }

    fn polled(&self, key: usize) {
        let mut state = self.lock();
        assert!(!state.closed, "task {key} is polled after the end");
        state.polls += 1;
        let line = format!("{:?} {key} polled", self.clock.now());
        state.trace.push(line);
    }

    fn dropped(&self, key: usize) {
        let mut state = self.lock();
        let alive = state.alive.get_mut(&key).expect("it was born");
        *alive = alive.checked_sub(1).expect("a task is dropped once");
        state.dropped += 1;
        let line = format!("{:?} {key} dropped", self.clock.now());
        state.trace.push(line);
        if let Some(fleet) = &self.fleet {
            fleet.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A task has its one end.
    pub(crate) fn end(&self, key: usize, ended: Ended) {
        let mut state = self.lock();
        let line = format!("{:?} {key} {ended:?}", self.clock.now());
        state.trace.push(line);
        assert_eq!(state.ends.insert(key, ended), None, "task {key} ends twice");
    }

    /// The outcome that the strategy must hear next.
    pub(crate) fn judge(&self, outcome: Outcome) -> Outcome {
        self.lock().judged.push(outcome);
        outcome
    }

    pub(crate) fn judged(&self) -> Vec<Outcome> {
        self.lock().judged.clone()
    }

    /// Nothing may be started or polled from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    pub(crate) fn ends(&self) -> BTreeMap<usize, Ended> {
        self.lock().ends.clone()
    }

    /// Who was started when, in order.
    pub(crate) fn born(&self) -> Vec<(usize, Time)> {
        self.lock().born.clone()
    }

    pub(crate) fn polls(&self) -> usize {
        self.lock().polls
    }

    pub(crate) fn alive(&self) -> usize {
        self.lock().alive.values().sum()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }

    /// Everybody who was born is gone, each once.
    pub(crate) fn assert_all_dropped(&self) {
        let state = self.lock();
        assert_eq!(state.dropped, state.born.len(), "tasks that were never dropped: {:?}", state.alive);
    }
}

/// How an end is entered.
pub(crate) fn ended(end: &End<Result<(), ()>>) -> Ended {
    match end {
        End::Output(Ok(())) => Ended::Ok,
        End::Output(Err(())) => Ended::Err,
        End::Panicked(panic) => {
            assert_eq!(panic.message(), PLANNED);
            Ended::Panicked
        }
        End::TimedOut => Ended::TimedOut,
        End::Cancelled => Ended::Cancelled,
        End::NotStarted(_) => Ended::NotStarted,
    }
}

pub(crate) fn judge(ended: Ended) -> Outcome {
    match ended {
        Ended::Ok => Outcome::Success,
        Ended::Err | Ended::Panicked | Ended::TimedOut => Outcome::Failure,
        Ended::Cancelled => Outcome::Cancelled,
        Ended::NotStarted | Ended::Skipped => Outcome::Unused,
    }
}

/// Tasks belong to three classes, by their key.
pub(crate) fn request(key: usize) -> Request {
    Request::new().class(Class::from_u64(key as u64 % 3))
}

/// Where the tasks are that a source knows of and that don't run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Counts {
    pub(crate) admitted: usize,
    pub(crate) pending: usize,
    pub(crate) delayed: usize,
}

/// A toy source: what the oracles ask it.
pub(crate) trait Supply: Source<Task = Toy> {
    fn ledger(&self) -> &Ledger;
    fn counts(&self, now: Time) -> Counts;
    /// What could be started now, if there were a slot and leave.
    fn candidates(&self, now: Time) -> Vec<Request>;
}
