//! `Inbox`: what the handles of a run and its driver share.

use crate::body::Body;
use crate::in_span::Here;
use crate::snapshot::{Phase, Snapshot};
use regatta_core::{Kick, Limit};
use regatta_engine::contain_drop;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Only keys are looked at under its lock; tasks go through it untouched.
pub(crate) struct Inbox<K, Task, Factory>(Mutex<State<K, Task, Factory>>);

struct State<K, Task, Factory> {
    /// Every key of the run, a copy of its own.
    keys: HashMap<K, Entry>,
    added: Vec<Added<K, Task, Factory>>,
    orders: Vec<Order>,
    snapshot: Snapshot,
    /// Nothing more is taken.
    closed: bool,
    /// The driver is gone.
    over: bool,
    kick: Kick,
}

/// A task that its driver has not seen yet.
pub(crate) struct Added<K, Task, Factory> {
    pub(crate) key: K,
    pub(crate) body: Body<Task, Factory>,
    pub(crate) here: Here,
}

struct Entry {
    phase: Phase,
    /// Once the driver has seen the task.
    index: Option<usize>,
    /// Cancelled before the driver has seen it.
    cancelled: bool,
}

/// What a handle wants of the driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Cancel(usize),
    Limit(Limit),
    Stop,
}

/// Why a task was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    Duplicate,
    Closed,
}

impl<K, Task, Factory> Inbox<K, Task, Factory> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            keys: HashMap::new(),
            added: Vec::new(),
            orders: Vec::new(),
            snapshot: Snapshot::default(),
            closed: false,
            over: false,
            kick: Kick::none(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<K, Task, Factory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn order(&self, order: Order) {
        let mut state = self.lock();
        if state.over {
            return;
        }
        state.orders.push(order);
        // From this moment on, not only once the driver has heard of it.
        state.closed |= order == Order::Stop;
        let kick = state.kick.clone();
        drop(state);
        kick.kick();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().snapshot
    }

    pub(crate) fn attach(&self, kick: Kick) {
        let old = std::mem::replace(&mut self.lock().kick, kick);
        drop(old);
    }

    /// Whether anything was ordered since the last look.
    pub(crate) fn has_orders(&self) -> bool {
        !self.lock().orders.is_empty()
    }

    /// What was ordered since the last look.
    pub(crate) fn orders(&self) -> Vec<Order> {
        std::mem::take(&mut self.lock().orders)
    }

    /// Nothing more is taken. What was added and not yet looked at comes back.
    pub(crate) fn close(&self) -> Vec<Added<K, Task, Factory>> {
        let mut state = self.lock();
        state.closed = true;
        std::mem::take(&mut state.added)
    }

    /// Closes if nothing was added since the last look: a task is either taken or refused, never lost between the two.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut state = self.lock();
        state.closed |= state.added.is_empty();
        state.closed
    }

    /// How many were added since the last look.
    pub(crate) fn added(&self) -> usize {
        self.lock().added.len()
    }

    pub(crate) fn take_added(&self) -> Vec<Added<K, Task, Factory>> {
        std::mem::take(&mut self.lock().added)
    }
}

impl<K: Eq + Hash, Task, Factory> Inbox<K, Task, Factory> {
    /// Takes a key for a task that its runner holds already.
    pub(crate) fn reserve(&self, key: K, index: usize) -> Result<(), Refusal> {
        // A run that is stopped before it has begun still takes what its runner adds: it ends as never started.
        let refused = self.lock().insert(key, Some(index), true);
        // A refused key is dropped here, outside the lock.
        refused.map_err(|(_, refusal)| refusal)
    }

    /// Adds a task. `copy` is a clone of its key, made outside the lock; `own` says that the runner adds it itself.
    pub(crate) fn add(
        &self,
        key: K,
        copy: K,
        own: bool,
        body: impl FnOnce() -> Body<Task, Factory>,
    ) -> Result<(), (K, Refusal)> {
        let here = Here::now();
        let mut state = self.lock();
        let refused = state.insert(copy, None, own);
        if let Err((copy, refusal)) = refused {
            drop(state);
            drop(copy);
            return Err((key, refusal));
        }
        // Boxing a task runs none of its code.
        state.added.push(Added { key, body: body(), here });
        let kick = state.kick.clone();
        drop(state);
        kick.kick();
        Ok(())
    }

    /// Cancels a task that has not ended; whether there is one.
    pub(crate) fn cancel<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(entry) = state.keys.get_mut(key) else { return false };
        if entry.phase.is_ended() || state.over {
            return false;
        }
        match entry.index {
            Some(index) => state.orders.push(Order::Cancel(index)),
            None => entry.cancelled = true,
        }
        let kick = state.kick.clone();
        drop(guard);
        kick.kick();
        true
    }

    /// The driver has given a task its index; whether it was cancelled before.
    pub(crate) fn seen(&self, key: &K, index: usize) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.keys.get_mut(key) else { return false };
        entry.index = Some(index);
        entry.cancelled
    }

    pub(crate) fn moved(&self, key: &K, to: Phase) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(entry) = state.keys.get_mut(key) {
            state.snapshot.step(entry.phase, to);
            entry.phase = to;
        }
    }
}

impl<K: Eq + Hash, Task, Factory> State<K, Task, Factory> {
    fn insert(&mut self, key: K, index: Option<usize>, own: bool) -> Result<(), (K, Refusal)> {
        if self.closed && !own {
            return Err((key, Refusal::Closed));
        }
        if self.keys.contains_key(&key) {
            return Err((key, Refusal::Duplicate));
        }
        self.keys.insert(key, Entry { phase: Phase::Waiting, index, cancelled: false });
        self.snapshot.add();
        Ok(())
    }
}

/// The driver's end. A task that holds a handle and waits in the inbox would keep itself alive; this breaks the circle.
pub(crate) struct InboxEnd<K, Task, Factory>(pub(crate) Arc<Inbox<K, Task, Factory>>);

impl<K, Task, Factory> Drop for InboxEnd<K, Task, Factory> {
    fn drop(&mut self) {
        for Added { key, body, .. } in self.0.close() {
            contain_drop(|| drop(body));
            contain_drop(|| drop(key));
        }
        let (keys, kick) = {
            let mut state = self.0.lock();
            state.over = true;
            state.snapshot.end();
            (std::mem::take(&mut state.keys), std::mem::take(&mut state.kick))
        };
        contain_drop(|| drop(keys));
        drop(kick);
    }
}
