//! `Batch`: a runner's tasks as a source. Keyed, boxed, some of them to be made again after a failure.

use crate::course::Course;
use regatta_core::{BoxFuture, EventKind, Outcome, Panic, Request, Retry, TaskError, Time};
use regatta_engine::{
    Admission, Control, End, Failed, Job, Moment, Next, Observers, Report, ReportBuilder, Retrying, Source,
    TaskReport, contain, contain_drop, contain_or,
};
use std::collections::HashMap;
use std::fmt;

/// The state of a runner on its way: the report that grows, and what is still to be started.
pub(crate) struct Batch<'a, K, T, E> {
    pub(crate) course: Course,
    pub(crate) report: ReportBuilder<K, T, E>,
    pub(crate) name: Option<String>,
    /// How an error looks in an event; set with the first observer, which is what asks for `E: Display`.
    pub(crate) text: Option<Text<E>>,
    bodies: Bodies<'a, T, E>,
    /// The first task that has not been started.
    fresh: usize,
    settled: usize,
    retrying: Retrying<usize>,
    /// The last field: observers go after everything that they could hear of.
    pub(crate) observers: Observers,
}

/// A factory together with its retry rule, so that both share one box.
pub(crate) trait Again<'a, T, E> {
    fn attempt(&mut self) -> BoxFuture<'a, Result<T, E>>;
    fn retry(&mut self) -> &mut dyn Retry<E>;
}

/// Where the tasks come from: a future each, good for one attempt, or a factory. Dropping what was never started is
/// user code too.
struct Bodies<'a, T, E> {
    futures: Vec<Option<BoxFuture<'a, Result<T, E>>>>,
    /// Beside the futures, because few tasks have one.
    factories: HashMap<usize, Box<dyn Again<'a, T, E> + Send + 'a>>,
}

impl<T, E> Drop for Bodies<'_, T, E> {
    fn drop(&mut self) {
        for future in self.futures.drain(..).flatten() {
            contain_drop(|| drop(future));
        }
        for (_, factory) in self.factories.drain() {
            contain_drop(|| drop(factory));
        }
    }
}

impl<'a, K, T, E> Batch<'a, K, T, E> {
    pub(crate) fn new() -> Self {
        Self {
            course: Course::new(),
            report: ReportBuilder::new(),
            observers: Observers::new(),
            name: None,
            text: None,
            bodies: Bodies { futures: Vec::new(), factories: HashMap::new() },
            fresh: 0,
            settled: 0,
            retrying: Retrying::new(),
        }
    }

    /// Adds the future of the task that was last pushed to the report.
    #[inline]
    pub(crate) fn push(&mut self, future: BoxFuture<'a, Result<T, E>>) {
        self.bodies.futures.push(Some(future));
    }

    /// Adds the factory of the task that was last pushed to the report.
    pub(crate) fn push_factory(&mut self, factory: Box<dyn Again<'a, T, E> + Send + 'a>) {
        self.bodies.factories.insert(self.bodies.futures.len(), factory);
        self.bodies.futures.push(None);
    }

    pub(crate) fn reserve(&mut self, tasks: usize) {
        self.report.reserve(tasks);
        self.bodies.futures.reserve(tasks);
    }

    fn unfinished(&self) -> bool {
        self.settled < self.report.len()
    }
}

impl<'a, K: fmt::Debug, T, E> Batch<'a, K, T, E> {
    /// The run is over at `now`.
    pub(crate) fn into_report(mut self, began: Moment, now: Time) -> Report<K, T, E> {
        if self.fresh < self.report.len() || !self.retrying.is_empty() {
            self.course.left_over();
        }
        // Retries that were not to be: the last failure stands.
        for index in std::mem::take(&mut self.retrying).drain() {
            if let Some(error) = self.report.take_retried(index) {
                self.settle(index, now, Err(error));
            }
        }
        drop(self.bodies);
        let report = self.report.close(self.name, began, now, self.course.reason());
        if !self.observers.is_empty() {
            let never = report.tasks().iter().enumerate().filter(|(_, task)| task.started().is_none());
            for (id, task) in never {
                tell_finished(&mut self.observers, self.text, id, now, task);
            }
        }
        report
    }

    fn begin(&mut self, now: Time) {
        if self.observers.is_empty() {
            return;
        }
        for (id, task) in self.report.tasks().iter().enumerate() {
            self.observers.tell(id, task.key(), now, EventKind::Queued);
        }
    }

    /// The job of this task's next attempt, or `None` if its factory panicked: then the task has ended.
    #[inline]
    fn attempt(&mut self, index: usize, now: Time) -> Option<Job<BoxFuture<'a, Result<T, E>>>> {
        let task = match self.bodies.futures[index].take() {
            Some(task) => Ok(task),
            None => {
                let factory = self.bodies.factories.get_mut(&index).expect("a future is started once");
                contain(|| factory.attempt())
            }
        };
        let attempt = self.report.start(index, now);
        if !self.observers.is_empty() {
            let key = self.report.tasks()[index].key();
            self.observers.tell(index, key, now, EventKind::Started { attempt });
        }
        match task {
            Ok(task) => Some(Job::new(index, task).deadline(self.deadline(index, now))),
            Err(panic) => {
                self.settle(index, now, Err(TaskError::Panicked(panic)));
                None
            }
        }
    }

    #[inline]
    fn deadline(&self, index: usize, now: Time) -> Time {
        let attempt = self.course.settings.attempt_timeout.map_or(Time::MAX, |timeout| now + timeout);
        attempt.min(self.task_deadline(index))
    }

    /// When the task must have ended, all its attempts and the pauses between them included.
    fn task_deadline(&self, index: usize) -> Time {
        match (self.course.settings.task_timeout, self.report.tasks()[index].started()) {
            (Some(timeout), Some(started)) => started + timeout,
            _ => Time::MAX,
        }
    }

    fn timed_out(&self, index: usize, now: Time) -> TaskError<E> {
        let settings = &self.course.settings;
        let whole = now >= self.task_deadline(index);
        let after = if whole { settings.task_timeout } else { settings.attempt_timeout };
        TaskError::TimedOut { after: after.unwrap_or_default() }
    }

    /// When to try again after `error`, if at all.
    fn again(&mut self, index: usize, now: Time, error: &TaskError<E>) -> Option<Time> {
        let worth_it = self.course.is_open() && now < self.task_deadline(index);
        let factory = self.bodies.factories.get_mut(&index)?;
        let attempts = self.report.tasks()[index].attempts();
        // A retry rule that panics has no opinion: the failure stands.
        let delay = if worth_it {
            contain_or(None, || factory.retry().delay(attempts, error))?
        } else {
            return None;
        };
        let due = now + delay;
        (due < self.task_deadline(index) && due < self.course.end()).then_some(due)
    }

    /// Ends what was due in time and found no slot until its task's time was up: the last failure stands.
    fn give_up_late_retries(&mut self, now: Time) {
        while self.course.is_open()
            && let Some(&index) = self.retrying.peek_due(now)
            && now >= self.task_deadline(index)
        {
            self.retrying.pop_due(now);
            if let Some(error) = self.report.take_retried(index) {
                self.settle(index, now, Err(error));
            }
        }
    }

    #[inline]
    fn settle(&mut self, index: usize, now: Time, result: Result<T, TaskError<E>>) {
        self.settled += 1;
        self.course.settled(result.is_ok());
        // Most runs have no factory at all, and then not even the index is hashed.
        if !self.bodies.factories.is_empty() {
            let factory = self.bodies.factories.remove(&index);
            contain_drop(|| drop(factory));
        }
        // Kept before anybody hears of it: an outcome is not lost to a listener.
        self.report.settle(index, now, result);
        if !self.observers.is_empty() {
            tell_finished(&mut self.observers, self.text, index, now, &self.report.tasks()[index]);
        }
    }
}

/// How an error reads in an event; the error's `Display` is user code.
type Text<E> = fn(&TaskError<E>) -> String;

fn read<E>(text: Option<Text<E>>, error: &TaskError<E>) -> Option<String> {
    let text = text?;
    Some(contain_or(None, || Some(text(error))).unwrap_or_else(|| String::from("(its Display panicked)")))
}

fn tell_finished<K: fmt::Debug, T, E>(
    observers: &mut Observers,
    text: Option<Text<E>>,
    id: usize,
    now: Time,
    task: &TaskReport<K, T, E>,
) {
    let error = task.result().as_ref().err().and_then(|error| read(text, error));
    let kind =
        EventKind::Finished { attempts: task.attempts(), state: task.state(), error: error.as_deref() };
    observers.tell(id, task.key(), now, kind);
}

impl<'a, K: fmt::Debug, T, E> Source for Batch<'a, K, T, E> {
    type Task = BoxFuture<'a, Result<T, E>>;

    #[inline]
    fn next<'s>(&mut self, now: Time, admission: Admission<'s>) -> Next<'s, Self::Task> {
        self.give_up_late_retries(now);
        if !self.course.is_open() {
            return Next::Done;
        }
        let retry = self.retrying.peek_due(now).is_some();
        if !retry && self.fresh == self.report.len() {
            return self.retrying.next_due().map_or(Next::Done, Next::NotBefore);
        }
        let admitted = match admission.start(&Request::new()) {
            Ok(admitted) => admitted,
            Err(readiness) => return Next::Blocked(readiness),
        };
        let index = match self.retrying.pop_due(now) {
            Some(index) => index,
            None => {
                self.fresh += 1;
                self.fresh - 1
            }
        };
        match self.attempt(index, now) {
            Some(job) => Next::Start(job, admitted),
            // The factory panicked. The engine asks again once it has seen what that changes; see `control`.
            None => Next::NotBefore(now),
        }
    }

    #[inline]
    fn on_outcome(&mut self, now: Time, index: usize, end: End<Result<T, E>>) -> Outcome {
        let (error, outcome) = match end {
            End::Output(Ok(value)) => {
                self.settle(index, now, Ok(value));
                return Outcome::Success;
            }
            End::Output(Err(error)) => (TaskError::Failed(error), Outcome::Failure),
            End::Panicked(panic) => (TaskError::Panicked(panic), Outcome::Failure),
            End::TimedOut => (self.timed_out(index, now), Outcome::Failure),
            // Also where the run's time is up: that says nothing about the task.
            End::Cancelled => (self.course.stopped_error(), Outcome::Cancelled),
            End::NotStarted(why) => (TaskError::NotStarted(why), Outcome::Unused),
        };
        match self.again(index, now, &error) {
            Some(due) => {
                if !self.observers.is_empty() {
                    let task = &self.report.tasks()[index];
                    let (attempt, delay) = (task.attempts(), due.since(now));
                    let text = read(self.text, &error).unwrap_or_default();
                    let kind = EventKind::Retrying { attempt, delay, error: &text };
                    self.observers.tell(index, task.key(), now, kind);
                }
                self.report.retry(index, now, error);
                self.retrying.push(due, index);
            }
            None => self.settle(index, now, Err(error)),
        }
        outcome
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        if !self.course.has_begun() {
            self.begin(now);
        }
        self.course.control(now, self.unfinished())
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.course.fail(panic);
        Failed::Over
    }
}
