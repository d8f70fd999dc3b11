//! Who is woken, and for what.

use super::{Batch, Phase, State, Timer};
use crate::batcher::errands::Errand;
use crate::batcher::work::Id;
use regatta_core::Time;

impl<T, R, E> State<T, R, E> {
    /// The handler of a batch has woken it.
    pub(in crate::batcher) fn batch_woken(&mut self, id: Id) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        if batch.phase == Phase::Running {
            batch.phase = Phase::Woken;
            self.wake_batch(id);
        }
    }

    pub(in crate::batcher) fn timer_fired(&mut self) {
        match &mut self.timer {
            Timer::Armed { fired, .. } | Timer::Out { fired } => *fired = true,
            Timer::None => {}
        }
        self.wake_next();
    }

    /// Wakes the callers of a batch and those who wait for its place: any of them can poll it.
    pub(super) fn wake_batch(&mut self, id: Id) {
        let mut alone = true;
        for id in self.batches.get(&id).map_or(&[][..], |batch| &batch.ids) {
            if let Some(caller) = self.callers.get_mut(id) {
                alone = false;
                self.errands.extend(caller.waker.take().map(Errand::Wake));
            }
        }
        if let Some((oldest, _)) = self.waiting.first_key_value()
            && let Some(caller) = self.callers.get_mut(oldest)
        {
            alone = false;
            self.errands.extend(caller.waker.take().map(Errand::Wake));
        }
        self.wake_flushes();
        if alone {
            // All of its own are gone. Those of other batches take care of it.
            let wakers = self.callers.values_mut().filter_map(|caller| caller.waker.take());
            self.errands.extend(wakers.map(Errand::Wake));
        }
    }

    /// Wakes those who would go with the next batch, and those whose batch waits for a retry.
    pub(super) fn wake_next(&mut self) {
        for id in self.waiting.keys().take(self.settings.size) {
            if let Some(caller) = self.callers.get_mut(id) {
                self.errands.extend(caller.waker.take().map(Errand::Wake));
            }
        }
        let delayed = self.batches.iter().filter(|(_, batch)| matches!(batch.phase, Phase::Delayed(_)));
        for id in delayed.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.wake_batch(id);
        }
        self.wake_flushes();
    }

    pub(super) fn wake_flushes(&mut self) {
        self.errands.extend(self.flushes.values_mut().filter_map(Option::take).map(Errand::Wake));
    }

    /// Somebody goes. What there is to do, and what it may have been woken for, is left to the others.
    pub(super) fn nudge(&mut self) {
        let woken = |batch: &Batch<T, R, E>| {
            matches!(batch.phase, Phase::Woken | Phase::Again) && batch.work.is_some()
        };
        let woken: Vec<Id> =
            self.batches.iter().filter(|(_, batch)| woken(batch)).map(|(id, _)| *id).collect();
        woken.into_iter().for_each(|id| self.wake_batch(id));
        let watched = |time: Time| match self.timer {
            Timer::Armed { at, fired, .. } => !fired && at <= time,
            Timer::Out { .. } => true,
            Timer::None => false,
        };
        if self.has_room() && (self.is_due() || self.wanted_timer().is_some_and(|time| !watched(time))) {
            self.wake_next();
        }
    }
}
