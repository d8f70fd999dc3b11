//! `Watchers`: those who wait for the end of something. Pure.

use std::collections::BTreeMap;
use std::task::Waker;

/// Each leaves one waker, however often it looks, and none once it has gone.
#[derive(Default)]
pub(crate) struct Watchers {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

/// Where somebody stands, once he waits.
#[derive(Default, Debug)]
pub(crate) struct Watching(Option<u64>);

impl Watchers {
    /// It waits with this waker; gives the old one back.
    pub(crate) fn watch(&mut self, watching: &mut Watching, waker: Waker) -> Option<Waker> {
        let place = *watching.0.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.wakers.insert(place, waker)
    }

    /// It waits no longer; gives its waker back.
    pub(crate) fn leave(&mut self, watching: &mut Watching) -> Option<Waker> {
        self.wakers.remove(&watching.0.take()?)
    }

    /// Those who wait now.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        std::mem::take(&mut self.wakers).into_values()
    }
}

impl Watching {
    pub(crate) fn is_watching(&self) -> bool {
        self.0.is_some()
    }
}
