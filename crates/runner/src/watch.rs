//! `Watch`: a driver's eye on the token that cancels its run.

use regatta_core::{CancelToken, Cancelled};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

#[derive(Debug, Default)]
pub(crate) struct Watch(Option<Cancelled>);

impl Watch {
    pub(crate) fn on(token: &CancelToken) -> Self {
        Self(Some(token.cancelled()))
    }

    /// Whether the token was cancelled since the last look; says so once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(cancelled) = &mut self.0 else { return false };
        match Pin::new(cancelled).poll(cx) {
            Poll::Pending => false,
            Poll::Ready(()) => {
                self.0 = None;
                true
            }
        }
    }
}
