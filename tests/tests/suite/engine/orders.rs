//! `Orders`: controls that reach a source from outside.

use super::toy::Ledger;
use regatta_core::Kick;
use regatta_engine::Control;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Controls on their way to an engine. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    queue: VecDeque<Control>,
    kick: Kick,
}

impl Orders {
    pub(crate) fn attach(&self, kick: Kick) {
        self.lock().kick = kick;
    }

    pub(crate) fn give(&self, control: Control) {
        self.lock().queue.push_back(control);
        self.kick();
    }

    pub(crate) fn kick(&self) {
        let kick = self.lock().kick.clone();
        kick.kick();
    }

    pub(crate) fn take(&self, ledger: &Ledger) -> Option<Control> {
        let control = self.lock().queue.pop_front();
        if let Some(Control::Limit(limit)) = control {
            ledger.limit(limit);
        }
        control
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
