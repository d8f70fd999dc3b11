//! `Batch`: a runner's tasks as a source. Keyed, boxed, some of them to be made again after a failure.

use crate::body::{Again, Bodies, Body};
use crate::course::Course;
use crate::in_span::InSpan;
use crate::inbox::{Inbox, InboxEnd, Order};
use crate::listeners::Listeners;
use crate::mode::Mode;
use crate::snapshot::Phase;
use crate::stops::Stops;
use regatta_core::{EventKind, Kick, Limit, Outcome, Panic, Readiness, Request, TaskError, Time};
use regatta_engine::{
    Admission, Control, End, Failed, Job, Moment, Next, Report, ReportBuilder, Retrying, Source, contain,
    contain_or,
};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// The state of a runner on its way: the report that grows, and what is still to be started.
pub(crate) struct Batch<'a, K, T, E, M: Mode<'a, T, E>> {
    pub(crate) course: Course,
    pub(crate) report: ReportBuilder<K, T, E>,
    pub(crate) name: Option<String>,
    inbox: Option<InboxEnd<K, M::Task, M::Factory>>,
    /// Copies a key for the inbox; there with it.
    copy: Option<fn(&K) -> K>,
    /// What a strategy is asked for each task.
    pub(crate) request: Option<RequestFor<'a, K>>,
    bodies: Bodies<M::Task, M::Factory>,
    stops: Stops,
    /// The first task that has not been started.
    fresh: usize,
    settled: usize,
    retrying: Retrying<usize>,
    limit: Option<Limit>,
    /// The last field: listeners go after everything that they could hear of.
    pub(crate) listeners: Listeners<E>,
}

type RequestFor<'a, K> = Box<dyn FnMut(&K) -> Request + Send + 'a>;

impl<'a, K, T, E, M: Mode<'a, T, E>> Batch<'a, K, T, E, M> {
    pub(crate) fn new() -> Self {
        Self {
            course: Course::new(),
            report: ReportBuilder::new(),
            name: None,
            inbox: None,
            copy: None,
            request: None,
            bodies: Bodies::new(),
            stops: Stops::new(),
            fresh: 0,
            settled: 0,
            retrying: Retrying::new(),
            limit: None,
            listeners: Listeners::new(),
        }
    }

    pub(crate) fn reserve(&mut self, tasks: usize) {
        self.report.reserve(tasks);
        self.bodies.reserve(tasks);
    }

    /// Whether a task has no outcome yet.
    pub(crate) fn unfinished(&self) -> bool {
        self.settled < self.report.len()
    }
}

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Batch<'a, K, T, E, M> {
    /// Adds a task, or hands its key back if that is taken.
    #[inline]
    pub(crate) fn push(&mut self, key: K, body: impl FnOnce() -> Body<M::Task, M::Factory>) -> Result<(), K> {
        if let (Some(inbox), Some(copy)) = (&self.inbox, self.copy) {
            // Handles may have added this key; what this side has added is known there too.
            if inbox.0.reserve(copy(&key), self.report.len()).is_err() {
                return Err(key);
            }
        }
        let index = self.report.push(key)?;
        self.bodies.push(body());
        self.open_span(index);
        Ok(())
    }

    /// Opens the task's span inside the span that is current where it is added.
    #[cfg(feature = "tracing")]
    fn open_span(&mut self, index: usize) {
        self.listeners.open(index, self.report.tasks()[index].key(), self.name.as_deref());
    }

    #[cfg(not(feature = "tracing"))]
    #[inline]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "there are spans only with the feature"
    )]
    fn open_span(&mut self, _: usize) {}

    /// From now on, spans are kept: also of the tasks that are there.
    #[cfg(feature = "tracing")]
    pub(crate) fn trace(&mut self)
    where
        E: fmt::Display,
    {
        self.listeners.trace();
        (0..self.report.len()).for_each(|index| self.open_span(index));
    }

    /// The task's attempt, to be polled inside its span.
    #[cfg(feature = "tracing")]
    fn in_span(&self, index: usize, task: M::Task) -> InSpan<M::Task> {
        InSpan::new(task, self.listeners.span(index))
    }

    #[cfg(not(feature = "tracing"))]
    #[inline]
    #[expect(clippy::unused_self, reason = "it has a span only with the feature")]
    fn in_span(&self, _: usize, task: M::Task) -> InSpan<M::Task> {
        InSpan::new(task)
    }

    /// What handles need. All of them share one inbox.
    pub(crate) fn inbox(&mut self) -> Arc<Inbox<K, M::Task, M::Factory>>
    where
        K: Clone,
    {
        let report = &self.report;
        let end = self.inbox.get_or_insert_with(|| {
            let inbox = Inbox::new();
            for (index, task) in report.tasks().iter().enumerate() {
                // A new inbox refuses nothing, and the keys of a report differ.
                let _ = inbox.reserve(task.key().clone(), index);
            }
            InboxEnd(Arc::new(inbox))
        });
        self.copy = Some(K::clone);
        end.0.clone()
    }

    /// The run is over at `now`.
    pub(crate) fn into_report(mut self, began: Moment, now: Time) -> Report<K, T, E> {
        if let Some(inbox) = self.inbox.take() {
            // Added when it was too late to start them, or before there was a run at all.
            let added = inbox.0.close();
            self.take_in(now, added);
        }
        if self.unfinished() {
            self.course.left_over();
        }
        // Retries that were not to be: the last failure stands.
        for index in std::mem::take(&mut self.retrying).drain() {
            if let Some(error) = self.report.take_retried(index) {
                self.settle(index, now, Err(error));
            }
        }
        drop(self.bodies);
        drop(self.stops);
        let report = self.report.close(self.name, began, now, self.course.reason());
        if self.listeners.is_any() {
            for (id, task) in report.tasks().iter().enumerate().filter(|(_, task)| task.ended().is_none()) {
                self.listeners.finished(id, task.key(), now, task.attempts(), task.result());
            }
        }
        report
    }

    fn begin(&mut self, now: Time) {
        if self.listeners.is_any() {
            for (id, task) in self.report.tasks().iter().enumerate() {
                self.listeners.tell(id, task.key(), now, EventKind::Queued);
            }
        }
    }

    /// Does what the handles have ordered since the last look.
    fn obey_handles(&mut self, now: Time) {
        let Some(inbox) = self.inbox.as_ref().map(|end| end.0.clone()) else { return };
        let added = inbox.take_added();
        self.take_in(now, added);
        for order in inbox.orders() {
            match order {
                Order::Limit(limit) => self.limit = Some(limit),
                Order::Stop => self.course.cancel(),
                Order::Cancel(index) => self.cancel(index, now),
            }
        }
    }

    fn take_in(&mut self, now: Time, added: Vec<(K, Body<M::Task, M::Factory>)>) {
        for (key, body) in added {
            // The inbox has refused keys that are taken.
            let Ok(index) = self.report.push(key) else { continue };
            self.report.queue(index, now);
            self.bodies.push(body);
            self.open_span(index);
            let key = self.report.tasks()[index].key();
            self.listeners.tell(index, key, now, EventKind::Queued);
            let cancelled = self.inbox.as_ref().is_some_and(|inbox| inbox.0.seen(key, index));
            if cancelled {
                self.cancel(index, now);
            }
        }
    }

    /// Cancels one task, wherever it is.
    fn cancel(&mut self, index: usize, now: Time) {
        let task = &self.report.tasks()[index];
        if task.ended().is_some() {
            return;
        }
        let (has_started, retrying) = (task.started().is_some(), self.retrying.len());
        self.retrying.retain(|&waiting| waiting != index);
        if !has_started {
            self.stops.ask(index, now);
            let why = regatta_core::NotStarted::Cancelled;
            self.settle(index, now, Err(TaskError::NotStarted(why)));
        } else if self.retrying.len() < retrying {
            self.stops.ask(index, now);
            self.settle(index, now, Err(TaskError::Cancelled));
        } else {
            self.stops.ask(index, now + self.course.settings.grace);
        }
    }

    /// The task that is to start next: a retry that is due, or the first that has not been started.
    #[inline]
    fn candidate(&mut self, now: Time) -> Option<usize> {
        if let Some(&index) = self.retrying.peek_due(now) {
            return Some(index);
        }
        while self.fresh < self.report.len() {
            // Some were cancelled before their turn.
            if self.report.tasks()[self.fresh].ended().is_none() {
                return Some(self.fresh);
            }
            self.fresh += 1;
        }
        None
    }

    /// The candidate is none any more.
    #[inline]
    fn take_candidate(&mut self, now: Time) {
        if self.retrying.pop_due(now).is_none() {
            self.fresh += 1;
        }
    }

    #[inline]
    fn request_of(&mut self, index: usize) -> Request {
        let Some(request) = &mut self.request else { return Request::new() };
        request(self.report.tasks()[index].key())
    }

    /// The job of this task's next attempt, or `None` if its factory panicked: then the attempt has ended.
    #[inline]
    fn attempt(&mut self, index: usize, now: Time) -> Option<Job<InSpan<M::Task>>> {
        let attempt = self.report.start(index, now);
        let task = match self.bodies.take(index) {
            Some(task) => Ok(task),
            None => {
                let factory = self.bodies.factory(index).expect("a future is started once");
                let stops = &mut self.stops;
                contain(|| factory.attempt(&mut || stops.ctx(index, attempt)))
            }
        };
        let key = self.report.tasks()[index].key();
        if let Some(inbox) = &self.inbox {
            inbox.0.moved(key, Phase::Running);
        }
        self.listeners.tell(index, key, now, EventKind::Started { attempt });
        match task {
            Ok(task) => {
                let task = self.in_span(index, task);
                Some(Job::new(index, task).deadline(self.deadline(index, now)))
            }
            Err(panic) => {
                self.failed_attempt(index, now, TaskError::Panicked(panic));
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

    /// An attempt has ended, and not well: there is another, or the task has its outcome.
    fn failed_attempt(&mut self, index: usize, now: Time, error: TaskError<E>) {
        let Some(due) = self.again(index, now, &error) else {
            self.settle(index, now, Err(error));
            return;
        };
        let task = &self.report.tasks()[index];
        if let Some(inbox) = &self.inbox {
            inbox.0.moved(task.key(), Phase::Retrying);
        }
        self.listeners.retrying(index, task.key(), now, (task.attempts(), due.since(now)), &error);
        self.report.retry(index, now, error);
        self.retrying.push(due, index);
    }

    /// When to try again after `error`, if at all.
    fn again(&mut self, index: usize, now: Time, error: &TaskError<E>) -> Option<Time> {
        if self.stops.was_asked(index) || !self.course.is_open() || now >= self.task_deadline(index) {
            return None;
        }
        let factory = self.bodies.factory(index)?;
        let retry = factory.retry()?;
        let attempts = self.report.tasks()[index].attempts();
        // A retry rule that panics has no opinion: the failure stands.
        let delay = contain_or(None, || retry.delay(attempts, error))?;
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
        let is_ok = result.is_ok();
        // Who cancels one task does not want the stop rule to end the others for it.
        if is_ok || !self.stops.was_asked(index) {
            self.course.settled(is_ok);
        }
        self.stops.forget(index);
        self.bodies.forget(index);
        // Kept before anybody hears of it: an outcome is not lost to a listener.
        self.report.settle(index, now, result);
        let task = &self.report.tasks()[index];
        if let Some(inbox) = &self.inbox {
            inbox.0.moved(task.key(), if is_ok { Phase::Ok } else { Phase::NotOk });
        }
        self.listeners.finished(index, task.key(), now, task.attempts(), task.result());
    }

    /// Whether every task has its outcome, and no other will start.
    pub(crate) fn is_closed(&self) -> bool {
        let open = self.course.is_open();
        if open { self.is_over() } else { true }
    }

    /// Whether no task can come any more, neither from here nor from a handle.
    fn is_over(&self) -> bool {
        !self.unfinished() && self.inbox.as_ref().is_none_or(|inbox| inbox.0.close_if_empty())
    }
}

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Source for Batch<'a, K, T, E, M> {
    type Task = InSpan<M::Task>;

    fn attach(&mut self, kick: Kick) {
        if let Some(inbox) = &self.inbox {
            inbox.0.attach(kick);
        }
    }

    #[inline]
    fn next<'s>(&mut self, now: Time, admission: Admission<'s>) -> Next<'s, Self::Task> {
        self.give_up_late_retries(now);
        if !self.course.is_open() {
            if let Some(inbox) = &self.inbox {
                let late = inbox.0.close();
                self.take_in(now, late);
            }
            return Next::Done;
        }
        let Some(index) = self.candidate(now) else {
            return match self.retrying.next_due() {
                Some(due) => Next::NotBefore(due),
                None if self.unfinished() || self.is_over() => Next::Done,
                // Somebody has just added one: it is taken in at the beginning of the next pass.
                None => Next::NotBefore(now),
            };
        };
        let admitted = match admission.start(&self.request_of(index)) {
            Ok(admitted) => admitted,
            Err(Readiness::Rejected(why)) => {
                self.take_candidate(now);
                self.settle(index, now, Err(TaskError::Rejected(why)));
                return Next::NotBefore(now);
            }
            Err(readiness) => return Next::Blocked(readiness),
        };
        self.take_candidate(now);
        match self.attempt(index, now) {
            Some(job) => Next::Start(job, admitted),
            // The factory panicked. The engine asks again once it has seen what that changes; see `control`.
            None => Next::NotBefore(now),
        }
    }

    #[inline]
    fn on_outcome(&mut self, now: Time, index: usize, end: End<Result<T, E>>) -> Outcome {
        self.stops.attempt_ended(index, matches!(end, End::Output(_)));
        let late = now >= self.task_deadline(index);
        let (result, outcome) = self.course.judge(end, self.stops.was_asked(index), |settings| {
            if late { settings.task_timeout } else { settings.attempt_timeout }
        });
        match result {
            Ok(value) => self.settle(index, now, Ok(value)),
            Err(error) => self.failed_attempt(index, now, error),
        }
        outcome
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        if !self.course.has_begun() {
            self.begin(now);
        }
        self.obey_handles(now);
        if let Some(limit) = self.limit.take() {
            return Some(Control::Limit(limit));
        }
        if let Some(index) = self.stops.pop_due(now) {
            return Some(Control::Cancel(index));
        }
        let control = self.course.control(now, self.unfinished(), self.stops.next_due());
        if self.course.is_in_grace() {
            self.stops.ask_all();
        }
        control
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.course.fail(panic);
        Failed::Over
    }
}
