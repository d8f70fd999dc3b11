//! `Push` and `Reserve`: waiting for a place in a full queue.

use crate::door::Guest;
use crate::errand::Errand;
use crate::hub::Hub;
use crate::ledger::{Admission, Ledger, Origin};
use crate::{JobId, Options, PushError, Refusal};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Waits for a place; made by [`Queue::reserve`](crate::Queue::reserve).
///
/// # Cancel safety
///
/// Dropped before it is ready, no place was taken.
#[must_use = "futures do nothing unless polled"]
pub struct Reserve<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    wait: Wait,
}

/// A place in line, if there is one.
pub(crate) struct Wait {
    priority: i32,
    guest: Option<Guest>,
}

impl<J, R, E> Reserve<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>) -> Self {
        Self { hub, wait: Wait::new(0) }
    }
}

impl<J, R, E> Future for Reserve<J, R, E> {
    type Output = Result<Place<J, R, E>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.wait.poll(&this.hub, cx).map_ok(|()| Place { hub: this.hub.clone(), is_used: false })
    }
}

impl<J, R, E> Drop for Reserve<J, R, E> {
    fn drop(&mut self) {
        self.wait.leave(&self.hub);
    }
}

impl Wait {
    pub(crate) fn new(priority: i32) -> Self {
        Self { priority, guest: None }
    }

    /// Ready once a place is ours.
    pub(crate) fn poll<J, R, E>(
        &mut self,
        hub: &Hub<J, R, E>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Refusal>> {
        let waker = cx.waker().clone();
        let answer = hub.with(|ledger| self.ask(ledger, waker));
        if answer.is_ready() {
            self.guest = None;
        }
        answer
    }

    fn ask<J, R, E>(&mut self, ledger: &mut Ledger<J, R, E>, waker: Waker) -> Poll<Result<(), Refusal>> {
        let mut waker = waker;
        if let Some(guest) = self.guest {
            if ledger.door.enter(guest) {
                ledger.errands.push(Errand::Forget(waker));
                return Poll::Ready(Ok(()));
            }
            match ledger.door.wait(guest, waker) {
                Ok(old) => {
                    ledger.errands.extend(old.map(Errand::Forget));
                    return Poll::Pending;
                }
                // Everybody was sent away. Another run may have begun since.
                Err(unused) => waker = unused,
            }
        }
        match ledger.reserve() {
            Err(Refusal::Full) => {
                self.guest = Some(ledger.door.join(self.priority, waker));
                Poll::Pending
            }
            answer => {
                ledger.errands.push(Errand::Forget(waker));
                Poll::Ready(answer)
            }
        }
    }

    /// Goes out of line; a place that was handed over and not seen goes to the next one.
    pub(crate) fn leave<J, R, E>(&mut self, hub: &Hub<J, R, E>) {
        let Some(guest) = self.guest.take() else { return };
        hub.with(|ledger| {
            if ledger.door.enter(guest) {
                ledger.give_back(Origin::Reserved);
            } else {
                let waker = ledger.door.leave(guest);
                ledger.errands.extend(waker.map(Errand::Forget));
            }
        });
    }
}

/// A place in a queue, for one job. Dropped, it goes to the next one who waits.
#[must_use = "a place that is dropped goes to the next one"]
pub struct Place<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    is_used: bool,
}

impl<J, R, E> Place<J, R, E> {
    /// Adds the job.
    ///
    /// # Errors
    ///
    /// A [`PushError`] with the job, if the queue was closed or stopped meanwhile.
    pub fn push(self, job: J) -> Result<JobId, PushError<J>> {
        self.push_with(job, Options::new())
    }

    /// The same with [`Options`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); and if the [key](Options::key) is taken.
    pub fn push_with(mut self, job: J, options: Options) -> Result<JobId, PushError<J>> {
        let id = self.hub.admit(Origin::Reserved, job, options)?;
        self.is_used = true;
        Ok(id)
    }
}

impl<J, R, E> Drop for Place<J, R, E> {
    fn drop(&mut self) {
        if !self.is_used {
            self.hub.with(|ledger| ledger.give_back(Origin::Reserved));
        }
    }
}

impl<J, R, E> fmt::Debug for Place<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

/// A job on its way in; made by [`Queue::push`](crate::Queue::push).
///
/// # Cancel safety
///
/// Dropped before it is ready, the job was not admitted.
#[must_use = "futures do nothing unless polled"]
pub struct Push<'q, J, R, E> {
    hub: &'q Hub<J, R, E>,
    admission: Admission<J, R, E>,
    wait: Wait,
}

impl<'q, J, R, E> Push<'q, J, R, E> {
    #[inline]
    pub(crate) fn new(hub: &'q Hub<J, R, E>, admission: Admission<J, R, E>) -> Self {
        let wait = Wait::new(admission.options.request.priority);
        Self { hub, admission, wait }
    }

    /// Ready once the job was admitted or refused.
    #[inline]
    pub(crate) fn poll_admission(&mut self, cx: &Context<'_>) -> Poll<Result<JobId, PushError<J>>> {
        if self.wait.guest.is_none() {
            match self.hub.admit_all(Origin::Outside, &mut self.admission) {
                Ok(id) => return Poll::Ready(Ok(id)),
                Err(Refusal::Full) => {}
                Err(why) => return Poll::Ready(Err(self.refused(why))),
            }
        }
        self.poll_place(cx)
    }

    #[cold]
    fn poll_place(&mut self, cx: &Context<'_>) -> Poll<Result<JobId, PushError<J>>> {
        if let Err(why) = std::task::ready!(self.wait.poll(self.hub, cx)) {
            return Poll::Ready(Err(self.refused(why)));
        }
        // Given back unless it is used, whatever happens.
        let mut taken = Taken(Some(self.hub));
        let answer = self.hub.admit_all(Origin::Reserved, &mut self.admission);
        if answer.is_ok() {
            taken.0 = None;
        }
        drop(taken);
        Poll::Ready(answer.map_err(|why| self.refused(why)))
    }

    #[cold]
    fn refused(&mut self, why: Refusal) -> PushError<J> {
        PushError { job: self.admission.take_job(), why }
    }
}

/// A place that is ours until the job is in; also if a panic keeps it out.
struct Taken<'q, J, R, E>(Option<&'q Hub<J, R, E>>);

impl<J, R, E> Drop for Taken<'_, J, R, E> {
    fn drop(&mut self) {
        if let Some(hub) = self.0 {
            hub.with(|ledger| ledger.give_back(Origin::Reserved));
        }
    }
}

impl<J, R, E> Future for Push<'_, J, R, E> {
    type Output = Result<JobId, PushError<J>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_admission(cx)
    }
}

impl<J, R, E> Drop for Push<'_, J, R, E> {
    #[inline]
    fn drop(&mut self) {
        if self.wait.guest.is_some() {
            self.wait.leave(self.hub);
        }
    }
}

/// The job is not polled but carried.
impl<J, R, E> Unpin for Push<'_, J, R, E> {}

impl<J, R, E> fmt::Debug for Push<'_, J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("waits", &self.wait.guest.is_some()).finish_non_exhaustive()
    }
}

impl<J, R, E> fmt::Debug for Reserve<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("waits", &self.wait.guest.is_some()).finish_non_exhaustive()
    }
}
