//! `Settled`: waiting until every job has its end.

use crate::Refusal;
use crate::hub::Hub;
use crate::ledger::RunState;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Waits until every job has its end; made by [`Queue::settled`](crate::Queue::settled).
#[must_use = "futures do nothing unless polled"]
pub struct Settled<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
}

impl<J, R, E> Settled<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>) -> Self {
        Self { hub }
    }
}

impl<J, R, E> Future for Settled<J, R, E> {
    type Output = Result<(), Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waker = Some(cx.waker().clone());
        self.hub.with(|ledger| match ledger.state {
            _ if ledger.is_settled() => Poll::Ready(Ok(())),
            RunState::Running => {
                ledger.watch(&mut waker);
                Poll::Pending
            }
            RunState::Still | RunState::Over => Poll::Ready(Err(Refusal::NotRunning)),
        })
    }
}

impl<J, R, E> fmt::Debug for Settled<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settled")
    }
}
