//! `Errand`: what is left to do when the lock is released.

use super::BatchError;
use super::settings::Settings;
use super::work::Work;
use regatta_core::Sleep;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

/// Collected under the lock and run after it. Waking, and dropping what users made, is foreign code, which may call
/// this very batcher.
pub(super) enum Errand<T, R, E> {
    Wake(Waker),
    // All others are only dropped.
    Waker(Waker),
    Item(T),
    Answer(Result<R, BatchError<E>>),
    Work(Work<T, R, E>),
    Settings(Arc<Settings<T, R, E>>),
    Timer(Sleep),
}

impl<T, R, E> Errand<T, R, E> {
    /// A panic in one must not keep the others from being woken, so it ends here; the panic hook has told of it.
    pub(super) fn run(self) {
        let run = AssertUnwindSafe(|| match self {
            Self::Wake(waker) => waker.wake(),
            Self::Waker(waker) => drop(waker),
            Self::Item(item) => drop(item),
            Self::Answer(answer) => drop(answer),
            Self::Work(work) => drop(work),
            Self::Settings(settings) => drop(settings),
            Self::Timer(sleep) => drop(sleep),
        });
        if let Err(payload) = catch_unwind(run) {
            std::mem::forget(payload);
        }
    }
}
