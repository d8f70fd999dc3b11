//! `Handle`: one value that many handles share, and the kicks of all who have attached one of them.

use regatta_core::Kick;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle on a shared value. Clones share the value; each may be attached to somebody else.
#[derive(Default)]
pub(crate) struct Handle<T> {
    shared: Arc<Shared<T>>,
    /// Under which number this very handle is attached.
    place: Option<u64>,
}

#[derive(Default)]
struct Shared<T> {
    value: T,
    attached: Mutex<Attached>,
}

/// Numbers grow, so the order of the numbers is the order of attaching.
#[derive(Default)]
struct Attached {
    next: u64,
    // Counted, because cloning a kick is foreign code, which doesn't run under the lock.
    kicks: BTreeMap<u64, Arc<Kick>>,
}

impl<T> Handle<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { shared: Arc::new(Shared { value, attached: Mutex::default() }), place: None }
    }

    /// Keeps `kick` instead of the one that this handle kept before. The same one again keeps its place.
    pub(crate) fn attach(&mut self, kick: Kick) {
        let kick = Arc::new(kick);
        let mut attached = self.lock();
        if self.place.and_then(|place| attached.kicks.get(&place)).is_some_and(|former| former.same(&kick)) {
            return;
        }
        let place = attached.next;
        attached.next += 1;
        attached.kicks.insert(place, kick);
        let former = self.place.and_then(|former| attached.kicks.remove(&former));
        drop(attached);
        self.place = Some(place);
        // After the lock is released: a waker that is dropped may run foreign code.
        drop(former);
    }

    /// Kicks everybody who is attached, in the order of attaching. To be called after the value was changed.
    ///
    /// If a kick panics, the others are kicked before that goes on.
    pub(crate) fn kick(&self) {
        let kicks: Vec<_> = self.lock().kicks.values().cloned().collect();
        let mut panics = None;
        for kick in kicks {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| kick.kick())) {
                // Of several, the first is as good as any, and what the others carry may panic again when dropped.
                match panics {
                    None => panics = Some(panic),
                    Some(_) => std::mem::forget(panic),
                }
            }
        }
        if let Some(panic) = panics {
            resume_unwind(panic);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Attached> {
        // Nothing in it can be half done: it is only held for one operation on a map.
        self.shared.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many handles are attached.
    #[cfg(test)]
    pub(crate) fn attached(&self) -> usize {
        self.lock().kicks.len()
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared.value
    }
}

impl<T> Clone for Handle<T> {
    /// Another handle on the same value, attached to nobody.
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), place: None }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let kick = self.lock().kicks.remove(&place);
            // As above.
            drop(kick);
        }
    }
}
