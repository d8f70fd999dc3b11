//! `Slots`: the jobs that have no end yet, each in a slot that is used again. Pure.

use super::Entry;
use std::ops::{Index, IndexMut};

/// As a slab, but entries stay where they are: taking a job in writes its fields, and letting go of it reads them. Moving
/// an entry in and out would be a good part of what a job costs.
pub(crate) struct Slots<J, R, E> {
    entries: Vec<Entry<J, R, E>>,
    free: Vec<usize>,
}

impl<J, R, E> Slots<J, R, E> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    /// The slot that the next job will have.
    #[inline]
    pub(crate) fn next(&self) -> usize {
        self.free.last().copied().unwrap_or(self.entries.len())
    }

    /// That slot, to be filled: from here on it counts, so its job must be there at once.
    #[inline]
    pub(crate) fn occupy(&mut self) -> &mut Entry<J, R, E> {
        match self.free.pop() {
            Some(slot) => &mut self.entries[slot],
            None => {
                self.entries.push(Entry::vacant());
                let last = self.entries.len() - 1;
                &mut self.entries[last]
            }
        }
    }

    /// The slot is free again; its job must have been taken out.
    #[inline]
    pub(crate) fn vacate(&mut self, slot: usize) {
        debug_assert!(self.entries[slot].is_vacant(), "a slot is empty before it is given away");
        self.free.push(slot);
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&Entry<J, R, E>> {
        self.entries.get(slot).filter(|entry| !entry.is_vacant())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Entry<J, R, E>)> {
        self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_vacant())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<J, R, E>> {
        self.entries.iter_mut().filter(|entry| !entry.is_vacant())
    }
}

impl<J, R, E> Index<usize> for Slots<J, R, E> {
    type Output = Entry<J, R, E>;

    #[inline]
    fn index(&self, slot: usize) -> &Self::Output {
        let entry = &self.entries[slot];
        assert!(!entry.is_vacant(), "a job is looked up only while it has no end");
        entry
    }
}

impl<J, R, E> IndexMut<usize> for Slots<J, R, E> {
    #[inline]
    fn index_mut(&mut self, slot: usize) -> &mut Self::Output {
        let entry = &mut self.entries[slot];
        assert!(!entry.is_vacant(), "a job is looked up only while it has no end");
        entry
    }
}
