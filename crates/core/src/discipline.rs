//! `Discipline`: in which order waiting work is asked for.

use crate::{Request, Time};

/// Orders work that waits. The least key goes first.
///
/// Keys are made once, when work is enqueued, so ordering costs O(log n) and nothing is sorted again; a discipline
/// that depends on what was started (a weighted fair one) keeps its state in `self`. Work that comes back, for a retry,
/// keeps its first key and with it its place.
///
/// ```
/// use regatta_core::{Discipline, Request, Time};
///
/// struct MostUrgentFirst;
/// impl Discipline for MostUrgentFirst {
///     type Key = (std::cmp::Reverse<i32>, u64);
///     fn enqueued(&mut self, _: Time, seq: u64, request: &Request) -> Self::Key {
///         (std::cmp::Reverse(request.priority), seq)
///     }
/// }
/// let mut order = MostUrgentFirst;
/// let low = order.enqueued(Time::ZERO, 0, &Request::new());
/// assert!(order.enqueued(Time::ZERO, 1, &Request::new().priority(5)) < low);
/// ```
pub trait Discipline {
    /// The place in the order.
    type Key: Ord + Clone;

    /// The key of a request that starts to wait. `seq` counts the requests, so it settles ties first come, first
    /// served.
    fn enqueued(&mut self, now: Time, seq: u64, request: &Request) -> Self::Key;

    /// The work with this key has been started.
    fn started(&mut self, key: &Self::Key) {
        let _ = key;
    }

    /// The work with this key has left without being started.
    fn left(&mut self, key: &Self::Key) {
        let _ = key;
    }

    /// The new key of work that waits since `since` with `key`, now that it is more urgent: `request` is the raised
    /// one. It keeps its place among its equals.
    fn raised(&mut self, key: &Self::Key, since: Time, seq: u64, request: &Request) -> Self::Key {
        self.enqueued(since, seq, request).min(key.clone())
    }
}

/// First come, first served: the order of a queue that is told nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fifo;

impl Discipline for Fifo {
    type Key = u64;

    fn enqueued(&mut self, _: Time, seq: u64, _: &Request) -> u64 {
        seq
    }
}
