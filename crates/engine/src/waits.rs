//! `Waits`: what waits for another attempt or a later time, and for how long it may.

use crate::Retrying;
use regatta_core::Time;
use std::collections::HashMap;
use std::fmt;

/// What waits for another attempt or a later time, and for how long it may: two heaps of times and a table. Tasks are
/// known by their index; equal times come out first in, first out.
///
/// Pure, and without a timer, as [`Retrying`] is, of which it has two. A task that no longer waits stays in the heaps
/// until it comes up there, so that letting go of one costs O(1); adding and taking cost O(log n), amortised. A task
/// waits once at a time: a second `push` of it takes the place of the first.
///
/// ```
/// use regatta_core::Time;
/// use regatta_engine::Waits;
///
/// let at = Time::from_nanos;
/// let mut waits = Waits::new();
/// waits.push(7, at(20), at(90)); // may wait until 90
/// waits.push(8, at(10), Time::MAX);
/// assert_eq!((waits.next_due(), waits.next_late()), (Some(at(10)), at(90)));
/// assert_eq!(waits.pop_due(at(15)), Some(8));
/// assert!(waits.remove(7));
/// assert_eq!((waits.pop_due(at(20)), waits.next_late()), (None, Time::MAX));
/// ```
pub struct Waits {
    /// Those that wait, each with the number of its wait.
    waiting: HashMap<usize, u64>,
    due: Retrying<(usize, u64)>,
    /// When a task's own time is up, whether there was a slot for its retry or not.
    late: Retrying<(usize, u64)>,
    waits: u64,
}

impl Waits {
    /// Nothing waits.
    pub fn new() -> Self {
        Self { waiting: HashMap::new(), due: Retrying::new(), late: Retrying::new(), waits: 0 }
    }

    /// The task waits until `due`, and must have ended by `deadline`.
    pub fn push(&mut self, index: usize, due: Time, deadline: Time) {
        self.waits += 1;
        self.waiting.insert(index, self.waits);
        self.due.push(due, (index, self.waits));
        if deadline < Time::MAX {
            self.late.push(deadline, (index, self.waits));
        }
        self.sweep();
    }

    /// Drops, now and then, what the waits of the past have left, so that memory stays with those that wait: a task
    /// that fails every millisecond of its hour leaves millions. Amortised O(1) a wait.
    fn sweep(&mut self) {
        let waiting = &self.waiting;
        for heap in [&mut self.due, &mut self.late] {
            if heap.len() > 2 * waiting.len() + 32 {
                heap.retain(|(index, wait)| waiting.get(index) == Some(wait));
            }
        }
    }

    /// The task waits no longer; whether it did.
    pub fn remove(&mut self, index: usize) -> bool {
        !self.waiting.is_empty() && self.waiting.remove(&index).is_some()
    }

    /// The task that is due first.
    #[inline]
    pub fn peek_due(&mut self, now: Time) -> Option<usize> {
        while let Some(&(index, wait)) = self.due.peek_due(now) {
            if self.waiting.get(&index) == Some(&wait) {
                return Some(index);
            }
            self.due.pop_due(now);
        }
        None
    }

    /// Takes the task that is due first.
    #[inline]
    pub fn pop_due(&mut self, now: Time) -> Option<usize> {
        let index = self.peek_due(now)?;
        self.due.pop_due(now);
        self.waiting.remove(&index);
        Some(index)
    }

    /// Takes a task whose own time is up while it waits.
    pub fn pop_late(&mut self, now: Time) -> Option<usize> {
        while let Some((index, wait)) = self.late.pop_due(now) {
            if self.waiting.get(&index) == Some(&wait) {
                self.waiting.remove(&index);
                return Some(index);
            }
        }
        None
    }

    /// When the next one is due, if any waits; earlier if that one waits no longer.
    pub fn next_due(&self) -> Option<Time> {
        if self.waiting.is_empty() { None } else { self.due.next_due() }
    }

    /// When the next one's own time is up, [`Time::MAX`] for never; earlier if that one waits no longer.
    pub fn next_late(&self) -> Time {
        if self.waiting.is_empty() { Time::MAX } else { self.late.next_due().unwrap_or(Time::MAX) }
    }

    /// Takes all, in the order of adding, so that the same run goes the same way.
    pub fn drain(&mut self) -> Vec<usize> {
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_keys().collect();
        waiting.sort_unstable();
        waiting
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waits").field("len", &self.waiting.len()).field("next_due", &self.next_due()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_task_that_is_retried_a_thousand_times_before_its_deadline_leaves_nothing_behind() {
        let mut waits = Waits::new();
        let deadline = Time::from_nanos(1_000_000);
        for n in 0..1_000 {
            let now = Time::from_nanos(n);
            waits.push(7, now + Duration::from_nanos(1), deadline);
            assert!(waits.late.len() <= 34 && waits.due.len() <= 34, "{} entries", waits.late.len());
            assert_eq!(waits.pop_due(now + Duration::from_nanos(1)), Some(7));
        }
        waits.push(7, deadline, deadline);
        assert_eq!(waits.pop_late(deadline), Some(7));
        assert_eq!(waits.pop_late(deadline), None);
    }

    #[test]
    fn tasks_whose_wait_was_ended_leave_nothing_behind() {
        let mut waits = Waits::new();
        for n in 0..1_000 {
            waits.push(n, Time::from_nanos(1_000), Time::MAX);
            assert!(waits.remove(n));
        }
        assert!(waits.due.len() <= 34, "{} entries", waits.due.len());
    }

    #[test]
    fn those_that_wait_outlive_a_sweep() {
        let mut waits = Waits::new();
        waits.push(0, Time::from_nanos(5), Time::from_nanos(9));
        for _ in 0..100 {
            waits.push(1, Time::from_nanos(7), Time::from_nanos(8));
            waits.remove(1);
        }
        assert_eq!(
            (waits.next_due(), waits.peek_due(Time::from_nanos(5))),
            (Some(Time::from_nanos(5)), Some(0))
        );
        assert_eq!(waits.pop_late(Time::from_nanos(9)), Some(0));
    }
}
