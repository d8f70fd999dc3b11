//! `Deadlines`: which running task must end next. Memory stays O(running), however many tasks come and go.

use regatta_core::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Two queues in which the entries of tasks that ended early stay behind as dead ones, until more than half are dead.
///
/// Deadlines mostly come in order, because most runs give every task the same time: those go to the back of a plain
/// queue, and only those that come earlier than its last one to a heap.
#[derive(Default)]
pub(crate) struct Deadlines {
    in_order: VecDeque<Entry>,
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
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry, is_live: impl Fn(&Entry) -> bool) {
        if self.entries() > SMALL + 2 * self.live {
            self.in_order.retain(|entry| is_live(entry));
            self.heap.retain(|Reverse(entry)| is_live(entry));
        }
        if self.in_order.back().is_none_or(|last| last.at <= entry.at) {
            self.in_order.push_back(entry);
        } else {
            self.heap.push(Reverse(entry));
        }
        self.live += 1;
    }

    /// One of the entries is dead from now on.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.live -= 1;
    }

    /// Takes the earliest live entry that is due.
    pub(crate) fn pop_due(&mut self, now: Time, is_live: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let at = self.earliest(is_live)?;
        if at > now {
            return None;
        }
        self.live -= 1;
        if self.in_order.front().is_some_and(|entry| entry.at == at) {
            return self.in_order.pop_front();
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// When the earliest live entry is due. Drops the dead ones before it.
    pub(crate) fn earliest(&mut self, is_live: impl Fn(&Entry) -> bool) -> Option<Time> {
        while self.in_order.front().is_some_and(|entry| !is_live(entry)) {
            self.in_order.pop_front();
        }
        while self.heap.peek().is_some_and(|Reverse(entry)| !is_live(entry)) {
            self.heap.pop();
        }
        let first = self.in_order.front().map(|entry| entry.at);
        let other = self.heap.peek().map(|Reverse(entry)| entry.at);
        first.into_iter().chain(other).min()
    }

    pub(crate) fn entries(&self) -> usize {
        self.in_order.len() + self.heap.len()
    }
}

#[cfg(test)]
mod tests;
