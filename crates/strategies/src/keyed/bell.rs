//! `Bell`: what the strategies of all classes kick.

use regatta_core::Kick;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Passes kicks on to whoever asks, and notes that something was changed from outside. With it a new owner is told to
/// nobody else.
#[derive(Default)]
pub(super) struct Bell {
    has_rung: AtomicBool,
    // Counted, because cloning a kick is foreign code, which doesn't run under the lock.
    owner: Mutex<Arc<Kick>>,
}

impl Bell {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The kick for one class.
    pub(super) fn kick(self: &Arc<Self>) -> Kick {
        Kick::new(Waker::from(self.clone()))
    }

    pub(super) fn attach(&self, kick: Kick) {
        let kick = Arc::new(kick);
        let former = std::mem::replace(&mut *self.lock(), kick);
        // After the lock is released: the last clone of a waker may run foreign code.
        drop(former);
    }

    pub(super) fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
        let owner = self.lock().clone();
        owner.kick();
    }

    /// Whether it has rung since the last time.
    pub(super) fn has_rung(&self) -> bool {
        self.has_rung.load(Ordering::Relaxed) && self.has_rung.swap(false, Ordering::AcqRel)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Kick>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
