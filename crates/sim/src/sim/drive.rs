//! The steps of a run: poll one task, or let the time jump; and what a panic on the way leads to.

use super::Sim;
use crate::deadlock::Names;
use crate::log::Label;
use crate::tasks::{Busiest, TaskId, Tasks, Turn};
use crate::{Deadlock, TaskPanic, What};
use regatta_core::{BoxFuture, Panic, Time};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

impl Sim {
    /// Jumps to the next timer, for nothing is ready.
    pub(super) fn idle(&self, end: Time) -> Result<(), Deadlock> {
        if self.clock.next_timer().is_some_and(|next| next > end) {
            let Some(waiting) = self.tasks.waiting() else { return Ok(()) };
            panic!(
                "not done at {:?} (seed {}), the last moment allowed by max_time; waiting: {}",
                Duration::from_nanos(end.as_nanos()),
                self.seed,
                Names(&waiting)
            );
        }
        if self.clock.advance_to_next().is_some() {
            return Ok(());
        }
        match self.tasks.waiting() {
            Some(waiting) => Err(Deadlock { waiting, at: self.clock.now(), seed: self.seed }),
            None => Ok(()),
        }
    }

    pub(super) fn livelock(&self, busiest: &Busiest) -> ! {
        panic!(
            "livelock at {:?} (seed {}): {} polls while time stood still; busiest: {}, polled {} times",
            Duration::from_nanos(self.clock.now().as_nanos()),
            self.seed,
            self.polls_max,
            busiest.name,
            busiest.polls
        );
    }

    /// Polls a spawned task once, with what follows from it.
    pub(super) fn poll(&self, turn: Turn) {
        let Turn { id, label, waker, mut future } = turn;
        let mut cx = Context::from_waker(&waker);
        let panic = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => match self.tasks.park(id, future) {
                Some(orphan) => self.discard(&label, orphan),
                None => return,
            },
            Ok(Poll::Ready(())) => {
                self.tasks.note(&label, What::Ended);
                self.discard(&label, future)
            }
            Err(payload) => {
                let panic = self.record(&label, Panic::new(payload));
                // A second panic, while dropping, is recorded too; the first one is the cause.
                self.discard(&label, future);
                Some(panic)
            }
        };
        self.tasks.forget(id);
        self.go_on(panic);
    }

    /// Drops a task's future; returns the panic of the drop.
    fn discard(&self, label: &Label, future: BoxFuture<'static, ()>) -> Option<Panic> {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
        self.tasks.note(label, What::Dropped);
        dropped.err().map(|payload| self.record(label, Panic::new(payload)))
    }

    /// Drops all of them, whatever panics, and then goes on with the first panic.
    pub(super) fn drop_all(&self, tasks: Vec<(Label, BoxFuture<'static, ()>)>) {
        let panics: Vec<_> =
            tasks.into_iter().filter_map(|(label, future)| self.discard(&label, future)).collect();
        self.go_on(panics.into_iter().next());
    }

    fn record(&self, label: &Label, panic: Panic) -> Panic {
        self.tasks.note(label, What::Panicked);
        let (task, message, at) = (label.name.to_string(), panic.message().to_owned(), self.clock.now());
        self.lock_panics().push(TaskPanic { task, message, at });
        panic
    }

    fn go_on(&self, panic: Option<Panic>) {
        match panic {
            Some(panic) if !self.panics_contained => panic.resume(),
            Some(_) | None => {}
        }
    }

    pub(super) fn lock_panics(&self) -> MutexGuard<'_, Vec<TaskPanic>> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The main future's place among the tasks, for as long as a run lasts.
pub(super) struct Entered<'a> {
    tasks: &'a Tasks,
    id: TaskId,
}

impl<'a> Entered<'a> {
    pub(super) fn new(tasks: &'a Arc<Tasks>) -> Self {
        let id = tasks
            .enter_main()
            .expect("a Sim can't run inside its own run: spawn or await the future instead");
        Self { tasks, id }
    }

    pub(super) fn ended(&self) {
        self.tasks.main_ended();
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.tasks.forget(self.id);
    }
}
