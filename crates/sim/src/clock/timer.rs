//! `Timer`: one wait on a manual clock, known to the clock from its first poll until it is due or dropped.

use super::ManualClock;
use regatta_core::Time;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) struct Timer {
    clock: ManualClock,
    time: Time,
    /// Given at the first poll and kept, so that polling again doesn't change the place among equal times.
    id: Option<u64>,
}

impl Timer {
    pub(super) fn new(clock: ManualClock, time: Time) -> Self {
        Self { clock, time, id: None }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // Cloned before locking and the old one dropped after unlocking: a waker may belong to any executor, and its
        // code must not run under the clock's lock.
        let waker = cx.waker().clone();
        let mut state = this.clock.lock();
        if state.now >= this.time {
            return Poll::Ready(());
        }
        let id = *this.id.get_or_insert_with(|| {
            state.next_id += 1;
            state.next_id
        });
        let old = state.timers.insert((this.time, id), waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let waker = self.clock.lock().timers.remove(&(self.time, id));
        drop(waker);
    }
}
