//! `Settled`: waiting until every job has its end.

use crate::Refusal;
use crate::errand::Errand;
use crate::hub::Hub;
use crate::ledger::RunState;
use crate::watchers::Watching;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Waits until every job has its end; made by [`Queue::settled`](crate::Queue::settled).
///
/// # Cancel safety
///
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Settled<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    watching: Watching,
}

impl<J, R, E> Settled<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>) -> Self {
        Self { hub, watching: Watching::default() }
    }
}

impl<J, R, E> Future for Settled<J, R, E> {
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { hub, watching } = &mut *self;
        let waker = cx.waker().clone();
        hub.with(|ledger| {
            let answer = match ledger.state {
                _ if ledger.is_settled() => Poll::Ready(Ok(())),
                RunState::Running => Poll::Pending,
                RunState::Still | RunState::Over => Poll::Ready(Err(Refusal::NotRunning)),
            };
            let unused = match answer {
                Poll::Pending => ledger.watchers.watch(watching, waker),
                Poll::Ready(_) => Some(waker),
            };
            ledger.errands.extend(unused.map(Errand::Forget));
            answer
        })
    }
}

impl<J, R, E> Drop for Settled<J, R, E> {
    fn drop(&mut self) {
        let Self { hub, watching } = self;
        if watching.is_watching() {
            hub.with(|ledger| {
                let waker = ledger.watchers.leave(watching);
                ledger.errands.extend(waker.map(Errand::Forget));
            });
        }
    }
}

impl<J, R, E> fmt::Debug for Settled<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settled")
    }
}
