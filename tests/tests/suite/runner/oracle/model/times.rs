//! When things are due in the model.

use super::{Model, Phase, State};
use crate::runner::oracle::program::Tick;

impl Model<'_> {
    /// When the run is over at the latest.
    pub(super) fn end(&self) -> Tick {
        let [timeout, deadline] = [self.program.timeout, self.program.deadline].map(IntoTick::into_tick);
        timeout.min(deadline)
    }

    pub(super) fn task_deadline(&self, index: usize) -> Tick {
        match (self.program.task_timeout, self.entries[index].started) {
            (Some(timeout), Some(started)) => started + timeout,
            _ => Tick::MAX,
        }
    }

    /// Of the running attempt or of its task.
    pub(super) fn own_deadline(&self, index: usize) -> Tick {
        let State::Running(attempt) = &self.entries[index].state else { return Tick::MAX };
        let own = self.program.attempt_timeout.map(|timeout| attempt.began + timeout);
        own.into_tick().min(self.task_deadline(index))
    }

    /// When something can happen next; perhaps at this moment, where one thing leads to another.
    pub(super) fn next_event(&self) -> Option<Tick> {
        let running = (0..self.entries.len()).filter_map(|index| {
            let State::Running(attempt) = &self.entries[index].state else { return None };
            let stop_by = self.entries[index].stop_by.into_tick();
            Some(attempt.poll_at.into_tick().min(self.own_deadline(index)).min(stop_by))
        });
        let until = match self.phase {
            Phase::Grace(until) => Some(until),
            Phase::Open => Some(self.end()),
            Phase::Closed(_) => None,
        };
        let dues = self.pauses.iter().flat_map(|(due, index)| [*due, self.task_deadline(*index)]);
        let gone = self.stopping.iter().map(|(gone, _)| *gone);
        let body = self.body.as_ref().and_then(|body| body.wakes_at());
        let outside = self.program.outside.get(self.outside).map(|(at, _)| *at);
        let later = dues.chain(gone).chain(until).chain(body).chain(outside).chain(self.program.cancel);
        let later = later.filter(|tick| *tick > self.now);
        running.chain(later).filter(|tick| *tick < Tick::MAX).min()
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
