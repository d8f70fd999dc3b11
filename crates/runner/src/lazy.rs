//! `Lazy`: tasks made from the items of an iterator as they start, as a source. Nothing is boxed.

use crate::course::Course;
use regatta_core::{Kick, Outcome, Panic, Request, TaskError, Time};
use regatta_engine::{Admission, Control, End, Failed, Job, Next, Source, contain_drop, contain_or};
use std::convert::Infallible;
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

/// How the output of a task becomes its result.
pub trait Judge<O, T, E>: sealed::Sealed {
    /// The result.
    fn judge(output: O) -> Result<T, E>;
}

/// Tasks that return a `Result`, which is their result.
#[derive(Clone, Copy, Debug)]
pub struct Fallible;

/// Tasks that return a plain value, which is their success.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl<T, E> Judge<Result<T, E>, T, E> for Fallible {
    fn judge(output: Result<T, E>) -> Result<T, E> {
        output
    }
}

impl<T> Judge<T, T, Infallible> for Plain {
    fn judge(output: T) -> Result<T, Infallible> {
        Ok(output)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fallible {}
    impl Sealed for super::Plain {}
}

/// `T` and `E` stand as parameters of their own, so that no projection of `G` is a field.
pub(crate) struct Lazy<It, G, S, T, E, J> {
    pub(crate) course: Course,
    pub(crate) sink: S,
    items: It,
    make: G,
    pulled: usize,
    settled: usize,
    exhausted: bool,
    /// The iterator panicked, and is not asked again.
    broken: bool,
    /// The item whose task is being made; still there only if that panicked.
    making: Option<usize>,
    output: PhantomData<fn(J) -> Result<T, E>>,
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
            exhausted: false,
            broken: false,
            making: None,
            output: PhantomData,
        }
    }

    #[inline]
    fn running(&self) -> usize {
        self.pulled - self.settled
    }

    #[inline]
    fn settle(&mut self, index: usize, result: Result<T, TaskError<E>>) {
        self.settled += 1;
        self.course.settled(result.is_ok());
        self.sink.put(index, result);
        if (self.exhausted || self.broken) && self.running() == 0 {
            self.sink.end(!self.broken);
        }
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

    /// Whether no item is left. Of a full driver the iterator was not asked for another one, but it may know.
    #[inline]
    fn is_through(&self) -> bool {
        self.exhausted || (!self.broken && self.items.size_hint().1 == Some(0))
    }

    /// How many items are left that nobody will pull, if the iterator says so exactly.
    pub(crate) fn rest(&self) -> usize {
        if self.exhausted || self.broken {
            return 0;
        }
        match contain_or((0, None), || self.items.size_hint()) {
            (at_least, Some(at_most)) if at_least == at_most => at_least,
            _ => 0,
        }
    }

    /// Lets go of the iterator and the function, whose drops are user code.
    pub(crate) fn finish(self) -> (Course, S) {
        let Self { course, sink, items, make, .. } = self;
        contain_drop(|| drop(items));
        contain_drop(|| drop(make));
        (course, sink)
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
        if self.exhausted || self.broken || !self.course.is_open() {
            return self.done();
        }
        if !self.sink.has_room(self.running()) {
            return Next::Waiting;
        }
        let admitted = match admission.start(&Request::new()) {
            Ok(admitted) => admitted,
            Err(readiness) => return Next::Blocked(readiness),
        };
        let Some(item) = self.items.next() else {
            self.exhausted = true;
            return self.done();
        };
        let index = self.pulled;
        self.pulled += 1;
        self.sink.started(index);
        self.making = Some(index);
        let task = self.make.clone()(item);
        self.making = None;
        let deadline = self.course.settings.task_timeout.map_or(Time::MAX, |timeout| now + timeout);
        Next::Start(Job::new(index, task).deadline(deadline), admitted)
    }

    #[inline]
    fn on_outcome(&mut self, _: Time, index: usize, end: End<O>) -> Outcome {
        let (result, outcome) = match end {
            End::Output(output) => match J::judge(output) {
                Ok(value) => (Ok(value), Outcome::Success),
                Err(error) => (Err(TaskError::Failed(error)), Outcome::Failure),
            },
            End::Panicked(panic) => (Err(TaskError::Panicked(panic)), Outcome::Failure),
            End::TimedOut => {
                let after = self.course.settings.task_timeout.unwrap_or_default();
                (Err(TaskError::TimedOut { after }), Outcome::Failure)
            }
            End::Cancelled => (Err(self.course.stopped_error()), Outcome::Cancelled),
            End::NotStarted(why) => (Err(TaskError::NotStarted(why)), Outcome::Unused),
        };
        self.settle(index, result);
        outcome
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        if self.sink.is_closed() {
            self.course.abandon();
        }
        let unfinished = self.running() > 0 || !(self.broken || self.is_through());
        self.course.control(now, unfinished, Time::MAX)
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        if let Some(index) = self.making.take() {
            self.settle(index, Err(TaskError::Panicked(panic)));
            return Failed::GoOn;
        }
        // The iterator panicked. The item it was to give ends like this, and there is no other.
        self.broken = true;
        let index = self.pulled;
        self.pulled += 1;
        self.sink.started(index);
        self.settle(index, Err(TaskError::Panicked(panic)));
        Failed::Over
    }
}
