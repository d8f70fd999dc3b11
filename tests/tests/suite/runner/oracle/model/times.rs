//! When things are due in the model.

use super::{Model, Phase};
use crate::runner::oracle::program::{End, Tick};

impl Model<'_> {
    /// When the run is over at the latest.
    pub(super) fn end(&self) -> Tick {
        let [timeout, deadline] = [self.program.timeout, self.program.deadline].map(IntoTick::into_tick);
        timeout.min(deadline)
    }

    pub(super) fn task_deadline(&self, index: usize) -> Tick {
        match (self.program.task_timeout, self.tasks[index].started) {
            (Some(timeout), Some(started)) => started + timeout,
            _ => Tick::MAX,
        }
    }

    /// Of the running attempt or of its task.
    pub(super) fn own_deadline(&self, index: usize) -> Tick {
        let began = self.tasks[index].attempt_began;
        let attempt = self.program.attempt_timeout.map(|timeout| began + timeout);
        attempt.into_tick().min(self.task_deadline(index))
    }

    /// When something can happen next.
    pub(super) fn next_event(&self) -> Option<Tick> {
        let ends = (0..self.tasks.len()).filter_map(|index| {
            let task = &self.tasks[index];
            let attempt = task.running?;
            let end = (attempt.end != End::Hang).then_some(task.attempt_began + attempt.takes);
            Some(end.into_tick().min(self.own_deadline(index)))
        });
        let dues = self.pauses.iter().map(|(due, _)| *due);
        let until = match self.phase {
            Phase::Grace(until) => Some(until),
            Phase::Open => Some(self.end()),
            Phase::Closed(_) => None,
        };
        let cancel = self.program.cancel.map(|(at, _)| at);
        let all = ends.chain(dues).chain(until).chain(cancel);
        all.filter(|tick| (self.now + 1..Tick::MAX).contains(tick)).min()
    }
}

/// No time is never.
trait IntoTick {
    fn into_tick(self) -> Tick;
}

impl IntoTick for Option<Tick> {
    fn into_tick(self) -> Tick {
        self.unwrap_or(Tick::MAX)
    }
}
