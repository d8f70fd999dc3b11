//! `Remote`: the driver's handle of a task that an executor runs; `Spawned`: the executor's side of it.

use crate::contain::{contain, contain_drop};
use crate::source::End;
use crate::sync::{AtomicBool, AtomicWaker, Mutex, MutexGuard, Ordering};
use regatta_core::{Hold, NotStarted};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

/// A task that runs on an executor. Resolves to how it ended, once the executor has dropped it.
///
/// # Cancel safety
///
/// Dropping it asks the executor to drop the task.
#[must_use = "dropping it aborts the task"]
pub struct Remote<O> {
    link: Arc<Link<O>>,
}

/// What both sides share.
struct Link<O> {
    state: Mutex<State<O>>,
    abort: AtomicBool,
    /// To be woken when the task is gone.
    driver: AtomicWaker,
    /// To be woken when the task should go.
    executor: AtomicWaker,
}

enum State<O> {
    /// The executor has the task.
    There,
    /// The executor has dropped the task, which had ended like this.
    Gone(End<O>),
    /// The driver has seen it.
    Seen,
}

impl<O> Remote<O> {
    /// Asks the executor to drop the task. Whether there still was one.
    pub(crate) fn abort(&self) -> bool {
        let there = matches!(*self.link.lock(), State::There);
        if there {
            self.link.abort.store(true, Ordering::SeqCst);
            self.link.executor.wake();
        }
        there
    }

    /// The executor did not take the task. Whatever it ran of it before it panicked stands.
    pub(crate) fn refused(&self, why: NotStarted) {
        let mut state = self.link.lock();
        let old = match *state {
            State::There | State::Gone(End::Cancelled) => {
                std::mem::replace(&mut *state, State::Gone(End::NotStarted(why)))
            }
            State::Gone(_) | State::Seen => return,
        };
        drop(state);
        drop(old);
        // It may have kept the task all the same, and must not run it: nobody counts it any more.
        self.link.abort.store(true, Ordering::SeqCst);
        self.link.executor.wake();
    }
}

impl<O> Future for Remote<O> {
    type Output = End<O>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End<O>> {
        self.link.driver.register(cx.waker());
        let mut state = self.link.lock();
        match std::mem::replace(&mut *state, State::Seen) {
            State::There => {
                *state = State::There;
                Poll::Pending
            }
            State::Gone(end) => Poll::Ready(end),
            State::Seen => Poll::Ready(End::Cancelled),
        }
    }
}

impl<O> Drop for Remote<O> {
    fn drop(&mut self) {
        self.abort();
    }
}

impl<O> fmt::Debug for Remote<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}

impl<O> Link<O> {
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self, end: End<O>) {
        *self.lock() = State::Gone(end);
        self.driver.wake();
    }
}

/// The task as the executor sees it. Catches its panics, goes when asked to, and tells the driver when it is gone,
/// whichever way that happens.
pub(crate) struct Spawned<F, O> {
    /// Boxed, because a pinned field of one's own would need unsafe code.
    task: Pin<Box<Option<F>>>,
    hold: Hold,
    link: Option<Arc<Link<O>>>,
}

impl<F: Future<Output = O>, O> Spawned<F, O> {
    pub(crate) fn new(task: F, hold: Hold) -> (Self, Remote<O>) {
        let link = Arc::new(Link {
            state: Mutex::new(State::There),
            abort: AtomicBool::new(false),
            driver: AtomicWaker::new(),
            executor: AtomicWaker::new(),
        });
        (Self { task: Box::pin(Some(task)), hold, link: Some(link.clone()) }, Remote { link })
    }
}

impl<F, O> Spawned<F, O> {
    /// The order counts: the task goes first, then what it held, and then the driver hears of it.
    fn end(&mut self, end: End<O>) {
        let Some(link) = self.link.take() else { return };
        contain_drop(|| self.task.as_mut().set(None));
        drop(std::mem::take(&mut self.hold));
        link.gone(end);
        // If the driver is gone too, this drops an output that nobody has seen.
        contain_drop(|| drop(link));
    }
}

impl<F: Future<Output = O>, O> Future for Spawned<F, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(link) = &this.link else { return Poll::Ready(()) };
        link.executor.register(cx.waker());
        if link.abort.load(Ordering::SeqCst) {
            this.end(End::Cancelled);
            return Poll::Ready(());
        }
        let Some(task) = this.task.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        match contain(|| task.poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                this.end(End::Output(output));
                Poll::Ready(())
            }
            Err(panic) => {
                this.end(End::Panicked(panic));
                Poll::Ready(())
            }
        }
    }
}

impl<F, O> Unpin for Spawned<F, O> {}

impl<F, O> Drop for Spawned<F, O> {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}
