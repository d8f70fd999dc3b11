//! `Retrying`: what waits for a later time. The one delay heap.

use regatta_core::Time;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;

/// Work that is due later: retries after their pause, delayed jobs. Equal times come out first in, first out.
///
/// It holds no slot and no permit, and arms no timer: its owner, a source, answers `NotBefore` with
/// [`next_due`](Retrying::next_due). Adding and taking cost O(log n).
///
/// ```
/// use regatta_core::Time;
/// use regatta_engine::Retrying;
///
/// let mut delayed = Retrying::new();
/// delayed.push(Time::from_nanos(20), "later");
/// delayed.push(Time::from_nanos(10), "soon");
/// assert_eq!(delayed.next_due(), Some(Time::from_nanos(10)));
/// assert_eq!(delayed.pop_due(Time::from_nanos(15)), Some("soon"));
/// assert_eq!(delayed.pop_due(Time::from_nanos(15)), None);
/// ```
pub struct Retrying<J> {
    heap: BinaryHeap<Reverse<Delayed<J>>>,
    seq: u64,
}

struct Delayed<J> {
    due: Time,
    seq: u64,
    job: J,
}

impl<J> Retrying<J> {
    /// Nothing waits.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), seq: 0 }
    }

    /// `job` is due at `due`.
    pub fn push(&mut self, due: Time, job: J) {
        self.heap.push(Reverse(Delayed { due, seq: self.seq, job }));
        self.seq += 1;
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(delayed)| delayed.due)
    }

    /// The next one, if it is due.
    pub fn peek_due(&self, now: Time) -> Option<&J> {
        self.heap.peek().filter(|Reverse(delayed)| delayed.due <= now).map(|Reverse(delayed)| &delayed.job)
    }

    /// Takes the next one, if it is due.
    pub fn pop_due(&mut self, now: Time) -> Option<J> {
        self.peek_due(now)?;
        self.heap.pop().map(|Reverse(delayed)| delayed.job)
    }

    /// Keeps only what `keep` says. Costs O(n).
    pub fn retain(&mut self, mut keep: impl FnMut(&J) -> bool) {
        self.heap.retain(|Reverse(delayed)| keep(&delayed.job));
    }

    /// Takes all, due or not, in no particular order.
    pub fn drain(&mut self) -> impl Iterator<Item = J> + '_ {
        self.heap.drain().map(|Reverse(delayed)| delayed.job)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<J> Default for Retrying<J> {
    fn default() -> Self {
        Self::new()
    }
}

impl<J> fmt::Debug for Retrying<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").field("len", &self.len()).field("next_due", &self.next_due()).finish()
    }
}

impl<J> Ord for Delayed<J> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.seq).cmp(&(other.due, other.seq))
    }
}

impl<J> PartialOrd for Delayed<J> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<J> PartialEq for Delayed<J> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<J> Eq for Delayed<J> {}
