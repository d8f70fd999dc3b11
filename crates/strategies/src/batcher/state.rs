//! What a batcher decides, without clock or lock: what goes when, who is told, and what is to be done next.

mod steps;
mod wakes;

use super::settings::Settings;
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
    /// The batch that was polled last; then it is the next one's turn.
    latest: Id,
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
    /// It has more to hand over, and needs no wake.
    Again,
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
            latest: 0,
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
            Turn::Again => (batch.work, batch.phase) = (Some(work), Phase::Again),
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
}
