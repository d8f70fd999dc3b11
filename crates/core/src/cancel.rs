//! `CancelToken`: one word that reaches a whole tree of tasks.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// Asks tasks to stop. Clones are the same token; a [`child`](CancelToken::child) is cancelled with its parent, but
/// not the other way round.
///
/// Asking whether it was cancelled costs one atomic load. Dropping tokens cancels nothing; see
/// [`drop_guard`](CancelToken::drop_guard) for that.
///
/// ```
/// use regatta_core::CancelToken;
///
/// let server = CancelToken::new();
/// let request = server.child();
/// request.cancel();
/// assert!(!server.is_cancelled());
/// server.cancel();
/// smol::block_on(server.child().cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Node>);

#[derive(Default)]
struct Node {
    cancelled: AtomicBool,
    links: Mutex<Links>,
    /// The parent, and the number under which it knows us.
    parent: Option<(Arc<Node>, u64)>,
}

/// Whom a cancel must reach, by numbers that are given out once.
#[derive(Default)]
struct Links {
    next: u64,
    children: HashMap<u64, Weak<Node>>,
    waiting: HashMap<u64, Waker>,
}

impl Links {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl CancelToken {
    /// A token of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one; already cancelled if this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        let mut links = self.0.lock();
        let mut node = Node::default();
        // Under the lock: `cancel` sets the flag first and collects the children after, so either it finds this
        // child or the child finds the flag.
        if self.is_cancelled() {
            node.cancelled.store(true, Ordering::SeqCst);
            return Self(Arc::new(node));
        }
        let number = links.number();
        node.parent = Some((self.0.clone(), number));
        let node = Arc::new(node);
        links.children.insert(number, Arc::downgrade(&node));
        Self(node)
    }

    /// Cancels this token and all its descendants, then wakes who waits for one of them. Again does nothing. Costs
    /// O(descendants).
    pub fn cancel(&self) {
        let mut nodes = vec![self.0.clone()];
        let mut wakers = Vec::new();
        // A stack of our own instead of recursion: trees may be deep.
        while let Some(node) = nodes.pop() {
            if node.cancelled.swap(true, Ordering::SeqCst) {
                continue;
            }
            let mut links = node.lock();
            let (children, waiting) =
                (std::mem::take(&mut links.children), std::mem::take(&mut links.waiting));
            drop(links);
            nodes.extend(children.values().filter_map(Weak::upgrade));
            wakers.extend(waiting.into_values());
        }
        // Foreign code, so it runs last and outside every lock. One that panics must not keep the others asleep.
        let panics =
            wakers.into_iter().filter_map(|waker| catch_unwind(AssertUnwindSafe(|| waker.wake())).err());
        // A payload may panic in its drop: of several, the first goes on and the others are given up.
        let first = panics.reduce(|first, other| {
            std::mem::forget(other);
            first
        });
        if let Some(first) = first {
            resume_unwind(first);
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Waits until the token is cancelled; at once if it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { node: self.0.clone(), place: None }
    }

    /// Cancels the token when the guard is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

impl Node {
    fn lock(&self) -> MutexGuard<'_, Links> {
        // Nothing under this lock runs user code, so a poisoned lock can't hide a broken state.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Leaves the parent's list, then lets go of the parents one by one: a long chain must not recurse.
        let mut link = self.parent.take();
        while let Some((parent, number)) = link {
            parent.lock().children.remove(&number);
            link = Arc::into_inner(parent).and_then(|mut node| node.parent.take());
        }
    }
}

/// Waits for a [`CancelToken`]; made by [`CancelToken::cancelled`].
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Cancelled {
    node: Arc<Node>,
    place: Option<u64>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.node.cancelled.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut links = this.node.lock();
        // Again, under the lock that a cancel takes after setting the flag: either it finds this waker, or the flag is
        // found here.
        if this.node.cancelled.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let place = *this.place.get_or_insert_with(|| links.number());
        let old = links.waiting.insert(place, waker);
        drop(links);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.node.lock().waiting.remove(&place);
            drop(waker);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

/// Cancels a token when dropped; made by [`CancelToken::drop_guard`].
#[derive(Debug)]
pub struct DropGuard {
    token: Option<CancelToken>,
}

impl DropGuard {
    /// Gives the token back without cancelling it.
    pub fn disarm(mut self) -> CancelToken {
        self.token.take().expect("a guard holds its token until it is disarmed or dropped")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
