//! `NextDone` and `SpawnWhenFree`: what a scope's body and tasks wait for.

use super::handle::Scope;
use crate::handle::AddError;
use crate::mode::{Mode, Threads};
use regatta_core::TaskError;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The next result of a scope; made by [`Scope::next`].
///
/// # Cancel safety
///
/// Dropping it takes no result.
#[must_use = "futures do nothing unless polled"]
pub struct NextDone<'s, 'env, K, T, E, M: Mode<'env, T, E> = Threads> {
    scope: &'s Scope<'env, K, T, E, M>,
    ticket: Option<u64>,
}

impl<'s, 'env, K, T, E, M: Mode<'env, T, E>> NextDone<'s, 'env, K, T, E, M> {
    pub(super) fn new(scope: &'s Scope<'env, K, T, E, M>) -> Self {
        Self { scope, ticket: None }
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> Future for NextDone<'_, 'env, K, T, E, M> {
    type Output = Option<(K, Result<T, TaskError<E>>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // A waker is foreign code, so it is cloned and dropped outside the lock.
        let waker = cx.waker().clone();
        let mut hub = this.scope.hub.lock();
        if let Ok(next) = hub.read() {
            drop(hub);
            return Poll::Ready(next);
        }
        let (ticket, old) = hub.wait_to_read(this.ticket, waker);
        drop(hub);
        drop(old);
        this.ticket = Some(ticket);
        Poll::Pending
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> Drop for NextDone<'_, 'env, K, T, E, M> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = self.scope.hub.lock().leave_readers(ticket);
            drop(waker);
        }
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> fmt::Debug for NextDone<'_, 'env, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextDone")
    }
}

/// Spawns a task once there is a free slot; made by [`Scope::spawn_when_free`].
///
/// # Cancel safety
///
/// Dropping it drops the task, which was not added.
#[must_use = "futures do nothing unless polled"]
pub struct SpawnWhenFree<'s, 'env, K, T, E, M: Mode<'env, T, E> = Threads> {
    scope: &'s Scope<'env, K, T, E, M>,
    task: Option<(K, M::Task)>,
    ticket: Option<u64>,
}

impl<'s, 'env, K, T, E, M: Mode<'env, T, E>> SpawnWhenFree<'s, 'env, K, T, E, M> {
    pub(super) fn new(scope: &'s Scope<'env, K, T, E, M>, key: K, task: M::Task) -> Self {
        Self { scope, task: Some((key, task)), ticket: None }
    }
}

impl<'env, K, T, E, M> Future for SpawnWhenFree<'_, 'env, K, T, E, M>
where
    K: Eq + Hash + fmt::Debug,
    M: Mode<'env, T, E>,
{
    type Output = Result<(), AddError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let waker = cx.waker().clone();
        let mut hub = this.scope.hub.lock();
        if !hub.is_my_turn(this.ticket) {
            let (ticket, old) = hub.stand_in_line(this.ticket, waker);
            drop(hub);
            drop(old);
            this.ticket = Some(ticket);
            return Poll::Pending;
        }
        let (key, task) = this.task.take().expect("a future is not polled after it has ended");
        let mut task = Some(task);
        let spawned = hub.spawn(key, || task.take().expect("it is taken once"));
        // Whoever is next in line may find room too.
        let left = this.ticket.take().map(|ticket| hub.leave_line(ticket));
        drop(hub);
        if let Some((wake, old)) = left {
            drop(old);
            wake.now();
        }
        match spawned {
            Ok(wake) => {
                wake.now();
                Poll::Ready(Ok(()))
            }
            Err((key, refusal)) => Poll::Ready(Err(AddError::of(&key, refusal))),
        }
    }
}

impl<'env, K, T, E, M: Mode<'env, T, E>> Drop for SpawnWhenFree<'_, 'env, K, T, E, M> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let (wake, old) = self.scope.hub.lock().leave_line(ticket);
            drop(old);
            wake.now();
        }
    }
}

/// The task is pinned in its own allocation.
impl<'env, K, T, E, M: Mode<'env, T, E>> Unpin for SpawnWhenFree<'_, 'env, K, T, E, M> {}

impl<'env, K, T, E, M: Mode<'env, T, E>> fmt::Debug for SpawnWhenFree<'_, 'env, K, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpawnWhenFree")
    }
}
