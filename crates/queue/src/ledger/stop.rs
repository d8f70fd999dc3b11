//! How a run begins, is stopped, and ends.

use super::{Ledger, Order, Phase, RunState};
use crate::JobId;
use crate::errand::Errand;
use crate::finished::{Finished, Leftover};
use regatta_core::{NotStarted, TaskError, Time};
use regatta_engine::{Control, Course, StopReason};

impl<J, R, E> Ledger<J, R, E> {
    /// An engine runs from now on.
    pub(crate) fn begin(&mut self, now: Time) {
        if self.state == RunState::Still {
            self.state = RunState::Running;
            self.idle_since = Some(now);
        }
    }

    /// What this worker should change for its running jobs.
    #[inline]
    pub(crate) fn control(&mut self, now: Time, worker: usize) -> Option<Control> {
        self.confirm(worker);
        // Also after the run: its outcomes may have been fixed before the executor has polled this worker.
        if let Some(order) = self.next_order(worker) {
            return Some(order);
        }
        if self.state != RunState::Running {
            return None;
        }
        if self.has_shelves {
            self.line.new_round();
        }
        self.promote(now);
        let mut also = self.waits.next_due().unwrap_or(Time::MAX);
        if !self.ends.is_empty() {
            self.end_cancelled(now);
            also = also.min(self.ends.next_due().unwrap_or(Time::MAX));
        }
        if !self.late.is_empty() && self.course.is_open() {
            self.give_up_late(now);
            also = also.min(self.late.next_due().unwrap_or(Time::MAX));
        }
        if let Some(until) = self.idle_until() {
            if now >= until {
                self.course.idle();
            } else {
                also = also.min(until);
            }
        }
        // What waits is left to stop, too, although it keeps nobody from ending the run.
        let unfinished = !self.is_over() || !self.is_settled();
        if self.is_over() && !self.course.is_open() {
            // A worker whose supply broke down doesn't ask for the next job any more.
            self.wind_up(now);
        }
        if self.is_better_keeper(worker) {
            self.course.forget_wake();
        }
        let control = self.course.control(now, unfinished, also);
        if let Some(Control::WakeAt(_)) = control {
            self.keeper = Some(worker);
        }
        if self.course.is_in_grace() {
            self.tell_all();
        }
        if control == Some(Control::CancelAll) {
            self.fix_all(now);
            for worker in &mut self.staff {
                worker.orders.push_back(Order::CancelAll);
            }
            self.empty_door();
            self.call_everybody();
            return self.next_order(worker);
        }
        control
    }

    /// Whether this worker has nothing to do but to watch the time, and the one that watches it has: what that one runs
    /// may block its thread.
    #[inline]
    fn is_better_keeper(&self, worker: usize) -> bool {
        self.keeper.is_some_and(|keeper| {
            keeper != worker && self.staff[worker].is_idle && !self.staff[keeper].is_idle
        })
    }

    /// What this worker was told and has not heard yet. A job that has ended by itself since then is left out: another
    /// may be in its slot.
    fn next_order(&mut self, worker: usize) -> Option<Control> {
        while let Some(order) = self.staff[worker].orders.pop_front() {
            match order {
                Order::CancelAll => return Some(Control::CancelAll),
                Order::Cancel { slot, seq }
                    if self.entries.get(slot).is_some_and(|entry| entry.seq == seq) =>
                {
                    return Some(Control::Cancel(slot));
                }
                Order::Cancel { .. } => {}
            }
        }
        None
    }

    /// When a run that has nothing to do is stopped.
    fn idle_until(&self) -> Option<Time> {
        let timeout = self.rules.idle_timeout?;
        let since = self.idle_since?;
        self.is_settled().then(|| since + timeout)
    }

    /// Asks all that runs to stop.
    fn tell_all(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.empty_door();
        for entry in self.entries.iter_mut() {
            if let (Phase::Running { .. }, Some(rare)) = (entry.phase, &mut entry.rare) {
                self.errands.extend(rare.token.clone().map(Errand::Cancel));
            }
        }
    }

    /// Nothing more starts; what runs has its grace.
    pub(crate) fn stop(&mut self, now: Time) {
        if self.state == RunState::Over {
            return;
        }
        let due = now + self.course.settings.grace;
        self.stop_due = Some(self.stop_due.map_or(due, |earlier| earlier.min(due)));
        self.course.cancel();
        if self.state == RunState::Running && !self.course.settings.grace.is_zero() {
            // Not left to the workers: all of them may be held up by jobs that block their threads.
            self.tell_all();
        }
        self.empty_door();
        self.call_everybody();
        self.call_watchers();
    }

    /// Nothing more starts, and what runs ends now.
    pub(crate) fn abort(&mut self, now: Time) {
        if self.state == RunState::Over {
            return;
        }
        self.stop_due = Some(now);
        self.course.abandon();
        self.fix_all(now);
        self.empty_door();
        self.call_everybody();
        self.call_watchers();
    }

    /// Where workers are tasks of an executor, which may take its time, the outcome of what runs is fixed at once.
    pub(crate) fn fix_all(&mut self, now: Time) {
        if self.crew == 0 {
            return;
        }
        let running: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(slot, entry)| match entry.phase {
                Phase::Running { worker } => Some((slot, worker)),
                Phase::Pending | Phase::Delayed | Phase::Stopping { .. } => None,
            })
            .collect();
        if !running.is_empty() {
            self.course.left_over();
        }
        for (slot, worker) in running {
            self.settle_stopping(slot, now, worker);
            self.order(slot, worker);
        }
    }

    /// Whether every outcome is known in a run that has stopped, although workers have not let go of all jobs.
    pub(crate) fn is_as_good_as_over(&self) -> bool {
        self.state == RunState::Running && self.stats.running == 0 && self.course.is_closed()
    }

    /// Ends one job. Whether it had no end yet.
    pub(crate) fn cancel(&mut self, now: Time, id: JobId) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let entry = &mut self.entries[slot];
        match entry.phase {
            Phase::Pending | Phase::Delayed => {
                let why = if entry.attempts == 0 {
                    TaskError::NotStarted(NotStarted::Cancelled)
                } else {
                    TaskError::Cancelled
                };
                self.settle(slot, now, Err(why));
            }
            Phase::Stopping { .. } => return false,
            Phase::Running { worker } => {
                let seq = entry.seq;
                let rare = entry.rare();
                if std::mem::replace(&mut rare.is_cancelled, true) {
                    return true;
                }
                let grace = self.course.settings.grace;
                if grace.is_zero() {
                    self.end_running(slot, now, worker);
                } else {
                    self.errands.extend(rare.token.clone().map(Errand::Cancel));
                    self.ends.push(now + grace, (slot, seq));
                    self.order_look(worker);
                }
            }
        }
        true
    }

    /// It must end now.
    fn end_running(&mut self, slot: usize, now: Time, worker: usize) {
        if self.crew > 0 {
            self.settle_stopping(slot, now, worker);
        }
        self.order(slot, worker);
    }

    /// Its worker is to let go of it.
    fn order(&mut self, slot: usize, worker: usize) {
        let seq = self.entries[slot].seq;
        self.staff[worker].orders.push_back(Order::Cancel { slot, seq });
        self.order_look(worker);
    }

    fn order_look(&mut self, worker: usize) {
        self.errands.push(Errand::Kick(self.staff[worker].kick.clone()));
    }

    /// The grace of these is over.
    fn end_cancelled(&mut self, now: Time) {
        while let Some((slot, seq)) = self.ends.pop_due(now) {
            let Some(entry) = self.entries.get(slot).filter(|entry| entry.seq == seq) else { continue };
            match entry.phase {
                Phase::Running { worker } => self.end_running(slot, now, worker),
                Phase::Pending | Phase::Delayed | Phase::Stopping { .. } => {}
            }
        }
    }

    /// The supply broke down.
    pub(crate) fn broke(&mut self, panic: regatta_core::Panic) {
        self.course.fail(panic);
        self.empty_door();
        self.call_everybody();
    }

    /// The engine is gone before its run was over: what ran in it has ended, what waits goes on waiting.
    pub(crate) fn interrupt(&mut self, now: Time, fresh: Course) {
        self.drop_running(now, None);
        self.state = RunState::Still;
        self.course = fresh;
        self.told = false;
        self.dismiss();
        self.empty_door();
        self.call_watchers();
    }

    /// Nothing will start any more, and nothing runs: what waits for another attempt has its end, and readers learn that
    /// no result will come. The run may still have a body that goes on.
    pub(super) fn wind_up(&mut self, now: Time) {
        if std::mem::replace(&mut self.is_wound_up, true) {
            return;
        }
        let mut tried: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.attempts > 0 && matches!(entry.phase, Phase::Pending | Phase::Delayed))
            .map(|(slot, entry)| (entry.seq, slot))
            .collect();
        tried.sort_unstable();
        if !tried.is_empty() {
            self.course.left_over();
        }
        for (_, slot) in tried {
            self.let_stand(slot, now);
        }
        if !self.course.is_open() {
            // A body may wait for their tickets, and the run for its body.
            self.leave_all_over(now);
        }
        self.call_everybody();
        self.call_watchers();
    }

    /// What this worker ran, or all of them, was dropped.
    fn drop_running(&mut self, now: Time, of: Option<usize>) {
        let dropped: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| match entry.phase {
                Phase::Running { worker } | Phase::Stopping { worker } => of.is_none_or(|of| of == worker),
                Phase::Pending | Phase::Delayed => false,
            })
            .map(|(slot, _)| slot)
            .collect();
        for slot in dropped {
            let token = self.entries[slot].rare.as_mut().and_then(|rare| rare.token.take());
            self.errands.extend(token.map(Errand::Cancel));
            self.failed(slot, now, TaskError::Cancelled, None, None);
        }
    }

    /// A worker is gone: what it ran has ended.
    pub(crate) fn lose(&mut self, now: Time, worker: usize) {
        self.unclaimed(worker);
        self.drop_running(now, Some(worker));
        self.busy(worker);
        let kept = self.keeper.take_if(|keeper| *keeper == worker).is_some();
        if kept {
            self.course.forget_wake();
        }
        if kept || self.stats.pending > 0 {
            self.call_one();
        }
    }

    /// The run is over: says how it went, and gives every job its end that has none.
    pub(crate) fn finish(&mut self, now: Time, fresh: Course) -> Finished<J> {
        self.wind_up(now);
        self.leave_all_over(now);
        let mut leftover = std::mem::take(&mut self.leftover);
        leftover.sort_unstable_by_key(|left| left.id);
        self.state = RunState::Over;
        self.dismiss();
        self.empty_door();
        self.call_watchers();
        let stop = std::mem::replace(&mut self.course, fresh).reason();
        self.told = false;
        Finished { stop, stats: self.counts(), leftover }
    }

    /// What waits will never be started: tickets hear of it, and whoever ends the run gets the rest.
    fn leave_all_over(&mut self, now: Time) {
        let mut unsettled: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| !matches!(entry.phase, Phase::Stopping { .. }))
            .map(|(slot, entry)| (entry.seq, slot))
            .collect();
        unsettled.sort_unstable();
        if !unsettled.is_empty() {
            self.course.left_over();
        }
        let why = self.course.not_started();
        for (_, slot) in unsettled {
            let entry = &mut self.entries[slot];
            let about = entry.about.as_deref();
            let left = Leftover {
                id: entry.id(slot),
                key: about.and_then(|about| about.key.clone()),
                metadata: about.and_then(|about| about.metadata.clone()),
                job: entry.job(),
            };
            self.leftover.push(left);
            self.leave_over(slot, now, Err(TaskError::NotStarted(why)));
        }
    }

    /// After a run: jobs may come again, and are counted from zero.
    pub(crate) fn reopen(&mut self) {
        if self.state == RunState::Over {
            self.state = RunState::Still;
            self.closed = false;
            let stopping = self.stats.stopping;
            self.stats = crate::Stats { admitted: stopping, stopping, ..Default::default() };
            self.idle_since = None;
        }
    }

    fn dismiss(&mut self) {
        self.is_wound_up = false;
        self.stop_due = None;
        self.idle.clear();
        self.keeper = None;
        // Those who are still somewhere find their place when they come back.
        if self.crew == 0 {
            self.staff.clear();
            self.claimed = 0;
        }
        self.ends = regatta_engine::Retrying::new();
    }

    /// Why the run stopped, for those who never came to begin it.
    pub(crate) fn give_up(&mut self, reason: StopReason) {
        self.course.give_up(reason);
    }
}
