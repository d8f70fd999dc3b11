//! `Batch`: a runner's tasks as a source. Keyed, boxed, some of them to be made again after a failure.

mod attempts;
mod orders;
mod spans;

use crate::body::{Bodies, Body};
use crate::in_span::InSpan;
use crate::inbox::InboxEnd;
use crate::mode::Mode;
use crate::snapshot::Phase;
use crate::stops::Stops;
use regatta_core::{EventKind, Kick, Limit, Outcome, Panic, Readiness, Request, TaskError, Time};
use regatta_engine::{
    Admission, Control, Course, End, Failed, Listeners, Moment, Next, Report, ReportBuilder, Source, Waits,
    contain_drop,
};
use std::fmt;
use std::hash::Hash;

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
    retries: Waits,
    /// Whether the tasks that were there at the beginning have been told of.
    told: bool,
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
            retries: Waits::new(),
            told: false,
            limit: None,
            listeners: Listeners::new(),
        }
    }

    pub(crate) fn reserve(&mut self, tasks: usize) {
        self.report.reserve(tasks);
        self.bodies.reserve(tasks);
    }

    /// How many tasks were added, by handles too.
    pub(crate) fn len(&self) -> usize {
        self.report.len() + self.inbox.as_ref().map_or(0, |inbox| inbox.0.added())
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
            // What handles have added before goes before it.
            if inbox.0.added() > 0 {
                let copy = copy(&key);
                return inbox.0.add(key, copy, true, body).map_err(|(key, _)| key);
            }
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
        for index in self.retries.drain() {
            self.forgo(index);
            if let Some(error) = self.report.take_retried(index) {
                self.settle(index, now, Err(error));
            }
        }
        drop(self.bodies);
        drop(self.stops);
        contain_drop(|| drop(self.request.take()));
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

    /// The task that is to start next: a retry that is due, or the first that has not been started.
    #[inline]
    fn candidate(&mut self, now: Time) -> Option<usize> {
        if let Some(index) = self.retries.peek_due(now) {
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

    /// The candidate is none any more. Whether it was a retry.
    #[inline]
    fn take_candidate(&mut self, now: Time) -> bool {
        let is_retry = self.retries.pop_due(now).is_some();
        if !is_retry {
            self.fresh += 1;
        }
        is_retry
    }

    #[inline]
    fn request_of(&mut self, index: usize) -> Request {
        let Some(request) = &mut self.request else { return Request::new() };
        request(self.report.tasks()[index].key())
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
        if !self.course.is_open() {
            return Next::Done;
        }
        // A task that has just been polled may have taken until it was too late for a retry.
        if self.retries.next_late() <= now && self.give_up_late_retries(now) {
            return Next::NotBefore(now);
        }
        // A task that has just been polled may have cancelled this one, or lowered the limit: that comes first.
        if self.inbox.as_ref().is_some_and(|inbox| inbox.0.has_orders()) {
            return Next::NotBefore(now);
        }
        let Some(index) = self.candidate(now) else {
            return match self.retries.next_due() {
                Some(due) => Next::NotBefore(due),
                None if self.unfinished() || self.is_over() => Next::Done,
                // Somebody has just added one: it is taken in at the beginning of the next pass.
                None => Next::NotBefore(now),
            };
        };
        let admitted = match admission.start(&self.request_of(index)) {
            Ok(admitted) => admitted,
            Err(Readiness::Rejected(why)) => {
                if self.take_candidate(now) {
                    self.forgo(index);
                }
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
        if let End::NotStarted(_) = end {
            self.report.take_back(index);
            if self.report.tasks()[index].attempts() > 0 {
                self.forgo(index);
            }
        }
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
        if !std::mem::replace(&mut self.told, true) {
            self.begin(now);
        }
        self.obey_handles(now);
        if let Some(limit) = self.limit.take() {
            return Some(Control::Limit(limit));
        }
        if let Some(index) = self.stops.pop_due(now) {
            return Some(Control::Cancel(index));
        }
        let mut also = self.stops.next_due();
        // Once the run is stopping, no retry waits for its time any more.
        if self.course.is_open() {
            self.give_up_late_retries(now);
            also = also.min(self.retries.next_late());
        }
        let control = self.course.control(now, self.unfinished(), also);
        if self.course.is_in_grace() {
            self.stops.ask_all();
        }
        // Here and not where tasks are asked for, which is not done while all slots are taken.
        if !self.course.is_open()
            && let Some(inbox) = &self.inbox
        {
            let late = inbox.0.close();
            self.take_in(now, late);
        }
        control
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.course.fail(panic);
        Failed::Over
    }
}
