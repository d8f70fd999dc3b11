//! `Lifo`: last come, first served.

use regatta_core::{Discipline, Request, Time};
use std::cmp::Reverse;

/// Last come, first served: the newest work is the most likely to be still wanted.
///
/// Under a load that never ends the oldest work waits for ever; give it a deadline. Work that comes back for a retry
/// keeps its place, so newer work passes it.
///
/// # Cost
///
/// A key is 8 bytes; nothing else is kept.
///
/// # Examples
///
/// ```
/// use regatta_core::{Discipline, Request, Time};
/// use regatta_strategies::Lifo;
///
/// let older = Lifo.enqueued(Time::ZERO, 0, &Request::new());
/// assert!(Lifo.enqueued(Time::ZERO, 1, &Request::new()) < older);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lifo;

impl Discipline for Lifo {
    type Key = Reverse<u64>;

    fn enqueued(&mut self, _: Time, seq: u64, _: &Request) -> Reverse<u64> {
        Reverse(seq)
    }
}

#[cfg(test)]
mod tests;
