//! `LimitError`: refused, or failed.

use regatta_core::Rejection;
use std::fmt;

/// Why a limited call has no response.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LimitError<E> {
    /// The limiter refused it; the inner service was not called.
    Rejected(Rejection),
    /// The inner service failed.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for LimitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => write!(f, "rejected: {rejection}"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

// Also where `E` is a box, which is no `Error` itself: stacks of tower are full of them.
impl<E: fmt::Debug + fmt::Display> std::error::Error for LimitError<E> {}
