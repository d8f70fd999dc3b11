//! A world for the limiter's tests: a clock that a test moves, an executor that counts, two small strategies.

use crate::*;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(super) fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

pub(super) fn cost(cost: u32) -> Request {
    Request::new().cost(cost)
}

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
pub(super) struct Manual(Arc<Mutex<Timers>>);

#[derive(Default)]
struct Timers {
    now: Time,
    next: u64,
    armed: BTreeMap<(Time, u64), Waker>,
    armed_most: usize,
    looks: usize,
}

impl Manual {
    /// How many timers are armed.
    pub(super) fn armed(&self) -> usize {
        self.0.lock().unwrap().armed.len()
    }

    /// The most that were ever armed at once.
    pub(super) fn armed_most(&self) -> usize {
        self.0.lock().unwrap().armed_most
    }

    /// How often somebody asked for the present.
    pub(super) fn looks(&self) -> usize {
        self.0.lock().unwrap().looks
    }

    pub(super) fn set(&self, now: u64) {
        let mut timers = self.0.lock().unwrap();
        timers.now = at(now);
        let later = timers.armed.split_off(&(at(now), u64::MAX));
        let due = std::mem::replace(&mut timers.armed, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
    }

    /// Jumps to the next timer; `false` if none is armed.
    pub(super) fn jump(&self) -> bool {
        let next = self.0.lock().unwrap().armed.first_key_value().map(|((time, _), _)| time.as_nanos());
        next.is_some_and(|time| {
            self.set(time);
            true
        })
    }
}

impl Clock for Manual {
    fn now(&self) -> Time {
        let mut timers = self.0.lock().unwrap();
        timers.looks += 1;
        timers.now
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        Sleep::new(Timer { clock: self.clone(), time, id: None })
    }
}

struct Timer {
    clock: Manual,
    time: Time,
    id: Option<u64>,
}

impl Timer {
    fn disarm(&mut self) {
        if let Some(id) = self.id.take() {
            let waker = self.clock.0.lock().unwrap().armed.remove(&(self.time, id));
            drop(waker);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.disarm();
        let clock = self.clock.clone();
        let mut timers = clock.0.lock().unwrap();
        if timers.now >= self.time {
            return Poll::Ready(());
        }
        let id = timers.next;
        timers.next += 1;
        timers.armed.insert((self.time, id), cx.waker().clone());
        timers.armed_most = timers.armed_most.max(timers.armed.len());
        self.id = Some(id);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Whether something was woken, and how often.
#[derive(Default)]
pub(super) struct Flag {
    woken: AtomicBool,
    wakes: AtomicUsize,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

impl Flag {
    pub(super) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    pub(super) fn kick(self: &Arc<Self>) -> Kick {
        Kick::new(Waker::from(self.clone()))
    }
}

/// One task that the test polls by hand, or [`Tasks`] polls when it is woken.
pub(super) struct Task<T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    flag: Arc<Flag>,
    output: Option<T>,
    pub(super) polls: usize,
}

impl<T> Task<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let flag = Arc::new(Flag::default());
        flag.woken.store(true, Ordering::SeqCst);
        Self { future: Some(Box::pin(future)), flag, output: None, polls: 0 }
    }

    /// A task that was polled once.
    pub(super) fn begun(future: impl Future<Output = T> + Send + 'static) -> Self {
        let mut task = Self::new(future);
        task.poll();
        task
    }

    pub(super) fn poll(&mut self) {
        let Some(future) = &mut self.future else { return };
        self.flag.woken.store(false, Ordering::SeqCst);
        self.polls += 1;
        let waker = Waker::from(self.flag.clone());
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.output = Some(output);
            self.future = None;
        }
    }

    /// Polls it for as long as it is woken.
    pub(super) fn run(&mut self) -> &mut Self {
        while self.is_running() && self.is_woken() {
            self.poll();
        }
        self
    }

    pub(super) fn is_woken(&self) -> bool {
        self.flag.woken.load(Ordering::SeqCst)
    }

    pub(super) fn is_running(&self) -> bool {
        self.future.is_some()
    }

    pub(super) fn wakes(&self) -> usize {
        self.flag.wakes()
    }

    pub(super) fn cancel(&mut self) {
        self.future = None;
    }

    /// What it ended with.
    pub(super) fn output(&mut self) -> Option<T> {
        self.output.take()
    }
}

impl Task<Result<Permit, Rejection>> {
    /// Runs it, and gives the permit that it must have by then.
    pub(super) fn permit(&mut self) -> Permit {
        self.run().output().expect("still waiting").expect("refused")
    }

    /// Runs it, and gives the refusal that it must have by then.
    pub(super) fn refusal(&mut self) -> Rejection {
        self.run().output().expect("still waiting").expect_err("admitted")
    }

    /// Runs it, and sees whether it waits.
    pub(super) fn waits(&mut self) -> bool {
        self.run().is_running()
    }
}

/// What the test strategies were told, in order.
pub(super) type Log = Arc<Mutex<Vec<Outcome>>>;

/// At most `max` in flight; what does not fit into `max` is refused for good.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) max: u32,
    pub(super) used: u32,
    pub(super) starts: usize,
    pub(super) finishes: usize,
    pub(super) log: Log,
    pub(super) kick: Kick,
}

impl Slots {
    pub(super) fn new(max: u32) -> Self {
        Self { max, used: 0, starts: 0, finishes: 0, log: Log::default(), kick: Kick::none() }
    }

    pub(super) fn set_max(&mut self, max: u32) {
        self.max = max;
        self.kick.kick();
    }
}

impl Strategy for Slots {
    type Token = u32;

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        if request.cost > self.max {
            return Rejection::TooCostly { cost: request.cost, max: self.max }.into();
        }
        let room = self.max.saturating_sub(self.used);
        if request.cost <= room { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<u32, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            refusal => return Err(refusal),
        }
        self.used += request.cost;
        self.starts += 1;
        Ok(request.cost)
    }

    fn finish(&mut self, token: u32, _: Time, outcome: Outcome) {
        self.used -= token;
        self.finishes += 1;
        self.log.lock().unwrap().push(outcome);
    }

    fn reconcile(&mut self, token: &mut u32, _: Time, actual: u32) {
        self.used = self.used - *token + actual;
        *token = actual;
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    fn timed(&self) -> bool {
        false
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("slots", self.ready(now, request));
    }
}

/// One start per `gap` nanoseconds.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) gap: u64,
    pub(super) last: Option<Time>,
}

impl Rate {
    pub(super) fn new(gap: u64) -> Self {
        Self { gap, last: None }
    }
}

impl Strategy for Rate {
    /// The start before this one, and this one.
    type Token = (Option<Time>, Time);

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        match self.last.map(|last| last + Duration::from_nanos(self.gap)) {
            Some(earliest) if now < earliest => Readiness::NotBefore(earliest),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok((self.last.replace(now), now)),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (before, start): Self::Token, _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused && self.last == Some(start) {
            self.last = before;
        }
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn finish_matters(&self) -> bool {
        false
    }
}

/// A limiter on a clock of its own.
pub(super) fn limiter<S>(strategy: S) -> (Limiter<S>, Manual)
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    let clock = Manual::default();
    (Limiter::with_clock(strategy, Arc::new(clock.clone())), clock)
}

/// Tasks that each wait for a permit, in this order.
pub(super) fn queue<S>(limiter: &Limiter<S>, count: usize) -> Vec<Task<Result<Permit, Rejection>>>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    (0..count).map(|_| Task::begun(limiter.acquire())).collect()
}

/// What happened to those who hold and those who wait: (issued, waiting).
pub(super) fn counts<S: Strategy>(limiter: &Limiter<S>) -> (usize, usize) {
    (limiter.issued(), limiter.waiting())
}
