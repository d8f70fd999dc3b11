//! `Push` and `Reserve`: waiting for a place in a full queue.

use crate::door::Guest;
use crate::errand::Errand;
use crate::hub::Hub;
use crate::ledger::{Admission, Ledger, Origin, Replies};
use crate::{JobId, Options, PushError, Refusal};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Waits for a place; made by [`Queue::reserve`](crate::Queue::reserve).
#[must_use = "futures do nothing unless polled"]
pub struct Reserve<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    wait: Wait,
}

/// A place in line, if there is one.
struct Wait {
    priority: i32,
    guest: Option<Guest>,
}

impl<J, R, E> Reserve<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, priority: i32) -> Self {
        Self { hub, wait: Wait { priority, guest: None } }
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
    /// Ready once a place is ours.
    fn poll<J, R, E>(&mut self, hub: &Hub<J, R, E>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let waker = cx.waker().clone();
        let answer = hub.with(|ledger| self.ask(ledger, waker));
        if answer.is_ready() {
            self.guest = None;
        }
        answer
    }

    fn ask<J, R, E>(&mut self, ledger: &mut Ledger<J, R, E>, waker: Waker) -> Poll<Result<(), Refusal>> {
        let Some(guest) = self.guest else {
            return match ledger.reserve() {
                Err(Refusal::Full) => {
                    self.guest = Some(ledger.door.join(self.priority, waker));
                    Poll::Pending
                }
                answer => {
                    ledger.errands.push(Errand::Forget(waker));
                    Poll::Ready(answer)
                }
            };
        };
        if ledger.door.enter(guest) {
            ledger.errands.push(Errand::Forget(waker));
            return Poll::Ready(Ok(()));
        }
        match ledger.door.wait(guest, waker) {
            Ok(old) => {
                ledger.errands.extend(old.map(Errand::Forget));
                Poll::Pending
            }
            // Everybody was sent away.
            Err(waker) => {
                ledger.errands.push(Errand::Forget(waker));
                self.guest = None;
                Poll::Ready(Err(match ledger.reserve() {
                    Ok(()) => {
                        ledger.give_back(Origin::Reserved);
                        Refusal::NotRunning
                    }
                    Err(refusal) => refusal,
                }))
            }
        }
    }

    /// Goes out of line; a place that was handed over and not seen goes to the next one.
    fn leave<J, R, E>(&mut self, hub: &Hub<J, R, E>) {
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
#[must_use = "futures do nothing unless polled"]
pub struct Push<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    admission: Option<Admission<J, R, E>>,
    wait: Wait,
}

impl<J, R, E> Push<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, job: J, options: Options) -> Self {
        let admission = Admission { job: Arc::new(job), options, replies: Replies::default(), join: None };
        Self::with(hub, admission)
    }

    pub(crate) fn with(hub: Arc<Hub<J, R, E>>, admission: Admission<J, R, E>) -> Self {
        let priority = admission.options.request.priority;
        Self { hub, admission: Some(admission), wait: Wait { priority, guest: None } }
    }

    /// Ready once the job was admitted or refused.
    #[inline]
    pub(crate) fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Result<JobId, PushError<J>>> {
        let admission = self.admission.take().expect("a future is not polled after it has ended");
        if self.wait.guest.is_none() {
            match self.hub.admit_all(Origin::Outside, admission) {
                Ok(id) => return Poll::Ready(Ok(id)),
                Err((admission, Refusal::Full)) => self.admission = Some(admission),
                Err((admission, why)) => return refused(admission, why),
            }
        } else {
            self.admission = Some(admission);
        }
        let answer = std::task::ready!(self.wait.poll(&self.hub, cx));
        let Some(admission) = self.admission.take() else { unreachable!("it was put back above") };
        if let Err(why) = answer {
            return refused(admission, why);
        }
        match self.hub.admit_all(Origin::Reserved, admission) {
            Ok(id) => Poll::Ready(Ok(id)),
            Err((admission, why)) => {
                self.hub.with(|ledger| ledger.give_back(Origin::Reserved));
                refused(admission, why)
            }
        }
    }
}

fn refused<J, R, E>(admission: Admission<J, R, E>, why: Refusal) -> Poll<Result<JobId, PushError<J>>> {
    Poll::Ready(Err(PushError { job: admission.into_job(), why }))
}

impl<J, R, E> Future for Push<J, R, E> {
    type Output = Result<JobId, PushError<J>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_admission(cx)
    }
}

impl<J, R, E> Drop for Push<J, R, E> {
    #[inline]
    fn drop(&mut self) {
        if self.wait.guest.is_some() {
            self.wait.leave(&self.hub);
        }
    }
}

/// The job is not polled but carried.
impl<J, R, E> Unpin for Push<J, R, E> {}

impl<J, R, E> fmt::Debug for Push<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("waits", &self.wait.guest.is_some()).finish_non_exhaustive()
    }
}

impl<J, R, E> fmt::Debug for Reserve<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("waits", &self.wait.guest.is_some()).finish_non_exhaustive()
    }
}
