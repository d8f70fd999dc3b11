//! `Mailbox`: the end of one grant, left beside the lock for whoever takes the lock next.

use crate::Outcome;
use crate::sync::{AtomicUsize, Ordering};

/// Room for one message. Open only while the strategy says that a finish changes nothing, so nobody misses it meanwhile.
pub(super) struct Mailbox(AtomicUsize);

/// Nothing may be put in.
const CLOSED: usize = 0;
const EMPTY: usize = 1;
/// Everything else is a grant, and in the lowest bits how it ended.
const BITS: u32 = 3;

impl Mailbox {
    pub(super) fn closed() -> Self {
        Self(AtomicUsize::new(CLOSED))
    }

    /// Puts a message in, if it is one for the box, and the box is open and empty. Needs no lock.
    #[inline]
    pub(super) fn post(&self, grant: usize, outcome: Outcome) -> bool {
        // Most limiters of other strategies never open theirs; a look is cheaper than an attempt.
        if self.0.load(Ordering::Relaxed) != EMPTY {
            return false;
        }
        let code = match outcome {
            Outcome::Success => 2,
            Outcome::Failure => 3,
            Outcome::Overload => 4,
            Outcome::Neutral => 5,
            Outcome::Cancelled => 6,
            // What undoes the start matters to every strategy.
            _ => return false,
        };
        let message = grant << BITS | code;
        self.0.compare_exchange(EMPTY, message, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Takes the message out, under the lock.
    #[inline]
    pub(super) fn take(&self) -> Option<(usize, Outcome)> {
        let message = read(self.0.load(Ordering::Acquire))?;
        // No swap: only who holds the lock takes something out, and nobody puts anything on top of it.
        self.0.store(EMPTY, Ordering::Relaxed);
        Some(message)
    }

    /// Opens a closed box, under the lock.
    pub(super) fn open(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// Closes it, under the lock, and takes out what was in it.
    pub(super) fn close(&self) -> Option<(usize, Outcome)> {
        read(self.0.swap(CLOSED, Ordering::Acquire))
    }
}

#[inline]
fn read(message: usize) -> Option<(usize, Outcome)> {
    let outcome = match message & ((1 << BITS) - 1) {
        2 => Outcome::Success,
        3 => Outcome::Failure,
        4 => Outcome::Overload,
        5 => Outcome::Neutral,
        6 => Outcome::Cancelled,
        _ => return None,
    };
    Some((message >> BITS, outcome))
}
