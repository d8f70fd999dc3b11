//! `Acquire`: a task's wait for its permit.

use super::Permit;
use super::shared::Shared;
use super::state::{Place, Turn};
use crate::{Rejection, Request, Sleep, Strategy, Time};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Waits for a [`Permit`]; made by [`Limiter::acquire`](crate::Limiter::acquire).
///
/// Its place in line is the order of first polls.
///
/// # Cancel safety
///
/// Dropping it leaves the line; a grant that was not seen yet is given back unused.
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<S: Strategy> {
    shared: Arc<Shared<S>>,
    request: Request,
    deadline: Time,
    place: Option<Place>,
    timer: Option<(Time, Sleep)>,
}

impl<S: Strategy> Acquire<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, request: Request, deadline: Time) -> Self {
        Self { shared, request, deadline, place: None, timer: None }
    }
}

impl<S> Future for Acquire<S>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    type Output = Result<Permit, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let now = this.shared.clock.now();
            let until = match this.look(now, cx) {
                Turn::Granted(grant) => {
                    (this.place, this.timer) = (None, None);
                    return Poll::Ready(Ok(Permit::new(this.shared.clone(), grant)));
                }
                Turn::Refused(rejection) => {
                    (this.place, this.timer) = (None, None);
                    return Poll::Ready(Err(rejection));
                }
                Turn::WaitUntil(time) => time,
                Turn::Wait | Turn::BringWaker => this.deadline,
            };
            if now >= this.deadline || until > this.deadline {
                this.leave(now);
                return Poll::Ready(Err(Rejection::TooLate));
            }
            if this.timer.as_ref().is_none_or(|(time, _)| *time != until) {
                this.timer = (until != Time::MAX).then(|| (until, this.shared.clock.sleep_until(until)));
            }
            let Some((_, sleep)) = &mut this.timer else { return Poll::Pending };
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.timer = None;
        }
    }
}

impl<S: Strategy> Acquire<S> {
    /// Asks what to do; clones the waker only if it has to wait and the limiter doesn't know the waker yet.
    fn look(&mut self, now: Time, cx: &Context<'_>) -> Turn {
        let mut fresh = None;
        loop {
            let turn = self.shared.with(|state| {
                let place = match self.place {
                    Some(place) => place,
                    None => match state.join(now, &self.request, self.deadline, &mut fresh) {
                        Ok(place) => *self.place.insert(place),
                        Err(turn) => return turn,
                    },
                };
                state.turn(place, now, cx.waker(), &mut fresh)
            });
            match turn {
                Turn::BringWaker => fresh = Some(cx.waker().clone()),
                Turn::Granted(_) | Turn::Refused(_) | Turn::Wait | Turn::WaitUntil(_) => return turn,
            }
        }
    }

    fn leave(&mut self, now: Time) {
        self.timer = None;
        if let Some(place) = self.place.take() {
            self.shared.with(|state| state.leave(place, now));
        }
    }
}

impl<S: Strategy> Drop for Acquire<S> {
    fn drop(&mut self) {
        if self.place.is_some() {
            let now = self.shared.clock.now();
            self.leave(now);
        }
    }
}

impl<S: Strategy> fmt::Debug for Acquire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("request", &self.request).field("place", &self.place).finish()
    }
}
