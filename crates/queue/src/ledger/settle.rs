//! How attempts end, and jobs with them.

use super::{Ledger, NoteKind, Phase};
use crate::done::FailedAttempt;
use crate::errand::{Errand, Reply};
use crate::order::Shelf;
use crate::{Done, Results};
use regatta_core::{Outcome, Retry, TaskError, Time};
use regatta_engine::End;
use std::convert::Infallible;
use std::sync::Arc;

/// Whether a failed attempt may be followed by another.
pub(crate) enum Chance<E> {
    /// No, whatever the rule would say.
    No,
    /// If the rule says so.
    Ask {
        /// The job's own copy of it, from its first failure on.
        rule: Option<Box<dyn Retry<E> + Send>>,
        attempts: u32,
        /// When its first attempt was started.
        first: Time,
    },
}

/// Another attempt, as the job's own copy of the rule has it.
pub(crate) struct Again<E> {
    pub(crate) due: Time,
    /// It must not start at this time or later.
    pub(crate) deadline: Time,
    pub(crate) rule: Box<dyn Retry<E> + Send>,
}

impl<J, R, E> Ledger<J, R, E> {
    /// An attempt has returned what the job was for.
    #[inline]
    pub(crate) fn succeeded(&mut self, slot: usize, now: Time, value: R) {
        let entry = &self.entries[slot];
        let is_plain = entry.rare.is_none() && entry.about.is_none() && !self.heard;
        if let Phase::Stopping { .. } = entry.phase {
            self.let_go(slot, Ok(value));
        } else if is_plain && self.rules.results == Results::Collect && !self.reader.is_gone {
            self.succeeded_plainly(slot, now, value);
        } else {
            self.settle(slot, now, Ok(value));
        }
    }

    /// Nobody hears of it but the reader: the result is made where it stays, because moving it is most of what it costs.
    #[inline]
    fn succeeded_plainly(&mut self, slot: usize, now: Time, value: R) {
        self.leave(slot);
        self.course.settled(true);
        self.stats.running -= 1;
        self.stats.settled += 1;
        self.stats.ok += 1;
        self.results.push_back(self.entries[slot].done(slot, now, Ok(value)));
        self.entries.vacate(slot);
        if let Some(waker) = self.reader.waker.take() {
            self.errands.push(Errand::Wake(waker));
        }
        self.after_end(now);
    }

    /// An attempt has ended otherwise: what that means, what the strategy learns, and whether to ask the rule.
    /// [`failed`](Self::failed) follows.
    pub(crate) fn judge(
        &mut self,
        slot: usize,
        now: Time,
        end: End<Result<R, E>>,
    ) -> (Result<R, TaskError<E>>, Outcome, Chance<E>) {
        let late = now >= self.task_deadline(slot);
        let entry = &mut self.entries[slot];
        let is_cancelled = entry.is_cancelled();
        let was_stopped = matches!(end, End::Cancelled | End::NotStarted(_));
        let by_itself = matches!(end, End::Output(_));
        let token = entry.rare.as_mut().and_then(|rare| rare.token.take());
        if !by_itself {
            // What the attempt left elsewhere should stop too.
            self.errands.extend(token.map(Errand::Cancel));
        }
        let (result, outcome) = self.course.judge(end, is_cancelled, |settings| {
            if late { settings.task_timeout } else { settings.attempt_timeout }
        });
        let is_stopping = matches!(self.entries[slot].phase, Phase::Stopping { .. });
        let chance = if was_stopped || is_cancelled || late || is_stopping || !self.course.is_open() {
            Chance::No
        } else {
            let entry = &mut self.entries[slot];
            let rule = entry.rare.as_mut().and_then(|rare| rare.rule.take());
            Chance::Ask { rule, attempts: entry.attempts, first: entry.first }
        };
        (result, outcome, chance)
    }

    /// The attempt has failed, and there is another or none.
    pub(crate) fn failed(
        &mut self,
        slot: usize,
        now: Time,
        error: TaskError<E>,
        text: Option<String>,
        again: Option<Again<E>>,
    ) {
        if let Phase::Stopping { .. } = self.entries[slot].phase {
            self.errands.extend(again.map(|again| Errand::Forgo(again.rule)));
            return self.let_go(slot, Err(error));
        }
        let task_deadline = self.task_deadline(slot);
        let Some(Again { due, deadline, rule }) = again else {
            return self.settle_with(slot, now, Err(error), text);
        };
        let deadline = task_deadline.min(deadline);
        let entry = &self.entries[slot];
        if entry.is_cancelled() || due >= deadline || due >= self.course.end() || !self.course.is_open() {
            self.errands.push(Errand::Forgo(rule));
            return self.settle_with(slot, now, Err(error), text);
        }
        let attempt = entry.attempts;
        if self.heard {
            let error = text.clone().unwrap_or_default();
            self.note(slot, now, NoteKind::Retrying { attempt, delay: due.since(now), error });
        }
        self.uncount(slot);
        self.shift(slot, Phase::Delayed);
        let entry = &mut self.entries[slot];
        let (seq, tried) = (entry.seq, entry.started);
        let rare = entry.rare();
        rare.rule = Some(rule);
        rare.failure = Some((error, text));
        rare.tried = tried;
        rare.failed_at = now;
        let is_new = std::mem::replace(&mut rare.late, deadline) != deadline;
        self.waits.push(slot, due, Time::MAX);
        if is_new && deadline < Time::MAX {
            self.late.push(deadline, (slot, seq));
            self.sweep_late();
        }
        self.line_moved();
    }

    /// The error of the attempt before, once the next one starts; it joins those that are kept.
    pub(crate) fn last_error(&mut self, slot: usize) -> Option<Arc<TaskError<E>>> {
        let entry = &mut self.entries[slot];
        let rare = entry.rare.as_mut()?;
        let (error, _) = rare.failure.take()?;
        let (error, ended) = (Arc::new(error), rare.failed_at);
        let attempt = FailedAttempt { error: error.clone(), started: rare.tried, ended };
        entry.about.get_or_insert_default().errors.push(attempt);
        Some(error)
    }

    /// The job has its end. Everything that it holds is given back.
    #[inline]
    pub(crate) fn settle(&mut self, slot: usize, now: Time, result: Result<R, TaskError<E>>) {
        self.settle_with(slot, now, result, None);
    }

    #[inline]
    pub(super) fn settle_with(
        &mut self,
        slot: usize,
        now: Time,
        result: Result<R, TaskError<E>>,
        text: Option<String>,
    ) {
        if self.heard {
            self.note_finished(slot, now, result.as_ref().err(), text);
        }
        self.leave(slot);
        self.tally(&result);
        let done = self.remove(slot, now, result);
        self.stats.settled += 1;
        self.deliver(done);
        self.after_end(now);
    }

    /// It was never started, and its run is over. A ticket hears of it; otherwise it goes back to whoever ends the run.
    pub(super) fn leave_over(&mut self, slot: usize, now: Time, result: Result<R, TaskError<E>>) {
        if self.heard {
            self.note_finished(slot, now, result.as_ref().err(), None);
        }
        self.leave(slot);
        self.tally(&result);
        let (replies, done, _) = self.remove(slot, now, result);
        self.stats.settled += 1;
        self.errands.push(match replies {
            Some(replies) => Errand::Reply(Box::new(Reply { replies, done, is_kept: false })),
            None => Errand::Drop(Box::new(done)),
        });
    }

    /// Its outcome is fixed, although its worker has not let go of it.
    pub(crate) fn settle_stopping(&mut self, slot: usize, now: Time, worker: usize) {
        let is_cancelled = self.entries[slot].is_cancelled();
        let (result, _) = self.course.judge(End::Cancelled, is_cancelled, |_| None);
        if self.heard {
            self.note_finished(slot, now, result.as_ref().err(), None);
        }
        self.tally(&result);
        self.shift(slot, Phase::Stopping { worker });
        let entry = &mut self.entries[slot];
        let replies = entry.rare.as_mut().and_then(|rare| rare.replies.take());
        // A job that blocks its thread may look at nothing else.
        let token = entry.rare.as_mut().and_then(|rare| rare.token.take());
        self.errands.extend(token.map(Errand::Cancel));
        let job = entry.job();
        let done = entry.done(slot, now, result);
        // It keeps its slot.
        entry.job = Some(job);
        let owes = std::mem::take(&mut entry.owes);
        if owes && let Results::Bounded(_) = self.rules.results {
            // Its result is there, and needs no second place until its worker lets go of it.
            self.owed = self.owed.saturating_sub(1);
        }
        self.unname(slot, &done);
        self.deliver((replies, done, owes));
    }

    /// A job whose outcome was told is gone from its worker too.
    pub(super) fn let_go(&mut self, slot: usize, result: Result<R, TaskError<E>>) {
        let now = self.entries[slot].started;
        self.leave(slot);
        let (_, done, _) = self.remove(slot, now, result);
        self.stats.settled += 1;
        self.errands.push(Errand::Drop(Box::new(done)));
        self.after_end(now);
    }

    /// Takes a job out of whatever it is in.
    #[inline]
    fn leave(&mut self, slot: usize) {
        let entry = &self.entries[slot];
        match entry.phase {
            Phase::Running { .. } | Phase::Stopping { .. } => {
                let class = entry.request.class;
                if self.has_shelves {
                    self.uncount(slot);
                    self.line.reconsider(class);
                }
            }
            Phase::Delayed => {
                self.waits.remove(slot);
            }
            Phase::Pending => {
                if let (Some(_), Some(class)) = (self.rules.class_limit, entry.request.class) {
                    // It may have been the one for which there was a slot.
                    self.line.unshelve(Shelf::Class(class));
                }
            }
        }
        let was_started = self.entries[slot].attempts > 0;
        self.ask_line(|line| line.forget(slot, was_started));
    }

    #[inline]
    fn remove(
        &mut self,
        slot: usize,
        now: Time,
        result: Result<R, TaskError<E>>,
    ) -> (Option<Box<super::Replies<J, R, E>>>, Done<J, R, E>, bool) {
        let entry = &mut self.entries[slot];
        let (phase, owes) = (entry.phase, entry.owes);
        let rare = entry.rare.take();
        let mut done = entry.done(slot, now, result);
        self.entries.vacate(slot);
        *self.count(phase) -= 1;
        let mut replies = None;
        if let Some(mut rare) = rare {
            replies = rare.replies.take();
            let failure = rare.failure.take();
            let is_waiting = failure.is_some();
            if let Some((error, _)) = failure {
                // It was to be retried, and is cancelled instead.
                let attempt =
                    FailedAttempt { error: Arc::new(error), started: rare.tried, ended: rare.failed_at };
                done.about.get_or_insert_default().errors.push(attempt);
            }
            if let Some(rule) = rare.rule.take() {
                self.errands.push(if is_waiting { Errand::Forgo(rule) } else { Errand::Retire(rule) });
            }
        }
        self.unname(slot, &done);
        (replies, done, owes)
    }

    /// Its key is free.
    #[inline]
    fn unname(&mut self, slot: usize, done: &Done<J, R, E>) {
        if let Some(key) = done.key()
            && self.names.get(key) == Some(&slot)
        {
            self.names.remove(key);
        }
    }

    /// Counts how it ended.
    #[inline]
    fn tally(&mut self, result: &Result<R, TaskError<E>>) {
        let stats = &mut self.stats;
        let (count, is_failure) = match result {
            Ok(_) => {
                self.course.settled(true);
                stats.ok += 1;
                return;
            }
            Err(TaskError::Failed(_)) => (&mut stats.failed, true),
            Err(TaskError::Panicked(_)) => (&mut stats.panicked, true),
            Err(TaskError::TimedOut { .. }) => (&mut stats.timed_out, true),
            Err(TaskError::Cancelled) => (&mut stats.cancelled, false),
            Err(TaskError::NotStarted(_)) => (&mut stats.not_started, false),
            Err(_) => (&mut stats.rejected, true),
        };
        *count += 1;
        if is_failure {
            self.course.settled(false);
        }
    }

    #[inline]
    fn deliver(
        &mut self,
        (replies, done, owes): (Option<Box<super::Replies<J, R, E>>>, Done<J, R, E>, bool),
    ) {
        match replies {
            None => self.keep(done),
            Some(replies) => {
                // Its place stays taken on the way.
                self.owed += usize::from(owes);
                self.errands.push(Errand::Reply(Box::new(Reply { replies, done, is_kept: owes })));
            }
        }
    }

    /// A result comes back that others got a copy of.
    pub(crate) fn keep_too(&mut self, done: Done<J, R, E>) {
        self.owed = self.owed.saturating_sub(1);
        self.keep(done);
    }

    /// A result that nobody holds a ticket for.
    #[inline]
    pub(crate) fn keep(&mut self, done: Done<J, R, E>) {
        if self.rules.results == Results::Discard || self.reader.is_gone {
            self.errands.push(Errand::Drop(Box::new(done)));
        } else {
            self.results.push_back(done);
            self.errands.extend(self.reader.waker.take().map(Errand::Wake));
        }
    }

    #[inline]
    fn after_end(&mut self, now: Time) {
        self.line_moved();
        if self.is_settled() {
            self.idle_since = Some(now);
            self.call_watchers();
            if self.rules.idle_timeout.is_some() {
                // It may have been cancelled from outside: somebody has to watch the time from now on.
                self.call_one();
            }
        }
        // Whoever has just ended one looks by himself; those who wait for work have to be told that there is none.
        if !self.idle.is_empty() && self.is_over() {
            self.call_everybody();
        }
    }

    /// Places may have become free, in the queue and for workers.
    #[inline]
    pub(super) fn line_moved(&mut self) {
        if !self.door.is_empty() {
            self.serve_door();
        }
        // Whoever has just ended one asks for the next; another worker may be able to take one too.
        if self.stats.pending > 0 {
            self.call_one();
        }
    }

    #[cold]
    fn note_finished(&mut self, slot: usize, now: Time, error: Option<&TaskError<E>>, text: Option<String>) {
        let attempts = self.entries[slot].attempts;
        let state = error.map_or("ok", TaskError::state);
        let error = text.or_else(|| error.map(describe));
        self.note(slot, now, NoteKind::Finished { attempts, state, error });
    }
}

/// What an error says that is not the task's own.
fn describe<E>(error: &TaskError<E>) -> String {
    let plain: TaskError<Infallible> = match error {
        TaskError::TimedOut { after } => TaskError::TimedOut { after: *after },
        TaskError::Cancelled => TaskError::Cancelled,
        TaskError::NotStarted(why) => TaskError::NotStarted(*why),
        TaskError::Rejected(why) => TaskError::Rejected(*why),
        TaskError::Panicked(panic) => return format!("panicked: {panic}"),
        _ => return String::new(),
    };
    plain.to_string()
}
