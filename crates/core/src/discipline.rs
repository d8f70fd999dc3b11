//! `Discipline`: in which order waiting work is asked for.

use crate::{ConfigError, Request, Time};
use std::cmp::Reverse;

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

/// Priority inheritance: the priority of each node, given its own, is the best among itself and all that depend on it,
/// directly or through others. What urgent work waits for is then as urgent.
///
/// `own[i]` is the priority of node `i`, and an edge `(before, after)` says that `after` depends on `before`. Edges may
/// come in any order, more than once, and form cycles, whose nodes then all get the same.
///
/// Costs O(n log n + e) time and O(n + e) memory.
///
/// # Errors
///
/// [`ConfigError`] if an edge names a node that `own` doesn't have.
///
/// # Examples
///
/// ```
/// use regatta_core::inherit;
///
/// // Node 0 is what 1 needs, 1 is what the urgent 2 needs; nothing urgent needs 3.
/// assert_eq!(inherit(&[0, 0, 9, 1], [(0, 1), (1, 2), (0, 3)])?, [9, 9, 9, 1]);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
pub fn inherit(
    own: &[i32],
    edges: impl IntoIterator<Item = (usize, usize)>,
) -> Result<Vec<i32>, ConfigError> {
    let mut needs = vec![Vec::new(); own.len()];
    for (before, after) in edges {
        if before >= own.len() || after >= own.len() {
            let edge = format_args!("({before}, {after})");
            return Err(ConfigError::new("edge", edge, "must name nodes that have a priority"));
        }
        needs[after].push(before);
    }
    let mut best = own.to_vec();
    let mut settled = vec![false; own.len()];
    // The most urgent first: whoever gives a node its priority first gives it the best one.
    let mut sources: Vec<_> = (0..own.len()).collect();
    sources.sort_by_key(|node| Reverse(own[*node]));
    let mut open = Vec::new();
    for source in sources {
        open.push(source);
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut settled[node], true) {
                best[node] = own[source];
                open.extend(needs[node].iter().filter(|before| !settled[**before]));
            }
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests;
