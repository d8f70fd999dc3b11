//! `Observers`: tells every listener of a run, and survives each of them.

use crate::contain::{contain_drop, contain_or};
use regatta_core::{Event, EventKind, Observer, Time};
use std::fmt;

/// The listeners of one run. One that panics hears nothing more.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// Nobody listens.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more listener.
    pub fn add(&mut self, observer: impl Observer + 'static) {
        self.0.push(Box::new(observer));
    }

    /// Whether nobody listens: then an event need not be made.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells everybody.
    pub fn tell(&mut self, id: usize, name: &dyn fmt::Debug, at: Time, kind: EventKind<'_>) {
        let event = Event::new(id, name, at, kind);
        let mut index = 0;
        while let Some(observer) = self.0.get(index) {
            let is_well = contain_or(false, || {
                observer.on_event(&event);
                true
            });
            if is_well {
                index += 1;
            } else {
                let deaf = self.0.remove(index);
                contain_drop(|| drop(deaf));
            }
        }
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        for observer in self.0.drain(..) {
            contain_drop(|| drop(observer));
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
