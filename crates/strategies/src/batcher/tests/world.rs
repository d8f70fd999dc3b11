//! A world for the batcher's tests: a clock that a test moves, tasks polled by hand, a handler that answers when told.

use crate::{BatchError, Batcher};
use regatta_core::{Clock, Sleep, Time};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(super) fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// A clock that stands still until it is moved.
#[derive(Clone, Default)]
pub(super) struct Manual(Arc<Mutex<Timers>>);

#[derive(Default)]
struct Timers {
    now: u64,
    next: u64,
    armed: BTreeMap<(u64, u64), Waker>,
    armed_most: usize,
    made: usize,
}

impl Manual {
    pub(super) fn now(&self) -> u64 {
        self.0.lock().unwrap().now
    }

    pub(super) fn armed(&self) -> usize {
        self.0.lock().unwrap().armed.len()
    }

    /// The most that were ever armed at once.
    pub(super) fn armed_most(&self) -> usize {
        self.0.lock().unwrap().armed_most
    }

    /// How many timers were ever made.
    pub(super) fn made(&self) -> usize {
        self.0.lock().unwrap().made
    }

    pub(super) fn set(&self, now: u64) {
        let mut timers = self.0.lock().unwrap();
        timers.now = now;
        let later = timers.armed.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut timers.armed, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
    }

    pub(super) fn advance(&self, by: u64) {
        self.set(self.now() + by);
    }

    /// Jumps to the next timer; `false` if none is armed.
    pub(super) fn jump(&self) -> bool {
        let next = self.0.lock().unwrap().armed.first_key_value().map(|((time, _), _)| *time);
        next.is_some_and(|time| {
            self.set(time);
            true
        })
    }
}

impl Clock for Manual {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.lock().unwrap().now)
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        self.0.lock().unwrap().made += 1;
        Sleep::new(Timer { clock: self.clone(), time: time.as_nanos(), id: None })
    }
}

struct Timer {
    clock: Manual,
    time: u64,
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

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// One task that the test polls by hand.
pub(super) struct Task<O> {
    future: Option<Pin<Box<dyn Future<Output = O> + Send>>>,
    flag: Arc<Flag>,
    output: Option<O>,
    pub(super) polls: usize,
}

impl<O> Task<O> {
    pub(super) fn new(future: impl Future<Output = O> + Send + 'static) -> Self {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        Self { future: Some(Box::pin(future)), flag, output: None, polls: 0 }
    }

    /// A task that was polled once.
    pub(super) fn begun(future: impl Future<Output = O> + Send + 'static) -> Self {
        let mut task = Self::new(future);
        task.poll();
        task
    }

    pub(super) fn poll(&mut self) {
        let Some(future) = &mut self.future else { return };
        self.flag.0.store(false, Ordering::SeqCst);
        self.polls += 1;
        let waker = Waker::from(self.flag.clone());
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.output = Some(output);
            self.future = None;
        }
    }

    /// Its output, which must be there after one more poll.
    pub(super) fn poll_once(&mut self) -> O {
        self.poll();
        self.output().expect("still waiting")
    }

    pub(super) fn is_woken(&self) -> bool {
        self.future.is_some() && self.flag.0.load(Ordering::SeqCst)
    }

    pub(super) fn is_running(&self) -> bool {
        self.future.is_some()
    }

    pub(super) fn cancel(&mut self) {
        self.future = None;
    }

    /// What it ended with, taken out once.
    pub(super) fn output(&mut self) -> Option<O> {
        self.output.take()
    }
}

/// Polls all that are woken until none is.
pub(super) fn run<O>(tasks: &mut [Task<O>]) {
    while let Some(task) = tasks.iter_mut().find(|task| task.is_woken()) {
        task.poll();
    }
}

/// What the tasks ended with; all must have ended.
pub(super) fn outputs<O>(tasks: &mut [Task<O>]) -> Vec<O> {
    run(tasks);
    tasks.iter_mut().map(|task| task.output().expect("still waiting")).collect()
}

/// What a caller of a desk's batcher gets.
pub(super) type Got = Result<u32, BatchError<&'static str>>;

/// Results as they can be compared.
pub(super) fn plain(result: Got) -> Result<u32, String> {
    result.map_err(|error| error.to_string())
}

/// A handler that writes down what it gets, and answers when it is told to. Its result for `n` is `n + 1000`.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<Vec<Visit>>>);

#[derive(Default)]
struct Visit {
    items: Vec<u32>,
    answer: Option<Answer>,
    waker: Option<Waker>,
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Fine,
    Fail(&'static str),
    Panic,
    /// This many results too many.
    TooMany(usize),
}

impl Desk {
    pub(super) fn batcher(&self) -> Batcher<u32, u32, &'static str> {
        let desk = self.clone();
        Batcher::new(async move |items| desk.visit(items).await)
    }

    fn visit(&self, items: Vec<u32>) -> Open {
        let mut visits = self.0.lock().unwrap();
        visits.push(Visit { items, ..Visit::default() });
        Open { desk: self.clone(), number: visits.len() - 1 }
    }

    /// What it was given, call by call.
    pub(super) fn calls(&self) -> Vec<Vec<u32>> {
        self.0.lock().unwrap().iter().map(|visit| visit.items.clone()).collect()
    }

    /// The calls that are neither answered nor dropped.
    pub(super) fn open(&self) -> Vec<usize> {
        let visits = self.0.lock().unwrap();
        (0..visits.len()).filter(|number| !visits[*number].over && visits[*number].answer.is_none()).collect()
    }

    /// How many have an answer that nobody has taken.
    pub(super) fn answered(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|visit| !visit.over && visit.answer.is_some()).count()
    }

    pub(super) fn is_over(&self, number: usize) -> bool {
        self.0.lock().unwrap()[number].over
    }

    /// How many are in flight: begun, and neither done nor dropped.
    pub(super) fn in_flight(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|visit| !visit.over).count()
    }

    pub(super) fn answer(&self, number: usize, answer: Answer) {
        let waker = {
            let visit = &mut self.0.lock().unwrap()[number];
            visit.answer = Some(answer);
            visit.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Wakes a call without an answer.
    pub(super) fn disturb(&self, number: usize) {
        let waker = self.0.lock().unwrap()[number].waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

struct Open {
    desk: Desk,
    number: usize,
}

impl Future for Open {
    type Output = Result<Vec<u32>, &'static str>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut visits = self.desk.0.lock().unwrap();
        let visit = &mut visits[self.number];
        let Some(answer) = visit.answer else {
            visit.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        visit.over = true;
        let results = visit.items.iter().map(|item| item + 1000);
        let answer = match answer {
            Answer::Fine => Ok(results.collect()),
            Answer::Fail(error) => Err(error),
            Answer::TooMany(extra) => Ok(results.chain(std::iter::repeat_n(0, extra)).collect()),
            Answer::Panic => {
                drop(visits);
                // As a panic, but without a line in the log for each of many thousands.
                std::panic::resume_unwind(Box::new("a bug in the handler"));
            }
        };
        Poll::Ready(answer)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.desk.0.lock().unwrap()[self.number].over = true;
    }
}

/// A desk, its batcher with a linger of 10 ns, and the clock.
pub(super) fn world() -> (Desk, Batcher<u32, u32, &'static str>, Manual) {
    let (desk, clock) = (Desk::default(), Manual::default());
    let batcher = desk.batcher().linger(nanos(10)).clock(Arc::new(clock.clone()));
    (desk, batcher, clock)
}

/// Tasks that each have handed in a number, in this order.
pub(super) fn callers(
    batcher: &Batcher<u32, u32, &'static str>,
    items: impl IntoIterator<Item = u32>,
) -> Vec<Task<Got>> {
    items.into_iter().map(|item| Task::begun(batcher.call(item))).collect()
}
