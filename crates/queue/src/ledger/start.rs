//! What starts next.

use super::{Entry, Ledger, NoteKind, Phase, RunState};
use crate::order::{Line, Shelf};
use crate::{JobId, Results};
use regatta_core::{Class, Request, TaskError, Time};
use regatta_engine::contain;
use std::sync::Arc;

/// What a worker is told when it asks for a job.
pub(crate) enum Claim<J> {
    /// This one, unless the strategy refuses it.
    Start(Start<J>),
    /// Nothing now; the worker will be called.
    Wait,
    /// Nothing any more.
    Over,
}

/// A job that is about to start.
pub(crate) struct Start<J> {
    pub(crate) slot: usize,
    pub(crate) job: Arc<J>,
    pub(crate) id: JobId,
    pub(crate) attempt: u32,
    pub(crate) request: Request,
    /// When the attempt ends at the latest.
    pub(crate) deadline: Time,
    /// Whether the strategy could refuse it and admit one behind it, of another class.
    pub(crate) has_rivals: bool,
    /// Whether it has more to say of itself than most: a key, metadata, errors.
    pub(crate) has_about: bool,
}

impl<J, R, E> Ledger<J, R, E> {
    /// The next job for this worker. It counts as running from here on.
    #[inline]
    pub(crate) fn claim(&mut self, now: Time, worker: usize) -> Claim<J> {
        self.confirm(worker);
        if self.stats.delayed > 0 {
            self.promote(now);
        }
        let running = self.stats.running + self.stats.stopping;
        let may_start = self.state == RunState::Running
            && running < self.rules.workers
            && !self.is_paused()
            && self.stats.pending > 0
            && self.course.is_open();
        let Some(slot) = (if may_start { self.candidate() } else { None }) else {
            return self.idle(now, worker);
        };
        self.staff[worker].claimed = Some(slot);
        self.claimed += 1;
        if self.staff[worker].is_idle {
            self.busy(worker);
        }
        let entry = &mut self.entries[slot];
        entry.phase = Phase::Running { worker };
        self.stats.pending -= 1;
        self.stats.running += 1;
        entry.attempts += 1;
        entry.started = now;
        if entry.attempts == 1 {
            entry.first = now;
        }
        if entry.owes && self.is_bounded() {
            self.owed += 1;
        }
        let entry = &self.entries[slot];
        let start = Start {
            slot,
            job: entry.job(),
            id: entry.id(slot),
            attempt: entry.attempts,
            request: entry.request,
            deadline: self.deadline(entry, now),
            has_rivals: self.has_classes,
            has_about: entry.about.is_some() || entry.rare.is_some(),
        };
        if let (Some(_), Some(class)) = (self.rules.class_limit, start.request.class) {
            *self.classes.entry(class).or_default() += 1;
        }
        if self.keeper == Some(worker) && self.course.has_wake() {
            // What it starts may block its thread: another one watches the time better.
            self.call_one();
        }
        Claim::Start(start)
    }

    /// There is nothing to start.
    fn idle(&mut self, now: Time, worker: usize) -> Claim<J> {
        if self.state == RunState::Over {
            return Claim::Over;
        }
        if self.is_over() {
            self.wind_up(now);
            return Claim::Over;
        }
        self.wait(worker);
        Claim::Wait
    }

    #[inline]
    fn is_bounded(&self) -> bool {
        matches!(self.rules.results, Results::Bounded(_))
    }

    /// Takes the first job that may start by our own rules; others on the way there are put aside.
    #[inline]
    fn candidate(&mut self) -> Option<usize> {
        if !self.has_shelves {
            return self.line.pop();
        }
        let has_room = self.has_room();
        if has_room {
            self.line.unshelve(Shelf::Room);
        }
        loop {
            let slot = self.line.candidate()?;
            let entry = &self.entries[slot];
            let (class, owes) = (entry.request.class, entry.owes);
            let has_slot = self.has_slot(class);
            if let (false, Some(class)) = (has_slot, class) {
                self.line.shelve(slot, Shelf::Class(class));
            } else if owes && !has_room {
                self.line.shelve(slot, Shelf::Room);
            } else if self.line.joins_refused(slot, class) {
                self.line.shelve(slot, Shelf::Refused(class));
            } else {
                self.line.take(slot);
                return Some(slot);
            }
            // What it came back for is there for the one behind it.
            if let (true, Some(class)) = (has_slot, class) {
                self.line.unshelve(Shelf::Class(class));
            }
            if has_room {
                self.line.unshelve(Shelf::Room);
            }
        }
    }

    /// Whether one more of this class may run.
    #[inline]
    fn has_slot(&self, class: Option<Class>) -> bool {
        match (self.rules.class_limit, class) {
            (Some(limit), Some(class)) => self.classes.get(&class).is_none_or(|running| *running < limit),
            _ => true,
        }
    }

    /// Whether one more result would have a place.
    #[inline]
    fn has_room(&self) -> bool {
        match self.rules.results {
            Results::Bounded(max) => self.reader.is_gone || self.results.len() + self.owed < max,
            Results::Collect | Results::Discard => true,
        }
    }

    /// The strategy doesn't let it start: it waits again, behind its reason.
    pub(crate) fn unclaim(&mut self, slot: usize, worker: usize) {
        self.unclaimed(worker);
        if let Phase::Stopping { .. } = self.entries[slot].phase {
            // While the strategy was asked, it had its end.
            return self.let_go(slot, Err(TaskError::Cancelled));
        }
        self.uncount(slot);
        self.shift(slot, Phase::Pending);
        let entry = &mut self.entries[slot];
        entry.attempts -= 1;
        let class = entry.request.class;
        self.has_shelves = true;
        self.line.asked(slot, class);
    }

    pub(super) fn unclaimed(&mut self, worker: usize) {
        if self.staff[worker].claimed.take().is_some() {
            self.claimed -= 1;
        }
    }

    /// What was claimed last has really been started. Only now is its place free.
    #[inline]
    pub(crate) fn confirm(&mut self, worker: usize) {
        if let Some(slot) = self.staff[worker].claimed.take() {
            self.claimed -= 1;
            if !self.door.is_empty() {
                self.serve_door();
            }
            let attempts = self.entries[slot].attempts;
            if attempts == 1 {
                self.ask_line(|line| line.started(slot));
            } else {
                self.stats.retries += 1;
            }
            if self.stats.pending > 0 {
                // Another worker may be able to take one too. Not before it has started: workers that are all refused
                // would call each other for ever.
                self.call_one();
            }
            if self.heard {
                let at = self.entries[slot].started;
                self.note(slot, at, NoteKind::Started { attempt: attempts });
            }
        }
    }

    /// A running job gives back what it was counted for.
    #[inline]
    pub(super) fn uncount(&mut self, slot: usize) {
        let entry = &self.entries[slot];
        let (owes, class) = (entry.owes, entry.request.class);
        if owes && matches!(self.rules.results, Results::Bounded(_)) {
            self.owed = self.owed.saturating_sub(1);
        }
        if let (Some(_), Some(class)) = (self.rules.class_limit, class)
            && let Some(running) = self.classes.get_mut(&class)
        {
            *running -= 1;
            if *running == 0 {
                self.classes.remove(&class);
            }
            self.line.unshelve(Shelf::Class(class));
        }
    }

    /// What waited for a time and is due waits for a worker now.
    #[inline]
    pub(super) fn promote(&mut self, now: Time) {
        while let Some(slot) = self.waits.pop_due(now) {
            self.shift(slot, Phase::Pending);
            let entry = &self.entries[slot];
            if entry.attempts == 0 {
                let (seq, request) = (entry.seq, entry.request);
                self.ask_line(|line| line.enqueue(now, seq, slot, &request));
            } else {
                self.line.requeue(slot);
            }
            self.call_one();
        }
    }

    /// Calls the discipline where nobody could be told of its panic: the run stops for it, and no job is lost.
    #[inline]
    pub(super) fn ask_line(&mut self, ask: impl FnOnce(&mut dyn Line)) {
        let line = &mut *self.line;
        if let Err(panic) = contain(|| ask(line)) {
            self.broke(panic);
        }
    }

    /// Whether no job will ever start again, nor end.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let running = self.stats.running + self.stats.stopping;
        running == 0 && (!self.course.is_open() || self.closed && self.is_settled())
    }

    /// When the task must have ended, all its attempts and the pauses between them included.
    #[inline]
    pub(super) fn task_deadline(&self, slot: usize) -> Time {
        let entry = &self.entries[slot];
        match self.course.settings.task_timeout {
            Some(timeout) if entry.attempts > 0 => entry.first + timeout,
            _ => Time::MAX,
        }
    }

    #[inline]
    fn deadline(&self, entry: &Entry<J, R, E>, now: Time) -> Time {
        let settings = &self.course.settings;
        let attempt = settings.attempt_timeout.map_or(Time::MAX, |timeout| now + timeout);
        attempt.min(settings.task_timeout.map_or(Time::MAX, |timeout| entry.first + timeout))
    }

    /// The strategy refuses it for good.
    pub(crate) fn reject(&mut self, now: Time, slot: usize, worker: usize, why: regatta_core::Rejection) {
        self.unclaimed(worker);
        if let Phase::Stopping { .. } = self.entries[slot].phase {
            return self.let_go(slot, Err(TaskError::Rejected(why)));
        }
        self.entries[slot].attempts -= 1;
        self.settle(slot, now, Err(TaskError::Rejected(why)));
    }
}
