//! What handles want of a batch: more tasks, fewer tasks, another limit, an end.

use super::Batch;
use crate::inbox::{Added, Inbox, InboxEnd, Order};
use crate::mode::Mode;
use regatta_core::{EventKind, NotStarted, TaskError, Time};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

impl<'a, K: Eq + Hash + fmt::Debug, T, E, M: Mode<'a, T, E>> Batch<'a, K, T, E, M> {
    /// What handles need. All of them share one inbox.
    pub(crate) fn inbox(&mut self) -> Arc<Inbox<K, M::Task, M::Factory>>
    where
        K: Clone,
    {
        let report = &self.report;
        let end = self.inbox.get_or_insert_with(|| {
            let inbox = Inbox::new();
            for (index, task) in report.tasks().iter().enumerate() {
                // A new inbox refuses nothing, and the keys of a report differ.
                let _ = inbox.reserve(task.key().clone(), index);
            }
            InboxEnd(Arc::new(inbox))
        });
        self.copy = Some(K::clone);
        end.0.clone()
    }

    /// Does what the handles have ordered since the last look.
    pub(super) fn obey_handles(&mut self, now: Time) {
        let Some(inbox) = self.inbox.as_ref().map(|end| end.0.clone()) else { return };
        let added = inbox.take_added();
        self.take_in(now, added);
        for order in inbox.orders() {
            match order {
                Order::Limit(limit) => self.limit = Some(limit),
                Order::Stop => self.course.cancel(),
                Order::Cancel(index) => self.cancel(index, now),
            }
        }
    }

    pub(super) fn take_in(&mut self, now: Time, added: Vec<Added<K, M::Task, M::Factory>>) {
        for Added { key, body, here } in added {
            // The inbox has refused keys that are taken.
            let Ok(index) = self.report.push(key) else { continue };
            self.report.queue(index, now);
            self.bodies.push(body);
            here.within(|| self.open_span(index));
            let key = self.report.tasks()[index].key();
            self.listeners.tell(index, key, now, EventKind::Queued);
            let cancelled = self.inbox.as_ref().is_some_and(|inbox| inbox.0.seen(key, index));
            if cancelled {
                self.cancel(index, now);
            }
        }
    }

    /// Cancels one task, wherever it is.
    pub(super) fn cancel(&mut self, index: usize, now: Time) {
        let task = &self.report.tasks()[index];
        if task.ended().is_some() {
            return;
        }
        if task.started().is_none() {
            self.stops.ask(index, now, Duration::ZERO);
            self.settle(index, now, Err(TaskError::NotStarted(NotStarted::Cancelled)));
        } else if self.retries.remove(index) {
            self.forgo(index);
            self.stops.ask(index, now, Duration::ZERO);
            self.settle(index, now, Err(TaskError::Cancelled));
        } else {
            self.stops.ask(index, now, self.course.settings.grace);
        }
    }
}
