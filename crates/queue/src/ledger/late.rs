//! Jobs that wait for another attempt, and for how long they may.

use super::{Ledger, Phase};
use crate::errand::Errand;
use regatta_core::{NotStarted, TaskError, Time};

impl<J, R, E> Ledger<J, R, E> {
    /// Drops, now and then, what jobs have left that have their end. Amortised O(1) each.
    pub(super) fn sweep_late(&mut self) {
        if self.late.len() > 2 * self.entries.len() + 32 {
            let entries = &self.entries;
            self.late.retain(|(slot, seq)| entries.get(*slot).is_some_and(|entry| entry.seq == *seq));
        }
    }

    /// Ends what waits for another attempt and has no time left for one: the last failure stands.
    pub(super) fn give_up_late(&mut self, now: Time) {
        while let Some((slot, seq)) = self.late.pop_due(now) {
            let is_it = self.entries.get(slot).is_some_and(|entry| {
                entry.seq == seq
                    && matches!(entry.phase, Phase::Pending | Phase::Delayed)
                    && entry.rare.as_ref().is_some_and(|rare| rare.late <= now)
            });
            if is_it {
                self.let_stand(slot, now);
            }
        }
    }

    /// A job that was to be tried again is not: its last failure is its result.
    pub(super) fn let_stand(&mut self, slot: usize, now: Time) {
        let rare = self.entries[slot].rare();
        let Some((error, text)) = rare.failure.take() else {
            return self.settle(slot, now, Err(TaskError::NotStarted(NotStarted::Stopped)));
        };
        if let Some(rule) = rare.rule.take() {
            self.errands.push(Errand::Forgo(rule));
        }
        self.settle_with(slot, now, Err(error), text);
    }
}
