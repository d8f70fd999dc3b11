//! `Ticket`: the result of one job, for whoever submitted it.

use crate::hub::Hub;
use crate::ledger::{Admission, Replies};
use crate::push::Push;
use crate::{Done, JobId, Options, PushError};
use futures_channel::oneshot::{self, Receiver};
use regatta_core::{NotStarted, TaskError};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A job on its way in, whose result is wanted; made by [`Queue::submit`](crate::Queue::submit).
///
/// # Cancel safety
///
/// Dropped before it is ready, the job was not admitted.
#[must_use = "futures do nothing unless polled"]
pub struct Submit<'q, J, R, E> {
    push: Push<'q, J, R, E>,
    receiver: Option<Receiver<Done<J, R, E>>>,
}

impl<'q, J, R, E> Submit<'q, J, R, E> {
    pub(crate) fn new(
        hub: &'q Hub<J, R, E>,
        job: J,
        options: Options,
        join: Option<fn(&Done<J, R, E>) -> Done<J, R, E>>,
    ) -> Self {
        let (sender, receiver) = oneshot::channel();
        let replies = Some(Box::new(Replies { first: Some(sender), joined: Vec::new(), join }));
        let mut admission = Admission::new(job, options);
        admission.replies = replies;
        Self { push: Push::new(hub, admission), receiver: Some(receiver) }
    }
}

impl<J, R, E> Future for Submit<'_, J, R, E> {
    type Output = Result<Ticket<J, R, E>, PushError<J>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let id = std::task::ready!(this.push.poll_admission(cx))?;
        let receiver = this.receiver.take().expect("a future is not polled after it has ended");
        Poll::Ready(Ok(Ticket { id, receiver }))
    }
}

impl<J, R, E> Unpin for Submit<'_, J, R, E> {}

/// The result of one job, when it has one: a future of its [`Done`].
///
/// # Cancel safety
///
/// Dropping it leaves the job as it is, and its result to nobody. To end the job as well, [`cancel`](crate::Queue::cancel)
/// it by its id.
#[must_use = "a ticket that is dropped has no use"]
pub struct Ticket<J, R, E> {
    id: JobId,
    receiver: Receiver<Done<J, R, E>>,
}

impl<J, R, E> Ticket<J, R, E> {
    /// The job's number.
    pub fn id(&self) -> JobId {
        self.id
    }
}

impl<J, R, E> Future for Ticket<J, R, E> {
    type Output = Done<J, R, E>;

    /// # Panics
    ///
    /// If it is polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done<J, R, E>> {
        match Pin::new(&mut self.receiver).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(done)) => Poll::Ready(done),
            Poll::Ready(Err(_)) => {
                panic!("every job that was admitted has its end, and a ticket is polled once to it")
            }
        }
    }
}

impl<J, R, E> Unpin for Ticket<J, R, E> {}

/// What a second ticket for the same job gets.
pub(crate) fn copy<J, R: Clone, E: Clone>(done: &Done<J, R, E>) -> Done<J, R, E> {
    let result = match &done.result {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(copy_error(error)),
    };
    let about = done.about.as_ref().map(|about| {
        let (key, metadata, errors) = (about.key.clone(), about.metadata.clone(), about.errors.clone());
        Box::new(crate::done::About { key, metadata, errors })
    });
    Done { job: done.job.clone(), result, about, ..*done }
}

fn copy_error<E: Clone>(error: &TaskError<E>) -> TaskError<E> {
    match error {
        TaskError::Failed(error) => TaskError::Failed(error.clone()),
        // Its payload is not ours to copy; what it said is.
        TaskError::Panicked(panic) => {
            TaskError::Panicked(regatta_core::Panic::new(Box::new(panic.message().to_owned())))
        }
        TaskError::TimedOut { after } => TaskError::TimedOut { after: *after },
        TaskError::Cancelled => TaskError::Cancelled,
        TaskError::NotStarted(why) => TaskError::NotStarted(*why),
        TaskError::Rejected(why) => TaskError::Rejected(*why),
        TaskError::Skipped(why) => TaskError::Skipped(why.clone()),
        // Queues make no others.
        _ => TaskError::NotStarted(NotStarted::Source),
    }
}

impl<J, R, E> fmt::Debug for Ticket<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.id).finish()
    }
}

impl<J, R, E> fmt::Debug for Submit<'_, J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Submit").field(&self.push).finish()
    }
}
