//! What is to be done next: which batch to poll, what to send, and until when to wait.

use super::{Batch, Phase, State, Step, Timer};
use crate::batcher::errands::Errand;
use crate::batcher::settings::WhenIdle;
use crate::batcher::work::{Id, Work};
use regatta_core::Time;
use std::ops::Bound;

impl<T, R, E> State<T, R, E> {
    /// Somebody begins to do what there is to do.
    pub(in crate::batcher) fn pass(&mut self) -> u64 {
        self.passes += 1;
        self.passes
    }

    pub(in crate::batcher) fn step(&mut self, now: Time, pass: u64) -> Step<T, R, E> {
        let woken = self.next_of(|batch| batch.phase == Phase::Woken && batch.pass != pass);
        if let Some(id) = woken.or_else(|| self.next_retry(now)) {
            return self.take(id, pass);
        }
        if self.has_room() && self.may_send(now) {
            return self.send(pass);
        }
        match self.step_timer() {
            // Last, because one that is handed over again and again must not be in everybody's way.
            Step::Rest => {
                self.next_of(|batch| batch.phase == Phase::Again).map_or(Step::Rest, |id| self.take(id, pass))
            }
            step @ (Step::Poll(..) | Step::Arm(_) | Step::Tick(..)) => step,
        }
    }

    /// The first of such batches that nobody polls, in turn.
    fn next_of(&self, is_such: impl Fn(&Batch<T, R, E>) -> bool) -> Option<Id> {
        let later = self.batches.range((Bound::Excluded(self.latest), Bound::Unbounded));
        let mut in_turn = later.chain(self.batches.range(..=self.latest));
        in_turn.find(|(_, batch)| batch.work.is_some() && is_such(batch)).map(|(id, _)| *id)
    }

    /// A retry whose time has come, if there is room for it.
    fn next_retry(&self, now: Time) -> Option<Id> {
        let (at, id) = self.first_retry()?;
        (at <= now && self.has_room()).then_some(id)
    }

    fn first_retry(&self) -> Option<(Time, Id)> {
        let delayed = self.batches.iter().filter_map(|(id, batch)| match batch.phase {
            Phase::Delayed(until) => Some((until, *id)),
            Phase::Running | Phase::Woken | Phase::Again => None,
        });
        delayed.min()
    }

    fn take(&mut self, id: Id, pass: u64) -> Step<T, R, E> {
        let Some(batch) = self.batches.get_mut(&id) else { return Step::Rest };
        (batch.phase, batch.pass) = (Phase::Running, pass);
        self.latest = id;
        batch.work.take().map_or(Step::Rest, |work| Step::Poll(id, work))
    }

    pub(super) fn running(&self) -> usize {
        self.batches.values().filter(|batch| !matches!(batch.phase, Phase::Delayed(_))).count()
    }

    pub(super) fn has_room(&self) -> bool {
        self.running() < self.settings.in_flight
    }

    /// Whether the oldest that waits need not wait for more to come.
    fn may_send(&self, now: Time) -> bool {
        self.is_due() || self.lingers_until().is_some_and(|until| until <= now)
    }

    /// Whether it may go, whatever the time.
    pub(super) fn is_due(&self) -> bool {
        let Some((first, _)) = self.waiting.first_key_value() else { return false };
        let settings = &self.settings;
        let heavy = settings.weight.as_ref().is_some_and(|weight| self.weight >= u128::from(weight.max));
        let idle = settings.when_idle == WhenIdle::Send && self.running() == 0;
        self.waiting.len() >= settings.size || heavy || *first < self.flushed || idle
    }

    fn lingers_until(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|(_, oldest)| oldest.since + self.settings.linger)
    }

    /// Takes as many as fit, in order.
    fn send(&mut self, pass: u64) -> Step<T, R, E> {
        let max = self.settings.weight.as_ref().map_or(u128::MAX, |weight| u128::from(weight.max));
        let (mut ids, mut items, mut total) = (Vec::new(), Vec::new(), 0);
        while let Some(oldest) = self.waiting.first_entry()
            && ids.len() < self.settings.size
        {
            // The first always goes: the maximum may have been lowered after it came.
            let with_it = total + u128::from(oldest.get().weight);
            if with_it > max && !ids.is_empty() {
                break;
            }
            total = with_it;
            ids.push(*oldest.key());
            items.push(oldest.remove().item);
        }
        self.weight -= total;
        let Some(&first) = ids.first() else { return Step::Rest };
        let work = Work::new(self.settings.clone(), ids.clone(), items);
        self.batches.insert(first, Batch { ids, work: Some(work), phase: Phase::Running, pass });
        self.take(first, pass)
    }

    fn step_timer(&mut self) -> Step<T, R, E> {
        if matches!(self.timer, Timer::Out { .. }) {
            return Step::Rest;
        }
        let wanted = self.wanted_timer();
        match std::mem::replace(&mut self.timer, Timer::Out { fired: false }) {
            Timer::Armed { at, sleep, fired } if wanted == Some(at) => {
                if fired {
                    return Step::Tick(at, sleep);
                }
                self.timer = Timer::Armed { at, sleep, fired };
                return Step::Rest;
            }
            Timer::Armed { sleep, .. } => self.errands.push(Errand::Timer(sleep)),
            Timer::None | Timer::Out { .. } => {}
        }
        match wanted {
            Some(at) => Step::Arm(at),
            None => {
                self.timer = Timer::None;
                Step::Rest
            }
        }
    }

    /// While there is no room, whoever makes room looks at the time.
    pub(super) fn wanted_timer(&self) -> Option<Time> {
        if !self.has_room() {
            return None;
        }
        let retry = self.first_retry().map(|(at, _)| at);
        let first = self.lingers_until().into_iter().chain(retry).min();
        first.filter(|at| *at != Time::MAX)
    }

    pub(super) fn disarm(&mut self) {
        if matches!(self.timer, Timer::Armed { .. })
            && let Timer::Armed { sleep, .. } = std::mem::replace(&mut self.timer, Timer::None)
        {
            self.errands.push(Errand::Timer(sleep));
        }
    }
}
