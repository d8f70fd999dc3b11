//! Which spawned tasks can go on right now: exactly, on an executor that doesn't tell.

use futures::task::AtomicWaker;
use regatta_core::{BoxFuture, Panic};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How many tasks are queued or being polled, and whom to tell when there are none.
#[derive(Default)]
pub(crate) struct Busy {
    tasks: AtomicUsize,
    polls: AtomicU64,
    root: AtomicWaker,
    panic: Mutex<Option<Panic>>,
}

impl Busy {
    pub(crate) fn enter(&self) {
        self.tasks.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        if self.tasks.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.root.wake();
        }
    }

    /// Whether nobody can go on. What they woke before is visible afterwards.
    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn register(&self, root: &Waker) {
        self.root.register(root);
    }

    /// Counts the polls of all tasks and of the root.
    pub(crate) fn count_poll(&self) -> u64 {
        self.polls.fetch_add(1, Ordering::SeqCst)
    }

    /// The first panic of a spawned task, once.
    pub(crate) fn take_panic(&self) -> Option<Panic> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep_panic(&self, panic: Panic) {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
    }
}

/// A spawned task that counts as busy from a wake to the end of the poll that follows.
pub(crate) struct Tracked {
    task: Option<BoxFuture<'static, ()>>,
    mark: Arc<Mark>,
}

/// The task's state, shared with its wakers.
struct Mark {
    state: Mutex<State>,
    executor: AtomicWaker,
    busy: Arc<Busy>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits for a wake.
    Idle,
    /// It was spawned or woken and will be polled.
    Queued,
    Polled,
    /// It was woken during its poll, and will be polled again.
    PolledAndQueued,
    Gone,
}

impl Tracked {
    pub(crate) fn new(task: BoxFuture<'static, ()>, busy: &Arc<Busy>) -> Self {
        busy.enter();
        let state = Mutex::new(State::Queued);
        let mark = Arc::new(Mark { state, executor: AtomicWaker::new(), busy: busy.clone() });
        Self { task: Some(task), mark }
    }
}

impl Future for Tracked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(task) = &mut this.task else { return Poll::Ready(()) };
        this.mark.busy.count_poll();
        this.mark.executor.register(cx.waker());
        this.mark.begin_poll();
        let waker = Waker::from(this.mark.clone());
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) => {
                this.mark.end_poll();
                return Poll::Pending;
            }
            Ok(Poll::Ready(())) => {}
            Err(payload) => this.mark.busy.keep_panic(Panic::new(payload)),
        }
        this.drop_task();
        Poll::Ready(())
    }
}

impl Tracked {
    fn drop_task(&mut self) {
        if let Some(task) = self.task.take() {
            // Busy for as long as the drop lasts: it may wake others.
            self.mark.set_busy();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(task))) {
                self.mark.busy.keep_panic(Panic::new(payload));
            }
            self.mark.gone();
        }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.drop_task();
    }
}

impl Mark {
    fn change(&self, change: impl FnOnce(State) -> State) -> (State, State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *state;
        *state = change(before);
        (before, *state)
    }

    fn begin_poll(&self) {
        // A poll that nobody asked for is legal; it counts as busy too.
        if let (State::Idle, _) = self.change(|_| State::Polled) {
            self.busy.enter();
        }
    }

    fn end_poll(&self) {
        let (_, after) = self.change(|state| match state {
            State::PolledAndQueued => State::Queued,
            State::Polled | State::Idle | State::Queued | State::Gone => State::Idle,
        });
        if after == State::Idle {
            self.busy.leave();
        }
    }

    fn set_busy(&self) {
        if let (State::Idle, _) = self.change(|_| State::Polled) {
            self.busy.enter();
        }
    }

    fn gone(&self) {
        self.change(|_| State::Gone);
        self.busy.leave();
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match *state {
            State::Idle => {
                // Under the lock, so that the poll that follows can't leave before this has entered.
                self.busy.enter();
                State::Queued
            }
            State::Polled => State::PolledAndQueued,
            same @ (State::Queued | State::PolledAndQueued | State::Gone) => same,
        };
        drop(state);
        self.executor.wake();
    }
}
