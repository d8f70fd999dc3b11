//! What a batcher decides, without clock or lock: what goes when, who is told, and what is to be done next.

use super::settings::{Settings, WhenIdle};
use super::work::{Id, Settled, Turn, Work};
use super::{BatchError, errands::Errand};
use regatta_core::{Sleep, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

pub(super) struct State<T, R, E> {
    pub(super) settings: Arc<Settings<T, R, E>>,
    /// The next number, of an item or of a flush: a flush waits for all numbers below its own.
    next: Id,
    waiting: BTreeMap<Id, Waiting<T>>,
    /// What all that wait weigh together.
    weight: u128,
    callers: BTreeMap<Id, Caller<R, E>>,
    flushes: BTreeMap<Id, Option<Waker>>,
    /// Items below go without lingering.
    flushed: Id,
    /// What was sent and is not settled, by the number of the first item.
    batches: BTreeMap<Id, Batch<T, R, E>>,
    timer: Timer,
    passes: u64,
    /// To be done once the lock is released.
    pub(super) errands: Vec<Errand<T, R, E>>,
}

struct Waiting<T> {
    item: T,
    weight: u64,
    since: Time,
}

struct Caller<R, E> {
    /// `None` while the caller is woken and has not looked yet.
    waker: Option<Waker>,
    answer: Option<Result<R, BatchError<E>>>,
}

struct Batch<T, R, E> {
    ids: Vec<Id>,
    /// `None` while somebody polls it.
    work: Option<Work<T, R, E>>,
    phase: Phase,
    /// In which pass it was polled last.
    pass: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It waits for a wake.
    Running,
    Woken,
    /// It waits for its next attempt, and holds no place among those in flight.
    Delayed(Time),
}

/// The one timer: for the oldest that lingers or the first retry, whichever is earlier.
enum Timer {
    None,
    Armed {
        at: Time,
        sleep: Sleep,
        fired: bool,
    },
    /// Somebody polls it.
    Out {
        fired: bool,
    },
}

/// What is to be done next, outside the lock; it ends with a call of `put_back` or `put_timer`.
pub(super) enum Step<T, R, E> {
    Poll(Id, Work<T, R, E>),
    /// Make a timer, and poll it.
    Arm(Time),
    Tick(Time, Sleep),
    /// Nothing.
    Rest,
}

/// What a caller finds.
pub(super) enum Look<R, E> {
    Answer(Result<R, BatchError<E>>),
    /// Nothing yet, and its waker is known.
    Wait,
    /// Nothing yet. Cloning a waker is foreign code, which doesn't run under the lock.
    BringWaker,
}

impl<T, R, E> State<T, R, E> {
    pub(super) fn new(settings: Settings<T, R, E>) -> Self {
        Self {
            settings: Arc::new(settings),
            next: 0,
            waiting: BTreeMap::new(),
            weight: 0,
            callers: BTreeMap::new(),
            flushes: BTreeMap::new(),
            flushed: 0,
            batches: BTreeMap::new(),
            timer: Timer::None,
            passes: 0,
            errands: Vec::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn unsettled(&self) -> usize {
        self.batches.len()
    }

    /// Changes the settings; who waits looks again.
    pub(super) fn set(&mut self, change: impl FnOnce(&mut Settings<T, R, E>)) {
        let mut settings = (*self.settings).clone();
        // It assigns, and no more. What it replaces is kept by the old settings, and dropped with them.
        change(&mut settings);
        let old = std::mem::replace(&mut self.settings, Arc::new(settings));
        self.errands.push(Errand::Settings(old));
        // The timer may be one of another clock.
        self.disarm();
        self.wake_next();
    }

    // ---- callers and flushes ----

    pub(super) fn join(&mut self, now: Time, item: T, weight: u64, waker: Waker) -> Id {
        let id = self.number();
        self.weight += u128::from(weight);
        self.waiting.insert(id, Waiting { item, weight, since: now });
        self.callers.insert(id, Caller { waker: Some(waker), answer: None });
        id
    }

    pub(super) fn look(&mut self, id: Id, waker: &Waker, fresh: &mut Option<Waker>) -> Look<R, E> {
        let Some(caller) = self.callers.get_mut(&id) else { return Look::Wait };
        if caller.answer.is_some() {
            return self.answer(id).map_or(Look::Wait, Look::Answer);
        }
        Self::register(&mut caller.waker, waker, fresh, &mut self.errands)
    }

    /// The caller's answer, if it is there; then the caller is gone.
    pub(super) fn answer(&mut self, id: Id) -> Option<Result<R, BatchError<E>>> {
        self.callers.get(&id)?.answer.as_ref()?;
        let caller = self.callers.remove(&id)?;
        self.errands.extend(caller.waker.map(Errand::Waker));
        self.nudge();
        caller.answer
    }

    /// A caller goes, with its item if that was not sent yet.
    pub(super) fn leave(&mut self, id: Id) {
        if let Some(waiting) = self.waiting.remove(&id) {
            self.weight -= u128::from(waiting.weight);
            self.errands.push(Errand::Item(waiting.item));
            self.wake_flushes();
            if self.wanted_timer().is_none() {
                self.disarm();
            }
        }
        if let Some(caller) = self.callers.remove(&id) {
            self.errands.extend(caller.waker.map(Errand::Waker));
            self.errands.extend(caller.answer.map(Errand::Answer));
        }
        self.nudge();
    }

    pub(super) fn join_flush(&mut self, waker: Waker) -> Id {
        let id = self.number();
        self.flushed = id;
        self.flushes.insert(id, Some(waker));
        id
    }

    pub(super) fn look_flush(&mut self, id: Id, waker: &Waker, fresh: &mut Option<Waker>) -> Look<R, E> {
        let Some(known) = self.flushes.get_mut(&id) else { return Look::Wait };
        Self::register(known, waker, fresh, &mut self.errands)
    }

    /// Whether all that had been handed in before it is settled.
    pub(super) fn is_flushed(&self, id: Id) -> bool {
        let waits = self.waiting.first_key_value().is_some_and(|(first, _)| *first < id);
        let runs = self.batches.first_key_value().is_some_and(|(first, _)| *first < id);
        !waits && !runs
    }

    pub(super) fn leave_flush(&mut self, id: Id) {
        self.errands.extend(self.flushes.remove(&id).flatten().map(Errand::Waker));
        self.nudge();
    }

    fn number(&mut self) -> Id {
        let id = self.next;
        self.next += 1;
        id
    }

    fn register(
        known: &mut Option<Waker>,
        waker: &Waker,
        fresh: &mut Option<Waker>,
        errands: &mut Vec<Errand<T, R, E>>,
    ) -> Look<R, E> {
        if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return Look::Wait;
        }
        match fresh.take() {
            Some(fresh) => {
                errands.extend(known.replace(fresh).map(Errand::Waker));
                Look::Wait
            }
            None => Look::BringWaker,
        }
    }

    // ---- what is to be done ----

    /// Somebody begins to do what there is to do.
    pub(super) fn pass(&mut self) -> u64 {
        self.passes += 1;
        self.passes
    }

    pub(super) fn step(&mut self, now: Time, pass: u64) -> Step<T, R, E> {
        let woken = |batch: &Batch<T, R, E>| {
            batch.phase == Phase::Woken && batch.pass != pass && batch.work.is_some()
        };
        let first = self.batches.iter().find(|(_, batch)| woken(batch)).map(|(id, _)| *id);
        if let Some(id) = first.or_else(|| self.next_retry(now)) {
            return self.take(id, pass);
        }
        if self.has_room() && self.may_send(now) {
            return self.send(pass);
        }
        self.step_timer()
    }

    /// A retry whose time has come, if there is room for it.
    fn next_retry(&self, now: Time) -> Option<Id> {
        let (at, id) = self.first_retry()?;
        (at <= now && self.has_room()).then_some(id)
    }

    fn first_retry(&self) -> Option<(Time, Id)> {
        let delayed = self.batches.iter().filter_map(|(id, batch)| match batch.phase {
            Phase::Delayed(until) => Some((until, *id)),
            Phase::Running | Phase::Woken => None,
        });
        delayed.min()
    }

    fn take(&mut self, id: Id, pass: u64) -> Step<T, R, E> {
        let Some(batch) = self.batches.get_mut(&id) else { return Step::Rest };
        (batch.phase, batch.pass) = (Phase::Running, pass);
        batch.work.take().map_or(Step::Rest, |work| Step::Poll(id, work))
    }

    fn running(&self) -> usize {
        self.batches.values().filter(|batch| !matches!(batch.phase, Phase::Delayed(_))).count()
    }

    fn has_room(&self) -> bool {
        self.running() < self.settings.in_flight
    }

    /// Whether the oldest that waits need not wait for more to come.
    fn may_send(&self, now: Time) -> bool {
        self.is_due() || self.lingers_until().is_some_and(|until| until <= now)
    }

    /// Whether it may go, whatever the time.
    fn is_due(&self) -> bool {
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
    fn wanted_timer(&self) -> Option<Time> {
        if !self.has_room() {
            return None;
        }
        let retry = self.first_retry().map(|(at, _)| at);
        let first = self.lingers_until().into_iter().chain(retry).min();
        first.filter(|at| *at != Time::MAX)
    }

    fn disarm(&mut self) {
        if matches!(self.timer, Timer::Armed { .. })
            && let Timer::Armed { sleep, .. } = std::mem::replace(&mut self.timer, Timer::None)
        {
            self.errands.push(Errand::Timer(sleep));
        }
    }

    // ---- what was done ----

    /// The timer comes back, unless it has ended.
    pub(super) fn put_timer(&mut self, timer: Option<(Time, Sleep)>) {
        let fired = matches!(self.timer, Timer::Out { fired: true });
        self.timer = match timer {
            Some((at, sleep)) => Timer::Armed { at, sleep, fired },
            None => Timer::None,
        };
    }

    /// The work of a batch comes back, with what it has settled. `me` polled it, and need not be woken for a result.
    pub(super) fn put_back(
        &mut self,
        id: Id,
        work: Work<T, R, E>,
        turn: Turn,
        settled: Settled<R, E>,
        me: Id,
    ) {
        for (id, answer) in settled {
            self.settle(id, answer, me);
        }
        let Some(batch) = self.batches.get_mut(&id) else { return };
        match turn {
            Turn::Pending => batch.work = Some(work),
            Turn::Again => {
                // The same pass may poll it again.
                (batch.work, batch.phase, batch.pass) = (Some(work), Phase::Woken, 0);
            }
            Turn::Delay(until) => (batch.work, batch.phase) = (Some(work), Phase::Delayed(until)),
            Turn::Finished => {
                self.errands.push(Errand::Work(work));
                self.batches.remove(&id);
                self.wake_flushes();
                return;
            }
        }
        if batch.phase == Phase::Woken && turn == Turn::Pending {
            // Those who were woken with it may have looked while it was away.
            self.wake_batch(id);
        }
    }

    fn settle(&mut self, id: Id, answer: Result<R, BatchError<E>>, me: Id) {
        match self.callers.get_mut(&id) {
            Some(caller) => {
                let old = caller.answer.replace(answer);
                self.errands.extend(old.map(Errand::Answer));
                if id != me {
                    self.errands.extend(caller.waker.take().map(Errand::Wake));
                }
            }
            None => self.errands.push(Errand::Answer(answer)),
        }
    }

    // ---- who is woken ----

    /// The handler of a batch has woken it.
    pub(super) fn batch_woken(&mut self, id: Id) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        if batch.phase == Phase::Running {
            batch.phase = Phase::Woken;
            self.wake_batch(id);
        }
    }

    pub(super) fn timer_fired(&mut self) {
        match &mut self.timer {
            Timer::Armed { fired, .. } | Timer::Out { fired } => *fired = true,
            Timer::None => {}
        }
        self.wake_next();
    }

    /// Wakes the callers of a batch and those who wait for its place: any of them can poll it.
    fn wake_batch(&mut self, id: Id) {
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
    fn wake_next(&mut self) {
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

    fn wake_flushes(&mut self) {
        self.errands.extend(self.flushes.values_mut().filter_map(Option::take).map(Errand::Wake));
    }

    /// Somebody goes. What there is to do, and what it may have been woken for, is left to the others.
    fn nudge(&mut self) {
        let woken = |batch: &Batch<T, R, E>| batch.phase == Phase::Woken && batch.work.is_some();
        let woken: Vec<Id> =
            self.batches.iter().filter(|(_, batch)| woken(batch)).map(|(id, _)| *id).collect();
        woken.into_iter().for_each(|id| self.wake_batch(id));
        let watched = matches!(self.timer, Timer::Armed { fired: false, .. } | Timer::Out { .. });
        if self.has_room() && (self.is_due() || (!watched && self.wanted_timer().is_some())) {
            self.wake_next();
        }
    }
}
