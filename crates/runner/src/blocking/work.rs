//! The threads that closures run on, and how many of them a key keeps busy.

use regatta_core::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads a key keeps busy: none, one, or more if attempts that ran out of time still go on.
#[derive(Clone, Default, Debug)]
pub(super) struct Busy(Arc<AtomicUsize>);

impl Busy {
    pub(super) fn is_busy(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    /// Until the guard is dropped, one thread more.
    pub(super) fn enter(&self) -> Entered<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Entered(self)
    }
}

/// Leaves also when the closure panics.
pub(super) struct Entered<'a>(&'a Busy);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Spawns a task, which never waits for anything but itself, on a thread of its own.
pub(super) fn spawn(task: BoxFuture<'static, ()>) {
    blocking::unblock(|| futures_lite::future::block_on(task)).detach();
}
