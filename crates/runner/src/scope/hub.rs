//! `Hub`: what the handles of a scope and its driver share. Every decision is made here, synchronously; whom it wakes
//! and what it drops is handed out, to be woken and dropped outside the lock.

use crate::inbox::Refusal;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use regatta_core::{Kick, Limit, NotStarted, TaskError};
use regatta_engine::contain_drop;
use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

pub(super) struct Hub<K, T, E, Task>(Mutex<State<K, T, E, Task>>);

pub(super) struct State<K, T, E, Task> {
    /// The tasks that have not ended, by the order of spawning. A number is given out once.
    entries: HashMap<usize, Entry<K, Task>>,
    numbers: usize,
    /// Their numbers by their keys.
    index: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// Those to be started, in order. Some were cancelled meanwhile, and are skipped.
    waiting: VecDeque<usize>,
    running: usize,
    /// Results that nobody has read yet.
    done: VecDeque<(K, Result<T, TaskError<E>>)>,
    pub(super) limit: Limit,
    orders: Orders,
    body: Body,
    closed: bool,
    /// Who waits for a result. All are woken for each: any of them may be gone before it looks.
    readers: BTreeMap<u64, Waker>,
    /// Who waits for a free slot, in order. Only the first is woken; without a waker, it has been and will look.
    line: BTreeMap<u64, Option<Waker>>,
    tickets: u64,
    kick: Kick,
}

struct Entry<K, Task> {
    key: K,
    hash: u64,
    /// `None` once it runs.
    task: Option<Task>,
}

/// What the handles want of the driver.
#[derive(Default)]
pub(super) struct Orders {
    pub(super) cancel: Vec<usize>,
    pub(super) limit: Option<Limit>,
    pub(super) stop: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Goes,
    Over,
}

/// Whom to wake, once the lock is released.
#[must_use]
#[derive(Default)]
pub(super) struct Wake {
    wakers: Vec<Waker>,
    kick: Option<Kick>,
}

impl Wake {
    pub(super) fn now(self) {
        // Wakers are foreign code: one that panics must not keep the others asleep, nor end the scope.
        for waker in self.wakers {
            contain_drop(|| waker.wake());
        }
        if let Some(kick) = self.kick {
            contain_drop(|| kick.kick());
        }
    }
}

impl<K, T, E, Task> Hub<K, T, E, Task> {
    pub(super) fn new(limit: Limit) -> Self {
        Self(Mutex::new(State {
            entries: HashMap::new(),
            numbers: 0,
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            waiting: VecDeque::new(),
            running: 0,
            done: VecDeque::new(),
            limit,
            orders: Orders::default(),
            body: Body::Goes,
            closed: false,
            readers: BTreeMap::new(),
            line: BTreeMap::new(),
            tickets: 0,
            kick: Kick::none(),
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<K, T, E, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handles' side.
impl<K, T, E, Task> State<K, T, E, Task> {
    /// Whether a task that comes now would start at once.
    fn has_room(&self) -> bool {
        self.limit.allows(self.entries.len())
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn waiting(&self) -> usize {
        self.entries.len() - self.running
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn order(&mut self, order: impl FnOnce(&mut Orders)) -> Wake {
        order(&mut self.orders);
        Wake { wakers: Vec::new(), kick: Some(self.kick.clone()) }
    }

    pub(super) fn set_limit(&mut self, limit: Limit) -> Wake {
        self.limit = limit;
        let mut wake = self.order(|orders| orders.limit = Some(limit));
        wake.wakers.extend(self.first_in_line());
        wake
    }

    /// The waker of the first in line, if there is room for it.
    fn first_in_line(&mut self) -> Option<Waker> {
        if !self.has_room() && !self.closed {
            return None;
        }
        self.line.first_entry()?.get_mut().take()
    }

    /// Whether this is the turn of the ticket's holder, or of somebody without one.
    pub(super) fn is_my_turn(&self, ticket: Option<u64>) -> bool {
        self.closed || (self.has_room() && self.is_first(ticket))
    }

    /// Waits in line, at the end or where it stood before. Returns the ticket and the waker that this replaces.
    pub(super) fn stand_in_line(&mut self, ticket: Option<u64>, waker: Waker) -> (u64, Option<Waker>) {
        let ticket = ticket.unwrap_or_else(|| {
            self.tickets += 1;
            self.tickets
        });
        (ticket, self.line.insert(ticket, Some(waker)).flatten())
    }

    /// Whether nobody stands before the ticket's holder, or before somebody without one.
    fn is_first(&self, ticket: Option<u64>) -> bool {
        self.line.first_key_value().map(|(first, _)| *first) == ticket
    }

    /// Leaves the line; whoever comes next may have the place.
    pub(super) fn leave_line(&mut self, ticket: u64) -> (Wake, Option<Waker>) {
        let mine = self.line.remove(&ticket).flatten();
        (Wake { wakers: self.first_in_line().into_iter().collect(), kick: None }, mine)
    }

    /// The next result; `Err` if none is there but one may come.
    pub(super) fn read(&mut self) -> Result<Option<(K, Result<T, TaskError<E>>)>, ()> {
        match self.done.pop_front() {
            Some(done) => Ok(Some(done)),
            None if self.entries.is_empty() => Ok(None),
            None => Err(()),
        }
    }

    pub(super) fn wait_to_read(&mut self, ticket: Option<u64>, waker: Waker) -> (u64, Option<Waker>) {
        let ticket = ticket.unwrap_or_else(|| {
            self.tickets += 1;
            self.tickets
        });
        (ticket, self.readers.insert(ticket, waker))
    }

    pub(super) fn leave_readers(&mut self, ticket: u64) -> Option<Waker> {
        self.readers.remove(&ticket)
    }

    fn all_readers(&mut self) -> impl Iterator<Item = Waker> {
        std::mem::take(&mut self.readers).into_values()
    }

    /// The body has ended; if not well, what runs is cancelled.
    pub(super) fn body_ended(&mut self, well: bool) -> Wake {
        self.body = Body::Over;
        if well { self.order(|_| ()) } else { self.stop() }
    }
}

impl<K: Eq + Hash, T, E, Task> State<K, T, E, Task> {
    fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |number| self.entries[number].key.borrow() == key).copied()
    }

    /// Adds a task at the end. `task` boxes it, which runs none of its code.
    pub(super) fn spawn(&mut self, key: K, task: impl FnOnce() -> Task) -> Result<Wake, (K, Refusal)> {
        if self.closed {
            return Err((key, Refusal::Closed));
        }
        if self.find(&key).is_some() {
            return Err((key, Refusal::Duplicate));
        }
        let hash = self.hasher.hash_one(&key);
        let number = self.numbers;
        self.numbers += 1;
        self.entries.insert(number, Entry { key, hash, task: Some(task()) });
        let entries = &self.entries;
        self.index.insert_unique(hash, number, |number| entries[number].hash);
        self.waiting.push_back(number);
        Ok(Wake { wakers: Vec::new(), kick: Some(self.kick.clone()) })
    }

    /// Cancels a task; `None` if there is none with this key. A task that waits comes back to be dropped.
    pub(super) fn cancel<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(Wake, Option<Task>)>
    where
        K: Borrow<Q>,
    {
        let number = self.find(key)?;
        let task = self.entries.get_mut(&number)?.task.take();
        if task.is_none() {
            return Some((self.order(|orders| orders.cancel.push(number)), None));
        }
        let mut wake = self.finish(number, Err(TaskError::NotStarted(NotStarted::Cancelled)));
        wake.kick = Some(self.kick.clone());
        // Now and then, so that cancelling costs O(1) each and the order doesn't grow for ever.
        if self.waiting.len() > 2 * self.waiting() + 32 {
            let entries = &self.entries;
            self.waiting.retain(|number| entries.contains_key(number));
        }
        Some((wake, task))
    }
}

/// The driver's side.
impl<K, T, E, Task> State<K, T, E, Task> {
    pub(super) fn attach(&mut self, kick: Kick) -> Kick {
        std::mem::replace(&mut self.kick, kick)
    }

    pub(super) fn has_orders(&self) -> bool {
        self.orders.stop || self.orders.limit.is_some() || !self.orders.cancel.is_empty()
    }

    pub(super) fn orders(&mut self) -> Orders {
        std::mem::take(&mut self.orders)
    }

    /// Whether anything may still come: the body goes on, or a task has not ended.
    pub(super) fn is_busy(&self) -> bool {
        self.body == Body::Goes || !self.entries.is_empty()
    }

    /// Whether this task has not ended.
    pub(super) fn has(&self, number: usize) -> bool {
        self.entries.contains_key(&number)
    }

    /// Starts the task that waits longest.
    pub(super) fn start(&mut self) -> Option<(usize, Task)> {
        loop {
            let number = self.waiting.pop_front()?;
            let Some(task) = self.entries.get_mut(&number).and_then(|entry| entry.task.take()) else {
                continue;
            };
            self.running += 1;
            return Some((number, task));
        }
    }

    /// A task that ran has ended.
    pub(super) fn ended(&mut self, number: usize, result: Result<T, TaskError<E>>) -> Wake {
        self.running -= 1;
        self.finish(number, result)
    }

    /// Removes the task that waits longest, which will never start.
    pub(super) fn refuse(&mut self, result: Result<T, TaskError<E>>) -> (Wake, Option<Task>) {
        while let Some(number) = self.waiting.pop_front() {
            if let Some(entry) = self.entries.get_mut(&number) {
                let task = entry.task.take();
                return (self.finish(number, result), task);
            }
        }
        (Wake::default(), None)
    }

    /// Nothing more is taken from now on, and the driver is to stop what there is.
    pub(super) fn stop(&mut self) -> Wake {
        let mut wake = self.close();
        wake.kick = self.order(|orders| orders.stop = true).kick;
        wake
    }

    /// Nothing more is taken.
    pub(super) fn close(&mut self) -> Wake {
        self.closed = true;
        let line = std::mem::take(&mut self.line);
        Wake { wakers: line.into_values().flatten().collect(), kick: None }
    }

    fn finish(&mut self, number: usize, result: Result<T, TaskError<E>>) -> Wake {
        let Some(entry) = self.entries.remove(&number) else { return Wake::default() };
        if let Ok(place) = self.index.find_entry(entry.hash, |&other| other == number) {
            place.remove();
        }
        self.done.push_back((entry.key, result));
        let mut wakers: Vec<_> = self.all_readers().collect();
        wakers.extend(self.first_in_line());
        Wake { wakers, kick: None }
    }

    /// The scope is gone: what is left in it, to be dropped.
    pub(super) fn clear(&mut self) -> (Wake, Vec<(K, Option<Task>)>, VecDeque<(K, Result<T, TaskError<E>>)>) {
        let mut wake = self.close();
        self.index.clear();
        self.waiting.clear();
        self.running = 0;
        // In the order of spawning, so that the same run ends the same way.
        let mut entries: Vec<_> = std::mem::take(&mut self.entries).into_iter().collect();
        entries.sort_unstable_by_key(|(number, _)| *number);
        let entries = entries.into_iter().map(|(_, entry)| (entry.key, entry.task)).collect();
        wake.wakers.extend(self.all_readers());
        wake.kick = Some(self.attach(Kick::none()));
        (wake, entries, std::mem::take(&mut self.done))
    }
}

#[cfg(test)]
mod tests;
