//! `Hub`: the lock around a queue's ledger, and how to get past it without running foreign code under it.

use crate::errand::Errand;
use crate::ledger::{Ledger, Note, NoteKind};
use crate::spawned::Spawner;
use regatta_core::{Clock, EventKind, TaskError, Time};
use regatta_engine::Listeners;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub(crate) struct Hub<J, R, E> {
    ledger: Mutex<Ledger<J, R, E>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The time of the pass that an engine in place is in; `NEVER` outside it.
    present: AtomicU64,
    /// Who hears what happens to jobs; taken out by whoever tells them.
    listeners: Mutex<Option<Listeners<E>>>,
    /// How an error reads. There with the first listener.
    text: OnceLock<fn(&TaskError<E>) -> String>,
    /// Makes more workers, where an executor runs them.
    spawner: Mutex<Option<Spawner>>,
}

const NEVER: u64 = u64::MAX;

impl<J, R, E> Hub<J, R, E> {
    pub(crate) fn new(ledger: Ledger<J, R, E>, clock: Arc<dyn Clock>) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            clock,
            present: AtomicU64::new(NEVER),
            listeners: Mutex::new(None),
            text: OnceLock::new(),
            spawner: Mutex::new(None),
        }
    }

    /// Keeps what makes workers, as long as there is somebody to work.
    pub(crate) fn employ(&self, spawner: Spawner) {
        let mut place = self.spawner.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = if self.lock().crew > 0 { place.replace(spawner) } else { Some(spawner) };
        drop(place);
        regatta_engine::contain_drop(|| drop(unused));
    }

    pub(crate) fn take_spawner(&self) -> Option<Spawner> {
        self.spawner.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// No more workers are wanted.
    pub(crate) fn dismiss(&self) {
        let spawner = self.take_spawner();
        regatta_engine::contain_drop(|| drop(spawner));
    }

    /// Runs `f` under the lock, and its errands after the lock is released.
    #[inline]
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Ledger<J, R, E>) -> T) -> T {
        let rescue = Rescue(self);
        let mut ledger = self.lock();
        let result = f(&mut ledger);
        let is_quiet = ledger.errands.is_empty() && ledger.notes.is_empty();
        if is_quiet {
            drop(ledger);
        } else {
            self.finish(ledger);
        }
        std::mem::forget(rescue);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Ledger<J, R, E>> {
        // A discipline that panics leaves our own fields whole: they change after it was asked.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline(never)]
    fn finish(&self, mut ledger: MutexGuard<'_, Ledger<J, R, E>>) {
        let errands = ledger.errands.take();
        let is_heard = !ledger.notes.is_empty();
        drop(ledger);
        if is_heard {
            self.tell();
        }
        for errand in errands {
            if let Some(done) = Errand::run(errand) {
                self.with(|ledger| ledger.keep_too(done));
            }
        }
    }

    /// The present: that of the pass if an engine in place is in one, so that jobs which are pushed from there cost no
    /// look at the clock.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        match self.present.load(Ordering::Relaxed) {
            NEVER => self.clock.now(),
            nanos => Time::from_nanos(nanos),
        }
    }

    /// A pass of an engine in place begins.
    pub(crate) fn enter(&self) -> Pass<'_, J, R, E> {
        self.present.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        Pass(self)
    }

    pub(crate) fn listen(&self, text: fn(&TaskError<E>) -> String, add: impl FnOnce(&mut Listeners<E>)) {
        let _ = self.text.set(text);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        add(listeners.get_or_insert_with(Listeners::new));
        drop(listeners);
        self.with(|ledger| ledger.heard = true);
    }

    /// Whether anybody listens.
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.text.get().is_some()
    }

    /// How an error reads, if anybody listens. Its `Display` is user code.
    pub(crate) fn read(&self, error: &TaskError<E>) -> Option<String> {
        let text = self.text.get()?;
        Some(
            regatta_engine::contain(|| text(error))
                .unwrap_or_else(|_| String::from("(its Display panicked)")),
        )
    }

    /// Tells what has happened, in order and outside every lock. One thread at a time does; what happens meanwhile is
    /// told by that one.
    #[cold]
    fn tell(&self) {
        loop {
            // While they are out, whoever has them tells.
            let taken = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut listeners) = taken else { return };
            let notes = std::mem::take(&mut self.lock().notes);
            for Note { id, key, at, kind } in notes {
                let kind = match &kind {
                    NoteKind::Queued => EventKind::Queued,
                    NoteKind::Started { attempt } => EventKind::Started { attempt: *attempt },
                    NoteKind::Retrying { attempt, delay, error } => {
                        EventKind::Retrying { attempt: *attempt, delay: *delay, error }
                    }
                    NoteKind::Finished { attempts, state, error } => {
                        EventKind::Finished { attempts: *attempts, state, error: error.as_deref() }
                    }
                };
                let number = usize::try_from(id.seq).unwrap_or(usize::MAX);
                match &key {
                    Some(key) => listeners.tell(number, key, at, kind),
                    None => listeners.tell(number, &id, at, kind),
                }
            }
            *self.listeners.lock().unwrap_or_else(PoisonError::into_inner) = Some(listeners);
            if self.lock().notes.is_empty() {
                return;
            }
        }
    }
}

/// Dropped only when user code panics under the lock: what was to be done is done.
struct Rescue<'a, J, R, E>(&'a Hub<J, R, E>);

impl<J, R, E> Drop for Rescue<'_, J, R, E> {
    fn drop(&mut self) {
        let ledger = self.0.lock();
        self.0.finish(ledger);
    }
}

/// While it lives, the present is that of the pass.
pub(crate) struct Pass<'a, J, R, E>(&'a Hub<J, R, E>);

impl<J, R, E> Drop for Pass<'_, J, R, E> {
    fn drop(&mut self) {
        self.0.present.store(NEVER, Ordering::Relaxed);
    }
}
