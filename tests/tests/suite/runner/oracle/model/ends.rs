//! How tasks end in the model, and the run.

use super::{Model, Phase, Reason, State};
use crate::runner::oracle::program::{End, Made, Tick, time};

impl Model<'_> {
    /// The run itself: its stop rule, its time, the cancel, in this order; then single tasks whose grace is over.
    pub(super) fn stop(&mut self) {
        if self.is_unfinished() {
            self.stop_the_run();
        }
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            if matches!(entry.state, State::Running(_)) && entry.stop_by.is_some_and(|at| at <= self.now) {
                self.remove(index);
                self.fail(index, "cancelled".into(), false, true);
            }
        }
        if self.body.is_some() && !self.is_open() {
            let (_, why) = self.words();
            while let Some(index) = self.first_waiting() {
                self.refuse(index, why);
            }
        }
    }

    fn stop_the_run(&mut self) {
        if self.is_rule_met() && !matches!(self.phase, Phase::Closed(_)) {
            self.close(Reason::Stopped);
        }
        if self.phase == Phase::Open {
            let is_cancelled = self.program.cancel.is_some_and(|at| self.now >= at);
            if self.now >= self.end() {
                self.close(Reason::TimedOut);
            } else if is_cancelled || self.is_stop_asked {
                let until = self.end().min(self.now + self.program.grace);
                self.phase = Phase::Grace(until);
                for index in (0..self.entries.len()).filter(|_| until > self.now) {
                    self.entries[index].tell(self.now, self.program.lag);
                }
            }
        }
        if let Phase::Grace(until) = self.phase
            && self.now >= until
        {
            self.close(Reason::Cancelled);
        }
    }

    fn close(&mut self, reason: Reason) {
        self.phase = Phase::Closed(reason);
        for index in 0..self.entries.len() {
            if !matches!(self.entries[index].state, State::Running(_)) {
                continue;
            }
            self.remove(index);
            let how = match reason {
                // Whoever was cancelled alone was not stopped by the clock.
                Reason::TimedOut if !self.entries[index].is_asked => timed_out(self.end()),
                Reason::TimedOut | Reason::Stopped | Reason::Cancelled => "cancelled".into(),
            };
            self.fail(index, how, false, true);
        }
    }

    /// Drops what runs of a task, or has its executor drop it.
    pub(super) fn remove(&mut self, index: usize) {
        let (now, lag) = (self.now, self.program.lag);
        let Some(attempt) = self.entries[index].attempt() else { return };
        let gone = attempt.poll_at.unwrap_or(Tick::MAX).min(now + lag);
        if self.program.kind.is_spawned() && gone > now {
            self.stopping.push((gone, index));
        } else {
            self.note_of(index, "dropped");
        }
    }

    /// What executors have dropped by now.
    pub(super) fn gone(&mut self) {
        let now = self.now;
        for (_, index) in self.stopping.extract_if(.., |(gone, _)| *gone <= now).collect::<Vec<_>>() {
            self.note_of(index, "dropped");
        }
    }

    pub(super) fn finish(&mut self, index: usize, end: End) {
        let entry = &self.entries[index];
        let (plan, number) = (entry.plan, entry.attempts);
        match end {
            End::Ok => self.settle(index, format!("ok ({plan}, {number})"), false),
            End::Err => self.fail(index, format!("failed: attempt {number}"), true, false),
            End::Panic => self.fail(index, "panicked: overboard".into(), false, false),
            End::Hang => unreachable!("it doesn't end"),
        }
    }

    /// An attempt has ended, and not well; `beside` others at the same moment, perhaps, in no order.
    pub(super) fn fail(&mut self, index: usize, how: String, may_retry: bool, beside: bool) {
        let entry = &mut self.entries[index];
        entry.failures.push(how);
        let attempts = entry.attempts;
        let retry = match entry.made {
            Made::Retried { pause, times, .. } if attempts <= times && !entry.is_asked => Some(pause),
            Made::Future | Made::Once | Made::Retried { .. } => None,
        };
        let due = retry.map_or(Tick::MAX, |pause| self.now + pause);
        let in_time = self.now < self.task_deadline(index) && due < self.task_deadline(index).min(self.end());
        if may_retry && self.is_open() && in_time && due < Tick::MAX {
            self.entries[index].state = State::Pausing;
            let place = self.pauses.partition_point(|(other, _)| *other <= due);
            self.pauses.insert(place, (due, index));
            self.unordered.push(due);
        } else {
            let how = self.entries[index].failures.pop().expect("it has failed");
            self.settle(index, how, beside);
        }
    }

    pub(super) fn last_failure_stands(&mut self, index: usize) {
        let how = self.entries[index].failures.pop().expect("it has failed");
        self.settle(index, how, true);
    }

    fn settle(&mut self, index: usize, how: String, beside: bool) {
        let is_ok = how.starts_with("ok");
        if is_ok {
            self.ok += 1;
        } else if !self.entries[index].is_asked {
            self.failed += 1;
        }
        self.end_of(index, how, beside);
    }

    /// A task gets its outcome, which says nothing to the stop rule.
    pub(super) fn end_of(&mut self, index: usize, how: String, beside: bool) {
        let entry = &mut self.entries[index];
        entry.state = State::Ended;
        entry.ended = Some(self.now);
        entry.how = Some(how.clone());
        let key = entry.does.key;
        if entry.started.is_some() {
            // Of those that were told in one go, any may end first.
            self.completion.push(self.now, key, beside || entry.is_told || self.program.kind.has_no_order());
        }
        if let Some(body) = &mut self.body {
            body.done(key, how, beside.then_some(self.now));
        }
    }

    /// A task of a scope will never start.
    fn refuse(&mut self, index: usize, why: &str) {
        self.end_of(index, format!("not started: {why}"), true);
    }

    /// Why the run stopped, and what didn't start.
    pub(super) fn words(&self) -> (&'static str, &'static str) {
        let cancelled = self.program.cancel.is_some_and(|at| self.now >= at) || self.is_stop_asked;
        let reason = match self.phase {
            Phase::Closed(reason) => Some(reason),
            Phase::Grace(_) => Some(Reason::Cancelled),
            Phase::Open if self.is_rule_met() => Some(Reason::Stopped),
            Phase::Open => (cancelled && self.is_unfinished()).then_some(Reason::Cancelled),
        };
        match reason {
            None => ("completed", "nobody is left"),
            Some(Reason::Stopped) => ("stopped by its stop rule", "the run was stopped by its stop rule"),
            Some(Reason::TimedOut) => ("stopped by its timeout", "the run's time was up"),
            Some(Reason::Cancelled) => ("cancelled", "it was cancelled first"),
        }
    }
}

pub(super) fn timed_out(after: Tick) -> String {
    format!("timed out after {:?}", time(after))
}
