//! Where the rules leave open what comes first.

use super::{Model, Phase};
use crate::runner::oracle::program::{Kind, Tick};

impl Model<'_> {
    /// Outside the programs that are made for ties, no two causes may meet in one moment.
    pub(super) fn note_ties(&mut self) {
        if self.program.kind == Kind::Ties {
            return;
        }
        let now = self.now;
        let is_now = |at: Option<Tick>| usize::from(at == Some(now));
        let polls =
            self.entries.iter_mut().map(|entry| is_now(entry.attempt().and_then(|attempt| attempt.poll_at)));
        let polls: usize = polls.sum();
        let graces: usize =
            self.entries.iter().filter(|entry| entry.is_alive()).map(|entry| is_now(entry.stop_by)).sum();
        // Those that end at one moment because their time is up are treated alike, whichever comes first.
        let running = 0..self.entries.len();
        let late = self.pauses.iter().filter(|(_, index)| self.task_deadline(*index) == now).count();
        let deadlines = (late + running.filter(|index| self.own_deadline(*index) == now).count()).min(1);
        let gone = self.stopping.iter().filter(|(gone, _)| *gone == now).count().min(1);
        let pauses = self.pauses.iter().filter(|(due, _)| *due == now).count().min(1);
        let outside = self.program.outside.iter().filter(|(at, _)| *at == now).count().min(1);
        let of_the_run = match self.phase {
            Phase::Open => is_now(Some(self.end())),
            Phase::Grace(until) => is_now(Some(until)),
            Phase::Closed(_) => 0,
        };
        let body = is_now(self.body.as_ref().and_then(|body| body.wakes_at()));
        let token = is_now(self.program.cancel);
        let causes = [polls, graces, deadlines, gone, pauses, outside, of_the_run, body, token];
        self.is_open_ended |= causes.iter().sum::<usize>() > 1;
    }

    /// Of two that failed at once and are due again at the same time, which goes first is left open.
    pub(super) fn note_equal_pauses(&mut self) {
        self.unordered.sort();
        self.is_open_ended |= self.unordered.windows(2).any(|dues| dues[0] == dues[1]);
    }
}
