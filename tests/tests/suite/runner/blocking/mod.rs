//! `BlockingRunner`: closures on real threads. They wait at gates that the tests open, so nothing here sleeps.

mod asynchronous;
mod contexts;
mod deadlines;
mod handles;
mod limits;
mod slots;

use regatta_tests::Watchdog;
use std::sync::{Arc, Condvar, Mutex};

/// Holds up threads until it is opened, and knows how many have come. Clones are the same gate.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    open: bool,
    come: usize,
    gone: usize,
}

impl Gate {
    /// On a thread of the run: waits until the gate is open.
    pub(crate) fn pass(&self) {
        let mut state = self.0.0.lock().unwrap();
        state.come += 1;
        self.0.1.notify_all();
        state = self.0.1.wait_while(state, |state| !state.open).unwrap();
        state.gone += 1;
    }

    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    /// Waits until so many threads have come, and gives how many there are then.
    pub(crate) fn wait_for(&self, count: usize) -> usize {
        self.0.1.wait_while(self.0.0.lock().unwrap(), |state| state.come < count).unwrap().come
    }

    pub(crate) fn come(&self) -> usize {
        self.0.0.lock().unwrap().come
    }

    pub(crate) fn gone(&self) -> usize {
        self.0.0.lock().unwrap().gone
    }
}

/// Gives other threads the chance to go on until `condition` holds. A watchdog ends what never comes to its end.
pub(crate) fn until(condition: impl Fn() -> bool) {
    let _watchdog = Watchdog::new();
    while !condition() {
        std::thread::yield_now();
    }
}
