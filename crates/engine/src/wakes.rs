//! `Wakes`: the list of slots whose tasks were woken, and the driver to tell.

use crate::sync::{AtomicBool, AtomicWaker, Mutex, MutexGuard, Ordering};
use regatta_core::Kick;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

/// What wakers from any thread reach. Outlives its driver for as long as a waker of it is around.
#[derive(Default)]
pub(crate) struct Wakes {
    list: Mutex<Vec<u32>>,
    driver: AtomicWaker,
}

/// One per slot, made once and kept when the slot gets its next tenant. A waker of a former tenant then costs the
/// new one a spurious poll, nothing more.
pub(crate) struct SlotWaker {
    slot: u32,
    /// Whether the slot has been woken since its task was last polled.
    queued: AtomicBool,
    wakes: Arc<Wakes>,
}

impl Wakes {
    /// Whom to wake from now on. Comes before the last look at the list: a wake in between is then not missed.
    pub(crate) fn register(&self, driver: &Waker) {
        self.driver.register(driver);
    }

    /// Wakers may outlive their driver; what they woke does not have to.
    pub(crate) fn forget(&self) {
        drop(self.driver.take());
    }

    /// A handle that makes the driver look again.
    pub(crate) fn kick(self: &Arc<Self>) -> Kick {
        Kick::new(Waker::from(self.clone()))
    }

    fn push(&self, slot: u32) {
        let first = {
            let mut list = self.lock();
            list.push(slot);
            list.len() == 1
        };
        // Only the first wake since the list was taken needs to tell the driver, and it does so after unlocking: the
        // driver may run on this very thread.
        if first {
            self.driver.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u32>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.driver.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.driver.wake();
    }
}

impl SlotWaker {
    pub(crate) fn new(slot: u32, wakes: &Arc<Wakes>) -> Arc<Self> {
        Arc::new(Self { slot, queued: AtomicBool::new(false), wakes: wakes.clone() })
    }

    /// Takes the mark that says the slot was woken. To be called before the task is polled, so that a wake during the
    /// poll counts as a new one. Acquires what the waker did before it woke, also where it found the mark set and
    /// pushed nothing.
    pub(crate) fn take(&self) -> bool {
        self.queued.load(Ordering::Relaxed) && self.queued.swap(false, Ordering::AcqRel)
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.wakes.push(self.slot);
        }
    }
}

/// The driver's side of the list: what it has taken and not polled yet, first woken first.
#[derive(Default)]
pub(crate) struct Woken {
    queue: VecDeque<u32>,
    /// Swapped with the shared list, so that taking it copies nothing under the lock and allocates nothing.
    spare: Vec<u32>,
}

impl Woken {
    /// Takes what has been woken since the last time.
    pub(crate) fn refill(&mut self, wakes: &Wakes) {
        std::mem::swap(&mut *wakes.lock(), &mut self.spare);
        self.queue.extend(self.spare.drain(..));
    }

    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.queue.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
