//! What is done to a run through its handles, in the model. It holds at once.

use super::Model;
use super::entry::{Entry, State};
use crate::runner::oracle::outcome::{ANYTHING, Who};
use crate::runner::oracle::program::Act;

impl Model<'_> {
    pub(super) fn act_from_outside(&mut self) {
        while let Some((at, act)) = self.program.outside.get(self.outside).copied()
            && at <= self.now
        {
            self.outside += 1;
            self.act(Who::Outside, act);
        }
    }

    /// Handles may be used when all is over, and change nothing then.
    pub(super) fn act_after_the_end(&mut self) {
        let end = self.now;
        for (at, act) in &self.program.outside[self.outside..] {
            self.now = *at;
            self.act(Who::Outside, *act);
        }
        self.now = end;
    }

    pub(super) fn act(&mut self, who: Who, act: Act) {
        let answer = match act {
            Act::Add(plan) => self.add(plan),
            Act::Cancel(key) => format!("cancel {key}: {}", self.cancel(key)),
            Act::Limit(limit) => {
                self.limit = limit;
                self.is_ordered = true;
                format!("limit {limit:?}")
            }
            Act::Stop => {
                self.ask_to_stop();
                "stop".into()
            }
            Act::Token => {
                self.ask_to_stop();
                self.token_at = Some(self.now);
                "token".into()
            }
            Act::Look => self.look(),
        };
        self.acted_at = Some(self.now);
        self.notes.push(who, self.now, answer);
    }

    fn ask_to_stop(&mut self) {
        self.is_stop_asked |= !self.is_over;
        self.is_ordered = true;
        let now = self.now;
        // Whether one that was cancelled a moment ago still has to hear of that, or has cleaned up, is left open.
        let cleans_up = |entry: &mut Entry<'_>| {
            entry.is_told && entry.attempt().and_then(|attempt| attempt.poll_at) == Some(now)
        };
        self.is_open_ended |= !self.is_over && self.entries.iter_mut().any(cleans_up);
    }

    pub(super) fn add(&mut self, plan: usize) -> String {
        let key = self.program.plans[plan].key;
        let is_taken = |entry: &Entry<'_>| entry.does.key == key && (self.body.is_none() || entry.is_alive());
        // A run of which only executors hold a rest may have ended or not.
        self.is_open_ended |= !self.is_over && !self.is_unfinished();
        // When the run hears of its token, too.
        self.is_open_ended |= !self.is_over && self.token_at == Some(self.now);
        if !self.is_open() {
            return format!("add {plan}: closed");
        }
        if self.entries.iter().any(is_taken) {
            return format!("add {plan}: duplicate");
        }
        self.entries.push(Entry::new(self.program, plan, self.now));
        format!("add {plan}: ok")
    }

    fn cancel(&mut self, key: usize) -> bool {
        let alive = |entry: &Entry<'_>| entry.does.key == key && entry.is_alive();
        let Some(index) = self.entries.iter().position(alive) else {
            // Whether it has ended when it was cancelled a moment ago is left open.
            let asked = |entry: &Entry<'_>| entry.does.key == key && entry.is_asked;
            let mut others = self.entries.iter().filter(|entry| asked(entry));
            self.is_open_ended |= !self.is_over && others.any(|entry| entry.ended == Some(self.now));
            return false;
        };
        if self.is_over {
            return false;
        }
        let starts_no_more = !self.is_open();
        self.is_ordered = true;
        let entry = &mut self.entries[index];
        let again = std::mem::replace(&mut entry.is_asked, true);
        match entry.state {
            // Whether one that will never start is still there to be cancelled is left open.
            State::Waiting | State::Pausing if starts_no_more => self.is_open_ended = true,
            State::Waiting => self.end_of(index, "not started: it was cancelled first".into(), false),
            State::Pausing => {
                self.pauses.retain(|(_, pausing)| *pausing != index);
                self.end_of(index, "cancelled".into(), false);
            }
            State::Running(_) if again => {}
            State::Running(_) => {
                entry.stop_by = Some(self.now + self.program.grace);
                // Without a grace it is told as it is dropped.
                if self.program.grace > 0 {
                    entry.tell(self.now, self.program.lag);
                }
            }
            State::Ended => unreachable!("it is alive"),
        }
        true
    }

    /// The snapshot, or what a scope says of itself.
    fn look(&self) -> String {
        let count = |is: fn(&Entry<'_>) -> bool| self.entries.iter().filter(|entry| is(entry)).count();
        let waiting = count(|entry| matches!(entry.state, State::Waiting));
        let running = self.running();
        let is_first = self.acted_at != Some(self.now);
        let is_stopping = !self.is_open() && !self.is_over;
        if !is_first || (is_stopping && self.body.is_none()) {
            // It may be of a moment ago; and what will never start has ended or waits, as one likes.
            return format!("look: {ANYTHING}");
        }
        if self.body.is_some() {
            return format!("look: {waiting} {running} {}", self.is_over || is_stopping);
        }
        let pausing = self.pauses.len();
        let (all, ok) = (self.entries.len(), self.ok);
        match self.is_over {
            true => format!("look: 0 0 0 {ok} {}", all - ok),
            false => {
                let not_ok = all - waiting - running - pausing - ok;
                format!("look: {waiting} {running} {pausing} {ok} {not_ok}")
            }
        }
    }
}
