//! `Results`: what a `for_each` body reads from, and the sink that fills it.

use crate::lazy::Sink;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use regatta_core::{Kick, TaskError};
use regatta_engine::contain_drop;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The results of a [`for_each`](crate::for_each), in the order in which the tasks end.
///
/// At most `limit` results wait here to be read; while they do, nothing more starts. Dropping it cancels what runs.
///
/// It is a `Stream` too. It drives nothing: the tasks are polled by the [`ForEach`](crate::ForEach) around the body, also
/// while the body waits for something else between two calls of `next`. So it has none of the trouble that
/// [`Completions`](crate::Completions) has.
pub struct Results<T, E>(Arc<Shared<T, E>>);

struct Shared<T, E> {
    limit: usize,
    state: Mutex<State<T, E>>,
}

struct State<T, E> {
    unread: VecDeque<(usize, Result<T, TaskError<E>>)>,
    /// `Some` once no more will come; whether all items were through.
    ended: Option<bool>,
    closed: bool,
    /// A task could not start for want of room, so the next read must say that there is some.
    starved: bool,
    reader: Option<Waker>,
    kick: Kick,
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody reads any more: what runs is cancelled.
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let unread = std::mem::take(&mut state.unread);
        let kick = state.kick.clone();
        drop(state);
        // The driver first: dropping a result is user code and may panic.
        kick.kick();
        drop(unread);
    }
}

impl<T, E> Results<T, E> {
    /// The next result, or `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    #[expect(
        clippy::should_implement_trait,
        reason = "a future comes back; async readers are read with `next`"
    )]
    pub fn next(&mut self) -> NextResult<'_, T, E> {
        NextResult(NextIndexed(self))
    }

    /// The next result together with the index of its item.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no result.
    pub fn next_indexed(&mut self) -> NextIndexed<'_, T, E> {
        NextIndexed(self)
    }

    /// Whether every item was run. `false` while results may still come, and if the run was stopped before it came to
    /// the end of the items.
    pub fn is_complete(&self) -> bool {
        self.0.lock().ended == Some(true)
    }
}

impl<T, E> Stream for Results<T, E> {
    type Item = Result<T, TaskError<E>>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.next()).poll(cx)
    }
}

impl<T, E> FusedStream for Results<T, E> {
    fn is_terminated(&self) -> bool {
        let state = self.0.lock();
        state.ended.is_some() && state.unread.is_empty()
    }
}

impl<T, E> Drop for Results<T, E> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T, E> fmt::Debug for Results<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("unread", &self.0.lock().unread.len()).finish_non_exhaustive()
    }
}

/// Made by [`Results::next`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[must_use = "futures do nothing unless polled"]
pub struct NextResult<'a, T, E>(NextIndexed<'a, T, E>);

impl<T, E> Future for NextResult<'_, T, E> {
    type Output = Option<Result<T, TaskError<E>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|next| next.map(|(_, result)| result))
    }
}

impl<T, E> fmt::Debug for NextResult<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextResult")
    }
}

/// Made by [`Results::next_indexed`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[must_use = "futures do nothing unless polled"]
pub struct NextIndexed<'a, T, E>(&'a mut Results<T, E>);

impl<T, E> Future for NextIndexed<'_, T, E> {
    type Output = Option<(usize, Result<T, TaskError<E>>)>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waker = None;
        loop {
            let mut state = self.0.0.lock();
            if let Some(next) = state.unread.pop_front() {
                let kick = std::mem::take(&mut state.starved).then(|| state.kick.clone());
                drop(state);
                if let Some(kick) = kick {
                    kick.kick();
                }
                return Poll::Ready(Some(next));
            }
            if state.ended.is_some() {
                return Poll::Ready(None);
            }
            // A waker is foreign code, so it is cloned and dropped outside the lock.
            let Some(waker) = waker.take() else {
                drop(state);
                waker = Some(cx.waker().clone());
                continue;
            };
            let old = state.reader.replace(waker);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
    }
}

impl<T, E> fmt::Debug for NextIndexed<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextIndexed")
    }
}

/// The driver's end.
pub(crate) struct Feed<T, E> {
    shared: Arc<Shared<T, E>>,
    /// How many results were unread at the last look. Only this end adds any, so it can't be more now.
    unread_max: usize,
}

impl<T, E> Feed<T, E> {
    pub(crate) fn new(limit: usize) -> (Self, Results<T, E>) {
        let state = Mutex::new(State {
            unread: VecDeque::new(),
            ended: None,
            closed: false,
            starved: false,
            reader: None,
            kick: Kick::none(),
        });
        let shared = Arc::new(Shared { limit, state });
        (Self { shared: shared.clone(), unread_max: 0 }, Results(shared))
    }

    /// The body has ended: what runs is cancelled. What is there can still be read, if the body has let its results out.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let kick = state.kick.clone();
        drop(state);
        kick.kick();
    }
}

impl<T, E> Sink<T, E> for Feed<T, E> {
    /// Each running task has its place reserved, so publishing never waits.
    #[inline]
    fn has_room(&mut self, running: usize) -> bool {
        if running + self.unread_max < self.shared.limit {
            return true;
        }
        let mut state = self.shared.lock();
        self.unread_max = state.unread.len();
        let room = running + self.unread_max < self.shared.limit;
        state.starved |= !room;
        room
    }

    fn started(&mut self, _: usize) {}

    #[inline]
    fn put(&mut self, index: usize, result: Result<T, TaskError<E>>) {
        let mut state = self.shared.lock();
        if state.closed {
            // Dropping an unwanted result is user code, and its panic is nobody's result.
            drop(state);
            contain_drop(|| drop(result));
            return;
        }
        state.unread.push_back((index, result));
        self.unread_max = state.unread.len();
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    fn end(&mut self, complete: bool) {
        let mut state = self.shared.lock();
        state.ended = Some(complete);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.shared.lock().kick = kick;
    }
}
