//! `yield_now`: lets others go first.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Goes to the end of the line once: pending at its first poll, with a wake already given, and ready at the next.
///
/// In a [`Sim`](crate::Sim) every `yield_now` is a point where the seed may choose another order.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// Yields once; made by [`yield_now`].
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
