//! `Shared`: the lock around a batcher's state, and the loop of whoever polls.

use super::errands::Errand;
use super::settings::Settings;
use super::state::{State, Step};
use super::work::Id;
use regatta_core::{Sleep, Time};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// What one poll of a caller does at most for all of them; then it wakes itself.
pub(super) const STEPS: usize = 128;

pub(super) struct Shared<T, R, E> {
    state: Mutex<State<T, R, E>>,
}

impl<T, R, E> Shared<T, R, E> {
    pub(super) fn new(settings: Settings<T, R, E>) -> Self {
        Self { state: Mutex::new(State::new(settings)) }
    }

    /// Runs `f` under the lock, and its errands after the lock is released.
    pub(super) fn with<O>(&self, f: impl FnOnce(&mut State<T, R, E>) -> O) -> O {
        // Nothing under this lock runs foreign code, so a poisoned lock can't hide a broken state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let output = f(&mut state);
        let errands = std::mem::take(&mut state.errands);
        drop(state);
        errands.into_iter().for_each(Errand::run);
        output
    }
}

impl<T, R, E> Shared<T, R, E>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
{
    /// Does what there is to do: polls the batches that are woken, sends what may go, and minds the timer. `me` is known
    /// by its waker already, so that whatever happens from here on wakes it.
    pub(super) fn drive(self: &Arc<Self>, me: Id, cx: &Context<'_>) {
        let (pass, clock) = self.with(|state| (state.pass(), state.settings.clock.clone()));
        for _ in 0..STEPS {
            let now = clock.now();
            match self.with(|state| state.step(now, pass)) {
                Step::Poll(id, mut work) => {
                    let waker = self.bell(Some(id));
                    let mut settled = Vec::new();
                    let turn = work.poll(&mut Context::from_waker(&waker), &mut settled);
                    self.with(|state| state.put_back(id, work, turn, settled, me));
                }
                Step::Arm(at) => self.tick(at, || clock.sleep_until(at)),
                Step::Tick(at, sleep) => self.tick(at, || sleep),
                Step::Rest => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Polls the timer, and gives it back. A clock that panics has no timer.
    fn tick(self: &Arc<Self>, at: Time, sleep: impl FnOnce() -> Sleep) {
        let waker = self.bell(None);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut sleep = sleep();
            match Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(()) => None,
                Poll::Pending => Some((at, sleep)),
            }
        }));
        match polled {
            Ok(timer) => self.with(|state| state.put_timer(timer)),
            Err(payload) => {
                self.with(|state| state.put_timer(None));
                resume_unwind(payload);
            }
        }
    }

    fn bell(self: &Arc<Self>, batch: Option<Id>) -> Waker {
        Waker::from(Arc::new(Bell { shared: Arc::downgrade(self), batch }))
    }
}

/// Wakes callers for a batch, or for the timer. Weak, because the state keeps what it wakes.
struct Bell<T, R, E> {
    shared: Weak<Shared<T, R, E>>,
    batch: Option<Id>,
}

impl<T, R, E> Wake for Bell<T, R, E>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.with(|state| match self.batch {
                Some(id) => state.batch_woken(id),
                None => state.timer_fired(),
            });
        }
    }
}
