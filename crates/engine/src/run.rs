//! `Run` and `RunWith`: an engine as a future, alone or together with a body.

use crate::Engine;
use crate::source::Source;
use crate::sync::{AtomicBool, AtomicWaker, Ordering};
use regatta_core::Strategy;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// An engine on its way to the end; made by [`Engine::run`].
///
/// # Cancel safety
///
/// Dropping it drops the engine with its tasks.
#[must_use = "futures do nothing unless polled"]
pub struct Run<Src, St: Strategy<Token = Tok>, F, Tok> {
    engine: Option<Engine<Src, St, F, Tok>>,
}

impl<Src, St: Strategy<Token = Tok>, F, Tok> Run<Src, St, F, Tok> {
    pub(crate) fn new(engine: Engine<Src, St, F, Tok>) -> Self {
        Self { engine: Some(engine) }
    }
}

impl<Src, St, F, Tok> Future for Run<Src, St, F, Tok>
where
    Src: Source<Task = F>,
    St: Strategy<Token = Tok>,
    F: Future,
{
    type Output = Src;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Src> {
        let engine = self.engine.as_mut().expect("a future is not polled after it has ended");
        match engine.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let engine = self.engine.take().expect("it was here a line ago");
                Poll::Ready(engine.into_source())
            }
        }
    }
}

impl<Src, St: Strategy<Token = Tok>, F, Tok> Unpin for Run<Src, St, F, Tok> {}

impl<Src, St: Strategy<Token = Tok>, F, Tok> fmt::Debug for Run<Src, St, F, Tok> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.engine).finish()
    }
}

/// An engine and a body in one future; made by [`Engine::run_with`].
///
/// Ends when both have ended. The body has a waker of its own: wakes of tasks don't poll it, and its wakes don't poll
/// tasks. A panic in the body goes on to whoever polls this future.
///
/// # Cancel safety
///
/// Dropping it drops the body, then the engine with its tasks.
#[must_use = "futures do nothing unless polled"]
pub struct RunWith<Src, St: Strategy<Token = Tok>, F, Tok, B, R> {
    body: Option<Pin<Box<B>>>,
    output: Option<R>,
    waker: Waker,
    flag: Flag,
    engine: Option<Engine<Src, St, F, Tok>>,
}

/// The driver's side of the body's waker. Clones of that may outlive the driver; whom they would wake goes with it.
struct Flag(Arc<BodyWaker>);

impl Deref for Flag {
    type Target = BodyWaker;

    fn deref(&self) -> &BodyWaker {
        &self.0
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        drop(self.driver.take());
    }
}

struct BodyWaker {
    woken: AtomicBool,
    /// The driver polls right now and will look at the mark itself before it parks.
    polling: AtomicBool,
    driver: AtomicWaker,
}

impl Wake for BodyWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) && !self.polling.load(Ordering::SeqCst) {
            self.driver.wake();
        }
    }
}

impl<Src, St: Strategy<Token = Tok>, F, Tok, B, R> RunWith<Src, St, F, Tok, B, R> {
    pub(crate) fn new(engine: Engine<Src, St, F, Tok>, body: B) -> Self {
        // Woken from the start: its first poll needs no other reason.
        let flag = Flag(Arc::new(BodyWaker {
            woken: AtomicBool::new(true),
            polling: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        }));
        let waker = Waker::from(flag.0.clone());
        Self { body: Some(Box::pin(body)), output: None, waker, flag, engine: Some(engine) }
    }

    /// Whether the body has ended.
    pub fn is_body_over(&self) -> bool {
        self.body.is_none()
    }

    /// The engine while it runs.
    pub fn engine(&self) -> Option<&Engine<Src, St, F, Tok>> {
        self.engine.as_ref()
    }

    /// The engine while it runs, for settings before the first poll.
    pub fn engine_mut(&mut self) -> Option<&mut Engine<Src, St, F, Tok>> {
        self.engine.as_mut()
    }
}

impl<Src, St, F, Tok, B, R> RunWith<Src, St, F, Tok, B, R>
where
    St: Strategy<Token = Tok>,
    B: Future<Output = R>,
{
    fn poll_body(&mut self) {
        let Some(body) = &mut self.body else { return };
        if !self.flag.woken.swap(false, Ordering::SeqCst) {
            return;
        }
        if let Poll::Ready(output) = body.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            self.output = Some(output);
            self.body = None;
        }
    }
}

impl<Src, St, F, Tok, B, R> Future for RunWith<Src, St, F, Tok, B, R>
where
    Src: Source<Task = F>,
    St: Strategy<Token = Tok>,
    F: Future,
    B: Future<Output = R>,
{
    type Output = (R, Src);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(R, Src)> {
        let this = &mut *self;
        this.flag.driver.register(cx.waker());
        this.flag.polling.store(true, Ordering::SeqCst);
        // The body first: what it asks for can start in the same pass. Then once more: what the pass has finished can
        // be read at once, without a round through the executor.
        this.poll_body();
        let engine = this.engine.as_mut().expect("a future is not polled after it has ended");
        let over = engine.poll(cx).is_ready();
        this.poll_body();
        this.flag.polling.store(false, Ordering::SeqCst);
        if !over || this.body.is_some() {
            if this.body.is_some() && this.flag.woken.load(Ordering::SeqCst) {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        let output = this.output.take().expect("a body that is gone has left its output");
        let engine = this.engine.take().expect("it was here a line ago");
        Poll::Ready((output, engine.into_source()))
    }
}

impl<Src, St: Strategy<Token = Tok>, F, Tok, B, R> Unpin for RunWith<Src, St, F, Tok, B, R> {}

impl<Src, St: Strategy<Token = Tok>, F, Tok, B, R> fmt::Debug for RunWith<Src, St, F, Tok, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunWith").field("engine", &self.engine).finish_non_exhaustive()
    }
}
