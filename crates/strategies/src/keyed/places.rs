//! Who stands where, and who makes room for whom.

use super::candidates::Candidates;
use super::{Keyed, Slot, UNCLASSED};
use regatta_core::{Class, Readiness, Strategy, Time};
use std::sync::{MutexGuard, PoisonError};

impl<S> Keyed<S> {
    pub(super) fn find(&self, class: Option<Class>) -> Option<usize> {
        match class {
            Some(class) => self.index.get(&class).copied(),
            None => Some(UNCLASSED),
        }
    }

    pub(super) fn slot(&self, class: Option<Class>) -> Option<&Slot<S>> {
        self.find(class).map(|place| &self.slots[place])
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Candidates> {
        // A strategy that panics when asked for its rest leaves the order whole: it changes afterwards.
        self.candidates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Strategy> Keyed<S> {
    /// Where a new class could stand: at the end, or in the place of one at rest. Else, when there may be a place.
    pub(super) fn room(&self, now: Time) -> Result<usize, Readiness> {
        if self.index.len() - self.kept < self.capacity {
            return Ok(self.slots.len());
        }
        let mut candidates = self.lock();
        if self.bell.has_rung() {
            // One of them was changed from outside, and nobody says which one.
            let slots = self.slots.iter().enumerate();
            slots.filter(|(_, slot)| !slot.is_kept).for_each(|(place, _)| candidates.add(place));
        }
        candidates.first(|place| self.slots[place].strategy.rest(now))
    }

    /// Remembers a new class if there is a place for it.
    pub(super) fn enter(&mut self, class: Option<Class>, now: Time) -> Option<usize> {
        let place = self.room(now).ok()?;
        let strategy = self.make.one(class);
        self.undo = None;
        let former = self.put(place, class, false, strategy);
        self.lock().add(place);
        drop(former);
        Some(place)
    }

    /// Puts a strategy in its place. Gives what stood there.
    pub(super) fn put(
        &mut self,
        place: usize,
        class: Option<Class>,
        is_kept: bool,
        mut strategy: S,
    ) -> Option<Slot<S>> {
        strategy.attach(self.bell.kick());
        self.made += 1;
        let slot = Slot { class, number: self.made, is_kept, strategy };
        self.swap(place, slot)
    }

    /// The same with a strategy that has its number.
    pub(super) fn swap(&mut self, place: usize, slot: Slot<S>) -> Option<Slot<S>> {
        let former = self.slots.get(place).and_then(|former| former.class);
        if let Some(former) = former {
            self.index.remove(&former);
        }
        if let Some(class) = slot.class {
            self.index.insert(class, place);
        }
        match self.slots.get_mut(place) {
            Some(former) => Some(std::mem::replace(former, slot)),
            None => {
                self.slots.push(slot);
                None
            }
        }
    }
}
