//! `Tasks`: what was spawned into a scope, as a source.

use super::hub::Hub;
use crate::stops::Stops;
use regatta_core::{Kick, Outcome, Panic, Readiness, Request, TaskError, Time};
use regatta_engine::{Admission, Control, Course, End, Failed, Job, Next, Source, contain_drop};
use std::future::Future;
use std::sync::Arc;

/// The task type stands for itself, so that drivers can be spawned although tasks borrow.
pub(super) struct Tasks<K, T, E, Task> {
    pub(super) course: Course,
    hub: HubEnd<K, T, E, Task>,
    stops: Stops,
}

/// The driver's end of the hub. Tasks that hold a handle would keep themselves alive in it; this breaks the circle.
struct HubEnd<K, T, E, Task>(Arc<Hub<K, T, E, Task>>);

impl<K, T, E, Task> Drop for HubEnd<K, T, E, Task> {
    fn drop(&mut self) {
        let (wake, tasks, results) = self.0.lock().clear();
        for (key, task) in tasks {
            contain_drop(|| drop(task));
            contain_drop(|| drop(key));
        }
        for result in results {
            contain_drop(|| drop(result));
        }
        contain_drop(|| wake.now());
    }
}

impl<K, T, E, Task> Tasks<K, T, E, Task> {
    pub(super) fn new(hub: Arc<Hub<K, T, E, Task>>) -> Self {
        Self { course: Course::new(), hub: HubEnd(hub), stops: Stops::new() }
    }

    fn hub(&self) -> &Hub<K, T, E, Task> {
        &self.hub.0
    }

    /// Ends the task that waits longest without having started it.
    fn refuse(&self, error: TaskError<E>) {
        let (wake, task) = self.hub().lock().refuse(Err(error));
        contain_drop(|| drop(task));
        wake.now();
    }

    /// Nothing more starts: says so to those who wait for it.
    fn close(&mut self) {
        let wake = self.hub().lock().close();
        wake.now();
        while self.hub().lock().waiting() > 0 {
            let why = self.course.not_started();
            self.course.left_over();
            self.refuse(TaskError::NotStarted(why));
        }
    }
}

impl<K, T, E, Task: Future<Output = Result<T, E>>> Source for Tasks<K, T, E, Task> {
    type Task = Task;

    fn attach(&mut self, kick: Kick) {
        let old = self.hub().lock().attach(kick);
        drop(old);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Task> {
        let (waits, busy, orders) = {
            let hub = self.hub().lock();
            (hub.waiting() > 0, hub.is_busy(), hub.has_orders())
        };
        // A task that has just been polled may have stopped the scope, or lowered its limit: that comes first.
        if orders {
            return Next::NotBefore(now);
        }
        if !busy {
            // In one step with the look: a task is either taken or refused.
            let mut hub = self.hub().lock();
            if hub.is_busy() {
                return Next::NotBefore(now);
            }
            let wake = hub.close();
            drop(hub);
            wake.now();
            return Next::Done;
        }
        if !waits || !self.course.is_open() {
            return Next::Waiting;
        }
        let admitted = match admission.start(&Request::new()) {
            Ok(admitted) => admitted,
            Err(Readiness::Rejected(why)) => {
                self.course.settled(false);
                self.refuse(TaskError::Rejected(why));
                return Next::NotBefore(now);
            }
            Err(readiness) => return Next::Blocked(readiness),
        };
        let Some((number, task)) = self.hub().lock().start() else {
            // Cancelled between the two looks.
            return Next::NotBefore(now);
        };
        let deadline = self.course.settings.task_timeout.map_or(Time::MAX, |timeout| now + timeout);
        Next::Start(Job::new(number, task).deadline(deadline), admitted)
    }

    fn on_outcome(&mut self, _: Time, number: usize, end: End<Result<T, E>>) -> Outcome {
        let asked = self.stops.was_asked(number);
        let (result, outcome) = self.course.judge(end, asked, |settings| settings.task_timeout);
        // Who cancels one task does not want the stop rule to end the others for it.
        if result.is_ok() || !asked {
            self.course.settled(result.is_ok());
        }
        self.stops.forget(number);
        let wake = self.hub().lock().ended(number, result);
        wake.now();
        outcome
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        let orders = self.hub().lock().orders();
        for number in orders.cancel {
            if !self.hub().lock().has(number) {
                continue;
            }
            self.stops.ask(number, now, self.course.settings.grace);
        }
        if orders.stop {
            self.course.cancel();
        }
        if let Some(limit) = orders.limit {
            return Some(Control::Limit(limit));
        }
        if let Some(number) = self.stops.pop_due(now) {
            return Some(Control::Cancel(number));
        }
        let busy = self.hub().lock().is_busy();
        let control = self.course.control(now, busy, self.stops.next_due());
        // Here and not where tasks are asked for, which is not done while all slots are taken.
        if !self.course.is_open() {
            self.close();
        }
        control
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        self.course.fail(panic);
        Failed::GoOn
    }
}
