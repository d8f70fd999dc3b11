//! `Errand`: what is left to do when the lock is released.

use super::state::Who;
use crate::Kick;
use std::sync::Arc;
use std::task::Waker;

/// Collected under the lock and run after it: a waker or a kick may run foreign code on this thread, which may ask
/// for the lock.
pub(super) enum Errand {
    Wake(Waker),
    Kick(Arc<Kick>),
    /// The last clone of a waker may drop a task, and with it permits of this limiter.
    Forget(Who),
}

impl Errand {
    pub(super) fn run(self) {
        match self {
            Self::Wake(waker) => waker.wake(),
            Self::Kick(kick) => kick.kick(),
            Self::Forget(who) => drop(who),
        }
    }
}
