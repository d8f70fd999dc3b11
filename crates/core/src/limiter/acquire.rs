//! `Acquire`: a task's wait for its permit.

use super::state::{Place, Turn};
use super::{Permit, Shared};
use crate::{Readiness, Rejection, Request, Sleep, Strategy, Time};
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
            let place = match this.place {
                Some(place) => place,
                None => match this.shared.with(|state| match state.start(now, &this.request, None) {
                    Ok(grant) => Ok(Ok(grant)),
                    Err(Readiness::Rejected(rejection)) => Err(rejection),
                    Err(Readiness::NotBefore(time)) if time > this.deadline => Err(Rejection::TooLate),
                    Err(_) => Ok(Err(state.enqueue_task(this.request, cx.waker().clone()))),
                }) {
                    Ok(Ok(grant)) => return Poll::Ready(Ok(Permit::new(this.shared.clone(), grant))),
                    Ok(Err(place)) => *this.place.insert(place),
                    Err(rejection) => return Poll::Ready(Err(rejection)),
                },
            };
            let turn = this.shared.with(|state| state.turn(place, now, cx.waker()));
            let until = match turn {
                Turn::Granted(grant) => {
                    this.place = None;
                    return Poll::Ready(Ok(Permit::new(this.shared.clone(), grant)));
                }
                Turn::Refused(rejection) => {
                    this.place = None;
                    return Poll::Ready(Err(rejection));
                }
                Turn::WaitUntil(time) => time,
                Turn::Wait => this.deadline,
            };
            if now >= this.deadline || until > this.deadline {
                this.place = None;
                this.shared.with(|state| state.leave(place, now));
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

impl<S: Strategy> Drop for Acquire<S> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let now = self.shared.clock.now();
            self.shared.with(|state| state.leave(place, now));
        }
    }
}

impl<S: Strategy> fmt::Debug for Acquire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("request", &self.request).field("place", &self.place).finish()
    }
}
