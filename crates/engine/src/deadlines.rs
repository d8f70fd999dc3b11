//! `Deadlines`: which running task must end next. Memory stays O(running), however many tasks come and go.

use regatta_core::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap in which the entries of tasks that ended early stay behind as dead ones, until more than half are dead.
/// Ending a task then costs nothing, and pushing the latest deadline, the common case, O(1).
#[derive(Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<Entry>>,
    live: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) slot: u32,
    pub(crate) tenancy: u32,
}

/// Below this many entries, cleaning up isn't worth it.
const SMALL: usize = 32;

impl Deadlines {
    pub(crate) fn push(&mut self, entry: Entry, is_live: impl Fn(&Entry) -> bool) {
        if self.heap.len() > SMALL + 2 * self.live {
            self.heap.retain(|Reverse(entry)| is_live(entry));
        }
        self.heap.push(Reverse(entry));
        self.live += 1;
    }

    /// One of the entries is dead from now on.
    pub(crate) fn forget(&mut self) {
        self.live -= 1;
    }

    /// Takes the earliest live entry that is due.
    pub(crate) fn pop_due(&mut self, now: Time, is_live: impl Fn(&Entry) -> bool) -> Option<Entry> {
        if self.earliest(is_live)? > now {
            return None;
        }
        self.live -= 1;
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// When the earliest live entry is due.
    pub(crate) fn earliest(&mut self, is_live: impl Fn(&Entry) -> bool) -> Option<Time> {
        loop {
            let Reverse(entry) = self.heap.peek()?;
            if is_live(entry) {
                return Some(entry.at);
            }
            self.heap.pop();
        }
    }

    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests;
