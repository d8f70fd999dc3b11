//! `Call`: a caller's wait for the result of its item.

use super::BatchError;
use super::shared::Shared;
use super::state::Look;
use super::work::Id;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Hands in an item and waits for its result; made by [`Batcher::call`](super::Batcher::call).
///
/// The item is handed in by the first poll.
///
/// # Cancel safety
///
/// Dropped before its item was sent, it takes the item back out, and no handler ever sees it. Dropped afterwards, the
/// item stays in its batch, all others get their results, and its own is dropped.
#[must_use = "futures do nothing unless polled"]
pub struct Call<T, R, E> {
    shared: Arc<Shared<T, R, E>>,
    stage: Stage<T>,
}

enum Stage<T> {
    New(T),
    Waiting(Id),
    Ended,
}

// The item is never pinned.
impl<T, R, E> Unpin for Call<T, R, E> {}

impl<T, R, E> Call<T, R, E> {
    pub(super) fn new(shared: Arc<Shared<T, R, E>>, item: T) -> Self {
        Self { shared, stage: Stage::New(item) }
    }
}

impl<T, R, E> Future for Call<T, R, E>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
{
    type Output = Result<R, BatchError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let looked = match std::mem::replace(&mut this.stage, Stage::Ended) {
            Stage::New(item) => this.join(item, cx),
            Stage::Waiting(id) => this.look(id, cx).map_or(Ok(id), Err),
            Stage::Ended => return Poll::Pending,
        };
        let id = match looked {
            Ok(id) => id,
            Err(answer) => return Poll::Ready(answer),
        };
        this.stage = Stage::Waiting(id);
        this.shared.drive(id, cx);
        match this.shared.with(|state| state.answer(id)) {
            Some(answer) => {
                this.stage = Stage::Ended;
                Poll::Ready(answer)
            }
            None => Poll::Pending,
        }
    }
}

impl<T, R, E> Call<T, R, E> {
    /// Hands the item in, unless it is too heavy.
    fn join(&self, item: T, cx: &Context<'_>) -> Result<Id, Result<R, BatchError<E>>> {
        let settings = self.shared.with(|state| state.settings.clone());
        let weight = match &settings.weight {
            None => 0,
            Some(weight) => match catch_unwind(AssertUnwindSafe(|| (weight.of)(&item))) {
                Ok(heavy) if heavy > weight.max => {
                    return Err(Err(BatchError::TooHeavy { weight: heavy, max: weight.max }));
                }
                Ok(weight) => weight,
                Err(payload) => return Err(Err(BatchError::panicked(payload))),
            },
        };
        let (now, waker) = (settings.clock.now(), cx.waker().clone());
        Ok(self.shared.with(|state| state.join(now, item, weight, waker)))
    }

    /// The answer, or `None`; then its waker is known.
    fn look(&self, id: Id, cx: &Context<'_>) -> Option<Result<R, BatchError<E>>> {
        let mut fresh = None;
        loop {
            match self.shared.with(|state| state.look(id, cx.waker(), &mut fresh)) {
                Look::Answer(answer) => return Some(answer),
                Look::Wait => return None,
                Look::BringWaker => fresh = Some(cx.waker().clone()),
            }
        }
    }
}

impl<T, R, E> Drop for Call<T, R, E> {
    fn drop(&mut self) {
        if let Stage::Waiting(id) = self.stage {
            self.shared.with(|state| state.leave(id));
        }
    }
}

impl<T, R, E> fmt::Debug for Call<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::New(_) => "Call(new)",
            Stage::Waiting(_) => "Call(waiting)",
            Stage::Ended => "Call(ended)",
        })
    }
}
