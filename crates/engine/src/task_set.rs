//! `TaskSet`: the running futures, in reusable slots.

use crate::contain::{contain, contain_drop};
use crate::deadlines::{Deadlines, Entry};
use crate::source::End;
use crate::wakes::{SlotWaker, Wakes, Woken};
use regatta_core::{Kick, Time};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The running futures of one driver, each with a tenant value of type `T` and perhaps a deadline.
///
/// A future rests in a slot; when it ends, the next one moves into the same allocation and gets the same waker, so a
/// warm set allocates nothing per task. Waking a task queues its slot once; each queued slot is polled once. A panic
/// in a future's poll or drop is that future's end and touches no other.
pub struct TaskSet<F, T> {
    slots: Vec<Slot<F, T>>,
    /// Used last in, first out, so that hot slots stay in the cache.
    free: Vec<u32>,
    deadlines: Deadlines,
    woken: Woken,
    wakes: Arc<Wakes>,
}

struct Slot<F, T> {
    task: Pin<Box<Option<F>>>,
    tenant: Option<T>,
    /// Counts the tenants, so that news of a former one can be told apart.
    tenancy: u32,
    has_deadline: bool,
    /// How many entries of the woken list stand for marks that were taken early.
    spent: u32,
    flag: Arc<SlotWaker>,
    waker: Waker,
}

/// The place of a task in a [`TaskSet`]. It goes stale when the task ends, and stale ones find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SlotId {
    index: u32,
    tenancy: u32,
}

impl<F, T> TaskSet<F, T> {
    /// No tasks.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: Deadlines::default(),
            woken: Woken::default(),
            wakes: Arc::default(),
        }
    }

    /// How many tasks it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whom wakes of tasks and kicks reach from now on. To be called first in each poll of the driver.
    pub fn register(&self, driver: &Waker) {
        self.wakes.register(driver);
    }

    /// Nobody is to be woken any more; lets go of the driver's waker.
    pub fn forget_driver(&self) {
        self.wakes.forget();
    }

    /// A handle that wakes the driver.
    pub fn kick(&self) -> Kick {
        self.wakes.kick()
    }

    /// Puts a task in, without polling it; [`Time::MAX`] is no deadline. Costs no allocation once warm.
    ///
    /// # Panics
    ///
    /// At 2³² tasks at once.
    #[inline]
    pub fn insert(&mut self, task: F, tenant: T, deadline: Time) -> SlotId {
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.grow(),
        };
        let slot = &mut self.slots[index as usize];
        slot.task.as_mut().set(Some(task));
        slot.tenant = Some(tenant);
        slot.has_deadline = deadline < Time::MAX;
        let tenancy = slot.tenancy;
        if deadline < Time::MAX {
            let slots = &self.slots;
            self.deadlines.push(Entry { at: deadline, slot: index, tenancy }, |entry| is_live(slots, entry));
        }
        SlotId { index, tenancy }
    }

    /// One more slot, empty. Rare, and kept apart so that the common case stays small.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> u32 {
        let index = u32::try_from(self.slots.len()).expect("at most 2^32 tasks at once");
        let flag = SlotWaker::new(index, &self.wakes);
        self.slots.push(Slot {
            task: Box::pin(None),
            tenant: None,
            tenancy: 0,
            has_deadline: false,
            spent: 0,
            waker: Waker::from(flag.clone()),
            flag,
        });
        index
    }

    /// Takes note of the wakes so far: what [`next_woken`](TaskSet::next_woken) may hand out from now on.
    pub fn refill(&mut self) {
        self.woken.refill(&self.wakes);
    }

    /// The next woken task, first woken first. Its mark is taken, so it should be polled now.
    #[inline]
    pub fn next_woken(&mut self) -> Option<SlotId> {
        while let Some(index) = self.woken.pop() {
            let slot = &mut self.slots[index as usize];
            // The task was polled early, for its deadline or a cancel. A mark that is there all the same belongs to
            // a later entry; taking it here would poll the task twice if it wakes itself.
            if slot.spent > 0 {
                slot.spent -= 1;
                continue;
            }
            if slot.flag.take() && slot.tenant.is_some() {
                return Some(SlotId { index, tenancy: slot.tenancy });
            }
        }
        None
    }

    /// Whether tasks are left over from the last [`refill`](TaskSet::refill).
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Whether the task was woken since its last poll; takes the mark.
    pub fn take_wake(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slot_mut(id) else { return false };
        let woken = slot.flag.take();
        slot.spent += u32::from(woken);
        woken
    }

    /// The next task whose deadline is due. It has no deadline from now on.
    pub fn next_due(&mut self, now: Time) -> Option<SlotId> {
        let slots = &self.slots;
        let due = self.deadlines.pop_due(now, |entry| is_live(slots, entry))?;
        self.slots[due.slot as usize].has_deadline = false;
        Some(SlotId { index: due.slot, tenancy: due.tenancy })
    }

    /// When the next deadline is due.
    pub fn next_deadline(&mut self) -> Option<Time> {
        let slots = &self.slots;
        self.deadlines.earliest(|entry| is_live(slots, entry))
    }

    /// The tenant of a running task.
    #[inline]
    pub fn tenant_mut(&mut self, id: SlotId) -> Option<&mut T> {
        self.slot_mut(id)?.tenant.as_mut()
    }

    /// The task itself.
    pub fn task_mut(&mut self, id: SlotId) -> Option<Pin<&mut F>> {
        self.slot_mut(id)?.task.as_mut().as_pin_mut()
    }

    /// All tasks, in the order of their slots.
    pub fn ids(&self) -> impl Iterator<Item = SlotId> {
        self.tenants().map(|(id, _)| id)
    }

    /// All tasks with their tenants, in the order of their slots.
    pub fn tenants(&self) -> impl Iterator<Item = (SlotId, &T)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let tenant = slot.tenant.as_ref()?;
            Some((SlotId { index, tenancy: slot.tenancy }, tenant))
        })
    }

    /// Drops a task, containing a panic in its drop, and hands back its tenant.
    #[inline]
    pub fn remove(&mut self, id: SlotId) -> Option<T> {
        let slot = self.slot_mut(id)?;
        contain_drop(|| slot.task.as_mut().set(None));
        self.vacate(id.index)
    }

    /// Ends a tenancy whose task is gone.
    #[inline]
    fn vacate(&mut self, index: u32) -> Option<T> {
        let slot = &mut self.slots[index as usize];
        slot.tenancy = slot.tenancy.wrapping_add(1);
        if std::mem::take(&mut slot.has_deadline) {
            self.deadlines.forget();
        }
        self.free.push(index);
        slot.tenant.take()
    }

    #[inline]
    fn slot_mut(&mut self, id: SlotId) -> Option<&mut Slot<F, T>> {
        self.slots.get_mut(id.index as usize).filter(|slot| slot.tenancy == id.tenancy)
    }

    #[cfg(test)]
    pub(crate) fn deadline_entries(&self) -> usize {
        self.deadlines.entries()
    }
}

impl<F: Future, T> TaskSet<F, T> {
    /// Polls a task once. If it ended, its slot is free again, and its tenant comes back with how it ended: an output
    /// or a panic.
    #[inline]
    pub fn poll(&mut self, id: SlotId) -> Option<(T, End<F::Output>)> {
        let slot = self.slots.get_mut(id.index as usize).filter(|slot| slot.tenancy == id.tenancy)?;
        let mut cx = Context::from_waker(&slot.waker);
        let task = &mut slot.task;
        let mut output = None;
        // Poll and drop share one guard. An output that is there stands, also if dropping the task panics.
        let caught = contain(|| {
            if let Poll::Ready(value) = task.as_mut().as_pin_mut()?.poll(&mut cx) {
                output = Some(value);
                task.as_mut().set(None);
            }
            Some(())
        });
        let end = match (output, caught) {
            (Some(output), Ok(_)) => End::Output(output),
            (None, Ok(_)) => return None,
            (Some(output), Err(panic)) => {
                contain_drop(|| drop(panic));
                End::Output(output)
            }
            (None, Err(panic)) => {
                contain_drop(|| slot.task.as_mut().set(None));
                End::Panicked(panic)
            }
        };
        self.vacate(id.index).map(|tenant| (tenant, end))
    }
}

fn is_live<F, T>(slots: &[Slot<F, T>], entry: &Entry) -> bool {
    slots[entry.slot as usize].tenancy == entry.tenancy
}

impl<F, T> Default for TaskSet<F, T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The futures are pinned in their own allocations, so the set itself may move.
impl<F, T> Unpin for TaskSet<F, T> {}

impl<F, T> Drop for TaskSet<F, T> {
    fn drop(&mut self) {
        self.forget_driver();
        for slot in &mut self.slots {
            contain_drop(|| slot.task.as_mut().set(None));
        }
    }
}

#[cfg(test)]
mod tests;
