//! `Extras`: what an operation that succeeds at once does without, so that it doesn't carry it around.

use super::door::Door;
use regatta_core::{BoxFuture, Clock, Outcome, Permit, Rejection, Sleep, SystemClock, Time};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Empty until something is asked for or waited for.
#[derive(Default)]
pub(super) struct Extras(Option<Box<Extra>>);

#[derive(Default)]
pub(super) struct Extra {
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) timeout: Option<Duration>,
    /// When the attempt that runs times out.
    pub(super) until: Time,
    pub(super) door: Option<Box<dyn Door>>,
    pub(super) wait: Option<BoxFuture<'static, Result<Permit, Rejection>>>,
    pub(super) permit: Option<Permit>,
    /// For the pause, or for the timeout of the attempt that runs.
    pub(super) timer: Option<Sleep>,
}

impl Extras {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(super) fn get(&mut self) -> Option<&mut Extra> {
        self.0.as_deref_mut()
    }

    pub(super) fn fill(&mut self) -> &mut Extra {
        self.0.get_or_insert_default()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.0.as_ref().and_then(|extra| extra.clock.as_deref()).unwrap_or(&SystemClock)
    }

    /// The permit, once it is this one's turn.
    pub(super) fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Result<Permit, Rejection>> {
        let Some(Extra { wait: Some(turn), .. }) = self.get() else { unreachable!("who is in line waits") };
        let result = ready!(turn.as_mut().poll(cx));
        self.fill().wait = None;
        Poll::Ready(result)
    }

    /// The timeout, once it is up. Its timer is made when the attempt first has to wait.
    pub(super) fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(Extra { timeout: Some(timeout), until, timer, clock, .. }) = self.get() else {
            return Poll::Pending;
        };
        let clock = clock.as_deref().unwrap_or(&SystemClock);
        ready!(Pin::new(timer.get_or_insert_with(|| clock.sleep_until(*until))).poll(cx));
        Poll::Ready(*timeout)
    }

    /// The pause, once it is over.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Extra { timer, .. }) = self.get() else { return Poll::Ready(()) };
        if let Some(timer) = timer {
            ready!(Pin::new(timer).poll(cx));
        }
        *timer = None;
        Poll::Ready(())
    }
}

/// What there is to drop is dropped out of the way of those who have nothing.
impl Drop for Extras {
    #[inline]
    fn drop(&mut self) {
        #[cold]
        #[inline(never)]
        fn discard(extra: Box<Extra>) {
            drop(extra);
        }
        if let Some(extra) = self.0.take() {
            discard(extra);
        }
    }
}

pub(super) fn complete(permit: Option<Permit>, outcome: Outcome) {
    if let Some(permit) = permit {
        permit.complete(outcome);
    }
}
