//! `Door`: the pushes that wait for a place in a full queue. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

/// A push that waits, most urgent first, then first come, first served.
pub(crate) type Guest = (Reverse<i32>, u64);

/// Who waits, and to whom a place was handed that has not come in yet.
#[derive(Default)]
pub(crate) struct Door {
    line: BTreeMap<Guest, Option<Waker>>,
    let_in: BTreeSet<Guest>,
    next: u64,
}

impl Door {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }

    /// Stands in line.
    pub(crate) fn join(&mut self, priority: i32, waker: Waker) -> Guest {
        let guest = (Reverse(priority), self.next);
        self.next += 1;
        self.line.insert(guest, Some(waker));
        guest
    }

    /// Hands the place that is free to the first in line.
    pub(crate) fn let_in(&mut self) -> Option<Waker> {
        let (guest, waker) = self.line.pop_first()?;
        self.let_in.insert(guest);
        waker
    }

    /// Whether it has been let in; then it is no guest any more.
    pub(crate) fn enter(&mut self, guest: Guest) -> bool {
        self.let_in.remove(&guest)
    }

    /// It waits with another waker; gives the old one back. Whether it waits at all.
    pub(crate) fn wait(&mut self, guest: Guest, waker: Waker) -> Result<Option<Waker>, Waker> {
        match self.line.get_mut(&guest) {
            Some(place) => Ok(place.replace(waker)),
            None => Err(waker),
        }
    }

    /// It goes; its waker, if it still stood in line.
    pub(crate) fn leave(&mut self, guest: Guest) -> Option<Waker> {
        self.line.remove(&guest).flatten()
    }

    /// Everybody is sent away.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Waker> {
        std::mem::take(&mut self.line).into_values().flatten()
    }
}

#[cfg(test)]
mod tests;
