//! `Lazy`: tasks made from the items of an iterator as they start, as a source. Nothing is boxed.

mod drive;
mod judge;

pub(crate) use drive::Drive;
pub use judge::{Fallible, Judge, Plain};

use regatta_core::{EventKind, Kick, Outcome, Panic, Readiness, Rejection, Request, TaskError, Time};
use regatta_engine::{
    Admission, Control, Course, End, Failed, Job, Listeners, Next, Source, StopReason, contain_drop,
    contain_or,
};
use std::future::Future;
use std::marker::PhantomData;

/// Where results go.
pub(crate) trait Sink<T, E> {
    /// Whether one more task may start beside `running`; if not, the sink kicks when that changes.
    fn has_room(&mut self, running: usize) -> bool;
    /// A task has been started from the item with this index. Indices count up from zero.
    fn started(&mut self, index: usize);
    /// The task of this item has ended.
    fn put(&mut self, index: usize, result: Result<T, TaskError<E>>);
    /// Nobody wants results any more.
    fn is_closed(&self) -> bool;
    /// No result will come after those that were put. `complete` says whether the items are all through.
    fn end(&mut self, complete: bool);
    /// Keeps the driver's wake handle.
    fn attach(&mut self, kick: Kick);
}

/// `T` and `E` stand as parameters of their own, so that no projection of `G` is a field.
pub(crate) struct Lazy<It, G, S, T, E, J> {
    pub(crate) course: Course,
    pub(crate) sink: S,
    items: It,
    make: G,
    pulled: usize,
    settled: usize,
    /// The iterator has ended or panicked, and is not asked again.
    over: bool,
    /// It has panicked: what it said, since the panic itself is the last result.
    broken: Option<String>,
    /// It is over because the strategy panicked, with items that nobody has pulled.
    cut: bool,
    /// The iterator is being asked; still set only if that panicked.
    pulling: bool,
    /// The item whose task is being made; still there only if that panicked.
    making: Option<usize>,
    output: PhantomData<fn(J) -> Result<T, E>>,
    /// The last field: observers go after everything that they could hear of.
    pub(crate) listeners: Listeners<E>,
}

/// A run that is over.
pub(crate) struct Ended<S, E> {
    pub(crate) sink: S,
    pub(crate) reason: StopReason,
    /// Whether every item was run.
    pub(crate) complete: bool,
    /// How many items were pulled.
    pub(crate) pulled: usize,
    /// How many items are left that nobody will pull, if the iterator says so exactly.
    pub(crate) rest: usize,
    pub(crate) listeners: Listeners<E>,
}

impl<It, G, S: Sink<T, E>, T, E, J> Lazy<It, G, S, T, E, J> {
    pub(crate) fn new(items: It, make: G, sink: S) -> Self {
        Self {
            course: Course::new(),
            sink,
            items,
            make,
            pulled: 0,
            settled: 0,
            over: false,
            broken: None,
            cut: false,
            pulling: false,
            making: None,
            output: PhantomData,
            listeners: Listeners::new(),
        }
    }

    #[inline]
    fn running(&self) -> usize {
        self.pulled - self.settled
    }

    #[inline]
    fn settle(&mut self, index: usize, now: Time, attempts: u32, result: Result<T, TaskError<E>>) {
        self.settled += 1;
        self.course.settled(result.is_ok());
        // Apart, because a result that is looked at on the way takes longer to its place.
        if self.listeners.is_any() {
            self.tell_and_put(index, now, attempts, result);
        } else {
            self.sink.put(index, result);
        }
        if self.over && self.running() == 0 {
            self.sink.end(self.broken.is_none());
        }
    }

    /// An item is queued when it is pulled, which is when it starts.
    #[cold]
    #[inline(never)]
    fn tell_started(&mut self, index: usize, now: Time) {
        self.listeners.tell(index, &index, now, EventKind::Queued);
        self.listeners.tell(index, &index, now, EventKind::Started { attempt: 1 });
    }

    #[cold]
    #[inline(never)]
    fn tell_and_put(&mut self, index: usize, now: Time, attempts: u32, result: Result<T, TaskError<E>>) {
        self.listeners.finished(index, &index, now, attempts, &result);
        self.sink.put(index, result);
    }

    /// One more item was pulled: its index.
    #[inline]
    fn pull(&mut self) -> usize {
        let index = self.pulled;
        self.pulled += 1;
        self.sink.started(index);
        index
    }
}

impl<It: Iterator, G, S: Sink<T, E>, T, E, J> Lazy<It, G, S, T, E, J> {
    /// Nothing more starts; says so once the last task has ended.
    #[inline]
    fn done<'a, F>(&mut self) -> Next<'a, F> {
        if self.running() == 0 {
            self.sink.end(self.is_through());
        }
        Next::Done
    }

    /// What the iterator says is left. It may be anybody's code.
    fn hint(&self) -> (usize, Option<usize>) {
        contain_or((0, None), || self.items.size_hint())
    }

    /// Whether no item is left. Of a full driver the iterator was not asked for another one, but it may know.
    #[inline]
    fn is_through(&self) -> bool {
        // A hint that panics is no hint.
        if self.over { self.broken.is_none() } else { self.hint().1 == Some(0) }
    }

    /// Asks the iterator, and remembers that it does, should that panic.
    #[inline]
    fn next_item(&mut self) -> Option<It::Item> {
        self.pulling = true;
        let item = self.items.next();
        self.pulling = false;
        item
    }

    /// The strategy refuses the next item for good: that item has its result, and the one after it may do better.
    #[cold]
    fn reject<'a, F>(&mut self, now: Time, why: Rejection) -> Next<'a, F> {
        let Some(item) = self.next_item() else {
            self.over = true;
            return self.done();
        };
        contain_drop(|| drop(item));
        let index = self.pull();
        self.listeners.tell(index, &index, now, EventKind::Queued);
        self.settle(index, now, 0, Err(TaskError::Rejected(why)));
        // This question is used up. The engine asks again at once, after it has looked at what this changes.
        Next::NotBefore(now)
    }

    /// How many items are left that nobody will pull, if the iterator says so exactly.
    fn rest(&self) -> usize {
        if self.over && !self.cut {
            return 0;
        }
        match self.hint() {
            (at_least, Some(at_most)) if at_least == at_most => at_least,
            _ => 0,
        }
    }

    /// The run is over. Lets go of the iterator and the function, whose drops are user code.
    pub(crate) fn finish(self) -> Ended<S, E> {
        let rest = self.rest();
        let complete = self.running() == 0 && contain_or(false, || self.is_through());
        let Self { mut course, sink, items, make, broken, pulled, listeners, .. } = self;
        contain_drop(|| drop(items));
        contain_drop(|| drop(make));
        if !complete {
            course.left_over();
        }
        let reason = match broken {
            Some(message) => StopReason::Panicked(Panic::new(Box::new(message))),
            None => course.reason(),
        };
        Ended { sink, reason, complete, pulled, rest, listeners }
    }
}

impl<It, G, F, O, S, T, E, J> Source for Lazy<It, G, S, T, E, J>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    S: Sink<T, E>,
    J: Judge<O, T, E>,
{
    type Task = F;

    fn attach(&mut self, kick: Kick) {
        self.sink.attach(kick);
    }

    #[inline]
    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, F> {
        if self.over || !self.course.is_open() {
            return self.done();
        }
        if !self.sink.has_room(self.running()) {
            return Next::Waiting;
        }
        let admitted = match admission.start(&Request::new()) {
            Ok(admitted) => admitted,
            Err(Readiness::Rejected(why)) => return self.reject(now, why),
            // Nobody waits for leave only to find that nothing is left.
            Err(_) if self.is_through() => return self.done(),
            Err(readiness) => return Next::Blocked(readiness),
        };
        let Some(item) = self.next_item() else {
            self.over = true;
            return self.done();
        };
        let index = self.pull();
        if self.listeners.is_any() {
            self.tell_started(index, now);
        }
        self.making = Some(index);
        let task = self.make.clone()(item);
        self.making = None;
        let deadline = self.course.settings.task_timeout.map_or(Time::MAX, |timeout| now + timeout);
        Next::Start(Job::new(index, task).deadline(deadline), admitted)
    }

    #[inline]
    fn on_outcome(&mut self, now: Time, index: usize, end: End<O>) -> Outcome {
        let (result, outcome) = self.course.judge(end.map(J::judge), false, |settings| settings.task_timeout);
        self.settle(index, now, 1, result);
        outcome
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        if self.sink.is_closed() {
            self.course.abandon();
        }
        let unfinished = self.running() > 0 || !(self.over || self.is_through());
        self.course.control(now, unfinished, Time::MAX)
    }

    fn failed(&mut self, now: Time, panic: Panic) -> Failed {
        if let Some(index) = self.making.take() {
            self.settle(index, now, 1, Err(TaskError::Panicked(panic)));
            return Failed::GoOn;
        }
        if !std::mem::take(&mut self.pulling) {
            // Not the iterator: a strategy. No item has come to harm, but none can start any more.
            self.over = true;
            self.cut = true;
            self.broken = Some(panic.message().to_owned());
            self.course.fail(panic);
            if self.running() == 0 {
                self.sink.end(false);
            }
            return Failed::Over;
        }
        // The iterator panicked. The item it was to give ends like this, and there is no other.
        self.over = true;
        self.broken = Some(panic.message().to_owned());
        let index = self.pull();
        self.listeners.tell(index, &index, now, EventKind::Queued);
        self.settle(index, now, 0, Err(TaskError::Panicked(panic)));
        Failed::Over
    }
}

/// A vector with room for this many, if that is believable and there is memory for it; it grows otherwise.
pub(crate) fn room<X>(expected: usize) -> Vec<X> {
    let mut values = Vec::new();
    // The room is a saving; a vector that is refused it grows as it goes.
    if expected <= ROOM_MAX / size_of::<X>().max(1) {
        let _ = values.try_reserve_exact(expected);
    }
    values
}

/// So many bytes are set aside before the first item. An iterator that promises more may have no end at all.
const ROOM_MAX: usize = 1 << 30;

/// Drops what nobody is to have. Its drop is user code, and must not take the place of the error that is told.
pub(crate) fn discard<X>(values: impl IntoIterator<Item = X>) {
    for value in values {
        contain_drop(|| drop(value));
    }
}
