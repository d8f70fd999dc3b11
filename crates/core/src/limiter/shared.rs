//! `Shared`: the lock around a limiter's state, and how to get past it without running foreign code under it.

use super::errands::Errand;
use super::mailbox::Mailbox;
use super::permit::Home;
use super::state::State;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, fence};
use crate::{Clock, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, TryLockError, Weak};
use std::task::{Wake, Waker};

pub(super) struct Shared<S: Strategy> {
    state: Mutex<State<S>>,
    /// An end of which the strategy hears when the lock is taken next.
    mailbox: Mailbox,
    pub(super) clock: Arc<dyn Clock>,
    /// The strategy changed from outside while somebody else held the lock.
    changed: AtomicBool,
    /// What the strategy says of itself, beside the lock: whether a finish needs the time.
    finish_timed: AtomicBool,
    /// What the strategy kicks.
    bell: Kick,
}

impl<S: Strategy> Shared<S> {
    pub(super) fn new(strategy: S, clock: Arc<dyn Clock>) -> Arc<Self>
    where
        S: Strategy<Token: Send> + Send + 'static,
    {
        let state = Mutex::new(State::new(strategy));
        let shared = Arc::new_cyclic(|shared: &Weak<Self>| {
            let bell = Kick::new(Waker::from(Arc::new(Bell(shared.clone()))));
            let [changed, finish_timed] = [(); 2].map(|()| AtomicBool::new(false));
            Self { state, mailbox: Mailbox::closed(), clock, changed, finish_timed, bell }
        });
        shared.with(|state| shared.learn(&mut state.strategy));
        shared
    }

    /// Runs `f` under the lock, and its errands after the lock is released.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut State<S>) -> R) -> R {
        let rescue = Rescue(self);
        let mut state = self.lock();
        if let Some((grant, outcome)) = self.mailbox.take() {
            state.end(grant, outcome);
        }
        let result = f(&mut state);
        if state.is_quiet() {
            drop(state);
        } else {
            self.leave(state);
        }
        std::mem::forget(rescue);
        result
    }

    /// Unlocks with somebody in line, or to be told.
    #[inline(never)]
    fn leave(&self, state: MutexGuard<'_, State<S>>) {
        // A change from outside matters to those who wait, and only to them: who joins an empty line later asks the
        // strategy after this, and either sees the change or leaves a crowd, and looks.
        let crowd = state.waiting() > 0;
        Self::unlock(state);
        if crowd && self.was_changed() {
            self.serve_changes();
        }
    }

    /// Takes a token for one who stands in no line.
    // Not inlined, so that the caller's permit is made where the caller wants it.
    #[inline(never)]
    pub(super) fn start(&self, now: Time, request: &Request) -> Result<usize, Readiness> {
        self.with(|state| state.start(now, request, None))
    }

    /// A holder lets go, under the lock.
    #[inline(never)]
    fn release_now(&self, grant: usize, now: Option<Time>, outcome: Option<Outcome>) {
        let unwatched = now.is_none() && !self.finish_timed.load(Ordering::Relaxed);
        if unwatched && self.with(|state| state.release_unwatched(grant, outcome)) {
            return;
        }
        let now = now.unwrap_or_else(|| self.clock.now());
        self.with(|state| state.release(grant, now, outcome));
    }

    /// Changes the strategy, then serves those who can start under the new rule. An `Err` is a panic of `change`.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> std::thread::Result<R> {
        let now = self.clock.now();
        self.with(|state| {
            // The former rule hears of every end before the change. The others wait for the lock meanwhile, because a
            // finish may matter to the new one.
            if let Some((grant, outcome)) = self.mailbox.close() {
                state.end(grant, outcome);
            }
            let result = catch_unwind(AssertUnwindSafe(|| change(&mut state.strategy)));
            // Also after a panic: what was changed before it may have made room.
            self.learn(&mut state.strategy);
            state.advance(now, None);
            result
        })
    }

    /// The strategy, or a part of it, may be another one than before. The mailbox is closed.
    fn learn(&self, strategy: &mut S) {
        strategy.attach(self.bell.clone());
        self.finish_timed.store(strategy.finish_timed(), Ordering::Relaxed);
        if !strategy.finish_matters() {
            self.mailbox.open();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // A strategy that panics, or a panicking `update`, leaves our own fields whole: they change last.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unlock(mut state: MutexGuard<'_, State<S>>) {
        if !state.errands.is_empty() {
            let errands = std::mem::take(&mut state.errands);
            drop(state);
            Self::run(errands);
        }
    }

    #[cold]
    fn run(errands: Vec<Errand>) {
        let mut rest = Rest(errands.into_iter());
        for errand in &mut rest.0 {
            errand.run();
        }
    }

    /// A kick may come from inside the lock (an `update` that changes a gate, say), so it can't wait for it: it leaves
    /// a mark, and whoever holds the lock looks for the mark after releasing it.
    fn serve_changes(&self) {
        loop {
            let now = self.clock.now();
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            // A swap, so that what was changed before the mark was set is seen below.
            self.changed.swap(false, Ordering::SeqCst);
            state.advance(now, None);
            Self::unlock(state);
            if !self.was_changed() {
                return;
            }
        }
    }

    /// Called after the lock was released.
    fn was_changed(&self) -> bool {
        // Pairs with the fence of `Bell`: either the kick finds the lock free, or this finds the mark.
        fence(Ordering::SeqCst);
        self.changed.load(Ordering::Relaxed)
    }
}

/// Holds errands at its drop only if one before them has panicked: the others are run all the same.
struct Rest(std::vec::IntoIter<Errand>);

impl Drop for Rest {
    fn drop(&mut self) {
        for errand in &mut self.0 {
            // As below: it was heard the first time.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| errand.run())) {
                std::mem::forget(again);
            }
        }
    }
}

/// Dropped only when the strategy panics under the lock: those who were to be woken before the panic still are.
struct Rescue<'a, S: Strategy>(&'a Shared<S>);

impl<S: Strategy> Drop for Rescue<'_, S> {
    fn drop(&mut self) {
        Shared::unlock(self.0.lock());
        if self.0.was_changed() {
            // It may panic again, which would abort the process from here. It was heard the first time.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| self.0.serve_changes())) {
                std::mem::forget(again);
            }
        }
    }
}

impl<S> Home for Shared<S>
where
    S: Strategy<Token: Send> + Send,
{
    fn release(&self, grant: usize, now: Option<Time>, outcome: Option<Outcome>) {
        if !outcome.is_some_and(|outcome| self.mailbox.post(grant, outcome)) {
            self.release_now(grant, now, outcome);
        }
    }

    fn retain(&self, grant: usize) {
        self.with(|state| state.retain(grant));
    }

    fn reconcile(&self, grant: usize, now: Option<Time>, actual: u32) {
        let now = now.unwrap_or_else(|| self.clock.now());
        self.with(|state| state.reconcile(grant, now, actual));
    }
}

/// The kick of the inner strategy. Weak, because the strategy keeps it inside the very state it wakes.
struct Bell<S: Strategy>(Weak<Shared<S>>);

impl<S> Wake for Bell<S>
where
    S: Strategy<Token: Send> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            // A swap, so that a mark that is there already, and what was changed before it, is not hidden by this one.
            shared.changed.swap(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            let rescue = Rescue(&*shared);
            shared.serve_changes();
            std::mem::forget(rescue);
        }
    }
}
