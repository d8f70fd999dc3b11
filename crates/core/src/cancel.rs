//! `CancelToken`: one word that reaches a whole tree of tasks.

use event_listener::{Event, EventListener};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

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
    event: Event,
    children: Mutex<Children>,
    /// The parent, and the number under which it knows us.
    parent: Option<(Arc<Node>, u64)>,
}

#[derive(Default)]
struct Children {
    next: u64,
    nodes: HashMap<u64, Weak<Node>>,
}

impl CancelToken {
    /// A token of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one; already cancelled if this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        let mut children = self.0.lock_children();
        // Under the lock: `cancel` sets the flag first and collects the children after, so either it finds this
        // child or the child finds the flag.
        if self.is_cancelled() {
            let node = Node::default();
            node.cancelled.store(true, Ordering::SeqCst);
            return Self(Arc::new(node));
        }
        let id = children.next;
        children.next += 1;
        let mut node = Node::default();
        node.parent = Some((self.0.clone(), id));
        let node = Arc::new(node);
        children.nodes.insert(id, Arc::downgrade(&node));
        Self(node)
    }

    /// Cancels this token and all its descendants. Again does nothing. Costs O(descendants).
    pub fn cancel(&self) {
        let mut nodes = vec![self.0.clone()];
        // A stack of our own instead of recursion: trees may be deep.
        while let Some(node) = nodes.pop() {
            if node.cancelled.swap(true, Ordering::SeqCst) {
                continue;
            }
            let children = std::mem::take(&mut node.lock_children().nodes);
            nodes.extend(children.values().filter_map(Weak::upgrade));
            node.event.notify(usize::MAX);
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
        Cancelled { node: self.0.clone(), listener: None }
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
    fn lock_children(&self) -> MutexGuard<'_, Children> {
        // Nothing under this lock runs user code, so a poisoned lock can't hide a broken state.
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Leaves the parent's list, then lets go of the parents one by one: a long chain must not recurse.
        let mut link = self.parent.take();
        while let Some((parent, id)) = link {
            parent.lock_children().nodes.remove(&id);
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
    listener: Option<EventListener>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.node.cancelled.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            match &mut self.listener {
                // Listening begins before the last look at the flag, so a cancel in between is not missed.
                None => self.listener = Some(self.node.event.listen()),
                Some(listener) => {
                    if Pin::new(listener).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.listener = None;
                }
            }
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
