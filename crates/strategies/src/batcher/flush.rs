//! `Flush`: sends what waits, and waits for it.

use super::shared::Shared;
use super::state::Look;
use super::work::Id;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Sends what waits without lingering, and waits until all of it is settled; made by
/// [`Batcher::flush`](super::Batcher::flush).
///
/// It counts from its first poll: items that are handed in later may go with those before, and are not waited for.
///
/// # Cancel safety
///
/// Dropping it loses nothing. What it was to send still goes without lingering.
#[must_use = "futures do nothing unless polled"]
pub struct Flush<T, R, E> {
    shared: Arc<Shared<T, R, E>>,
    stage: Stage,
}

enum Stage {
    New,
    Waiting(Id),
    Ended,
}

impl<T, R, E> Flush<T, R, E> {
    pub(super) fn new(shared: Arc<Shared<T, R, E>>) -> Self {
        Self { shared, stage: Stage::New }
    }

    fn look(&self, id: Id, cx: &Context<'_>) {
        let mut fresh = None;
        while let Look::BringWaker = self.shared.with(|state| state.look_flush(id, cx.waker(), &mut fresh)) {
            fresh = Some(cx.waker().clone());
        }
    }
}

impl<T, R, E> Future for Flush<T, R, E>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let id = match this.stage {
            Stage::New => {
                let waker = cx.waker().clone();
                this.shared.with(|state| state.join_flush(waker))
            }
            Stage::Waiting(id) => {
                this.look(id, cx);
                id
            }
            Stage::Ended => return Poll::Ready(()),
        };
        this.stage = Stage::Waiting(id);
        this.shared.drive(id, cx);
        if !this.shared.with(|state| state.is_flushed(id)) {
            return Poll::Pending;
        }
        this.stage = Stage::Ended;
        this.shared.with(|state| state.leave_flush(id));
        Poll::Ready(())
    }
}

impl<T, R, E> Drop for Flush<T, R, E> {
    fn drop(&mut self) {
        if let Stage::Waiting(id) = self.stage {
            self.shared.with(|state| state.leave_flush(id));
        }
    }
}

impl<T, R, E> fmt::Debug for Flush<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::New => "Flush(new)",
            Stage::Waiting(_) => "Flush(waiting)",
            Stage::Ended => "Flush(ended)",
        })
    }
}
