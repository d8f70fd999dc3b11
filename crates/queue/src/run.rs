//! `Run` and `RunWith`: a queue's run in place, alone or with a body.

use crate::Ctx;
use crate::engine::course;
use crate::finished::Finished;
use crate::hub::Hub;
use crate::work::Work;
use pin_project_lite::pin_project;
use regatta_core::{Cancelled, Retry, Strategy};
use regatta_engine::CourseSettings;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What every run of a queue in place has: its begin, its end, and an eye on the token that cancels it.
pub(crate) struct Drive<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    settings: CourseSettings,
    watch: Option<Cancelled>,
    is_over: bool,
    /// There will be no other run.
    is_last: bool,
}

impl<J, R, E> Drive<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, settings: &CourseSettings) -> Self {
        let now = hub.now();
        hub.with(|ledger| ledger.begin(now));
        let watch = settings.cancel.as_ref().map(regatta_core::CancelToken::cancelled);
        Self { hub, settings: settings.clone(), watch, is_over: false, is_last: false }
    }

    /// The engine goes with this run.
    pub(crate) fn last(mut self) -> Self {
        self.is_last = true;
        self
    }

    /// Polls what is below, with the time of this pass as the present for all that it pushes.
    #[inline]
    fn poll<T>(&mut self, cx: &mut Context<'_>, below: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if let Some(cancelled) = &mut self.watch
            && Pin::new(cancelled).poll(cx).is_ready()
        {
            self.watch = None;
            let now = self.hub.now();
            self.hub.with(|ledger| ledger.stop(now));
        }
        let _pass = self.hub.enter();
        below(cx)
    }

    fn finish(&mut self) -> Finished<J> {
        self.is_over = true;
        let now = self.hub.now();
        self.hub.with(|ledger| ledger.finish(now, course(&self.settings)))
    }
}

impl<J, R, E> Drop for Drive<J, R, E> {
    fn drop(&mut self) {
        if !self.is_over {
            let now = self.hub.now();
            self.hub.with(|ledger| ledger.interrupt(now, course(&self.settings)));
            if self.is_last {
                drop(self.hub.retire(&self.settings));
            }
        }
    }
}

/// A run; made by [`QueueEngine::run`](crate::QueueEngine::run).
#[must_use = "futures do nothing unless polled"]
pub struct Run<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt> {
    // Dropped first, so that what ran is gone when its jobs are told to have ended.
    pub(crate) below: Option<regatta_engine::Run<Work<J, R, E, H, F, Rt>, S, F, Tok>>,
    pub(crate) drive: Drive<J, R, E>,
}

impl<J, R, E, H, F, S, Tok, Rt> Future for Run<J, R, E, H, F, S, Tok, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    S: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    type Output = Finished<J>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished<J>> {
        let Self { below, drive } = &mut *self;
        let engine = below.as_mut().expect("a future is not polled after it has ended");
        let work = std::task::ready!(drive.poll(cx, |cx| Pin::new(engine).poll(cx)));
        drop(work);
        *below = None;
        Poll::Ready(drive.finish())
    }
}

impl<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt> Unpin for Run<J, R, E, H, F, S, Tok, Rt> {}

/// A run and a body in one future; made by [`QueueEngine::run_with`](crate::QueueEngine::run_with).
#[must_use = "futures do nothing unless polled"]
pub struct RunWith<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt, B, T> {
    pub(crate) below: Option<regatta_engine::RunWith<Work<J, R, E, H, F, Rt>, S, F, Tok, B, T>>,
    pub(crate) drive: Drive<J, R, E>,
}

impl<J, R, E, H, F, S, Tok, Rt, B, T> Future for RunWith<J, R, E, H, F, S, Tok, Rt, B, T>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    S: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
    B: Future<Output = T>,
{
    type Output = (T, Finished<J>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { below, drive } = &mut *self;
        let engine = below.as_mut().expect("a future is not polled after it has ended");
        let (output, work) = std::task::ready!(drive.poll(cx, |cx| Pin::new(engine).poll(cx)));
        drop(work);
        *below = None;
        Poll::Ready((output, drive.finish()))
    }
}

impl<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt, B, T> Unpin
    for RunWith<J, R, E, H, F, S, Tok, Rt, B, T>
{
}

pin_project! {
    /// A body that closes its queue when it ends. A queue that nobody can push to any more would otherwise run for ever.
    pub struct CloseAfter<B, J, R, E> {
        #[pin]
        body: B,
        hub: Arc<Hub<J, R, E>>,
    }
}

impl<B, J, R, E> CloseAfter<B, J, R, E> {
    pub(crate) fn new(body: B, hub: Arc<Hub<J, R, E>>) -> Self {
        Self { body, hub }
    }
}

impl<B: Future, J, R, E> Future for CloseAfter<B, J, R, E> {
    type Output = B::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        let this = self.project();
        let output = std::task::ready!(this.body.poll(cx));
        this.hub.with(crate::ledger::Ledger::close);
        Poll::Ready(output)
    }
}

impl<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt> fmt::Debug for Run<J, R, E, H, F, S, Tok, Rt> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

impl<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt, B, T> fmt::Debug
    for RunWith<J, R, E, H, F, S, Tok, Rt, B, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunWith")
    }
}
