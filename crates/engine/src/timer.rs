//! `Timer`: the one timer of a driver.

use regatta_core::{Clock, Sleep, Time};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Wakes the driver no later than the time it was last asked for.
///
/// It is lazy: a later time leaves the armed one standing, because with a timeout on each of many short tasks the
/// earliest deadline moves on all the time, and arming costs more than one early wake.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Time, Sleep)>,
}

impl Timer {
    /// Arms for `wanted`, `Time::MAX` for never. Ready if that time is here already.
    pub(crate) fn poll(&mut self, wanted: Time, clock: &dyn Clock, cx: &mut Context<'_>) -> Poll<()> {
        if wanted == Time::MAX {
            self.armed = None;
            return Poll::Pending;
        }
        loop {
            let (at, sleep) = match &mut self.armed {
                Some(armed) if armed.0 <= wanted => armed,
                slot => slot.insert((wanted, clock.sleep_until(wanted))),
            };
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            let early = *at < wanted;
            self.armed = None;
            if !early {
                return Poll::Ready(());
            }
        }
    }
}
