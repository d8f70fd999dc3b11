//! `BatchError`: why an item of a batch has no result.

use regatta_core::Panic;
use std::fmt;
use std::sync::Arc;

/// Why a [`Call`](super::Call) has no result.
///
/// What a batch suffered as a whole is shared by all of its items: hence the `Arc`s. Cloning one is cheap.
#[non_exhaustive]
pub enum BatchError<E> {
    /// The handler said so, of the batch that the item was in, or of the item alone.
    Failed(Arc<E>),
    /// The handler panicked, or something else that it was given: a weight, a clone of an item, a retry rule.
    Panicked(Arc<Panic>),
    /// The handler didn't give one result for each item, so nobody knows whose they are.
    WrongCount {
        /// How many items it was given.
        sent: usize,
        /// How many results it gave.
        got: usize,
    },
    /// The item alone is heavier than a batch may be; it was not sent.
    TooHeavy {
        /// What it weighs.
        weight: u64,
        /// What a batch may weigh.
        max: u64,
    },
}

impl<E> BatchError<E> {
    /// The handler's own error, if that is what it was.
    pub fn failure(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Panicked(_) | Self::WrongCount { .. } | Self::TooHeavy { .. } => None,
        }
    }

    pub(super) fn panicked(payload: Box<dyn std::any::Any + Send>) -> Self {
        Self::Panicked(Arc::new(Panic::new(payload)))
    }
}

impl<E> Clone for BatchError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Panicked(panic) => Self::Panicked(panic.clone()),
            Self::WrongCount { sent, got } => Self::WrongCount { sent: *sent, got: *got },
            Self::TooHeavy { weight, max } => Self::TooHeavy { weight: *weight, max: *max },
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for BatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Panicked(panic) => f.debug_tuple("Panicked").field(panic).finish(),
            Self::WrongCount { sent, got } => {
                f.debug_struct("WrongCount").field("sent", sent).field("got", got).finish()
            }
            Self::TooHeavy { weight, max } => {
                f.debug_struct("TooHeavy").field("weight", weight).field("max", max).finish()
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for BatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(panic) => write!(f, "panicked: {panic}"),
            Self::WrongCount { sent, got } => {
                write!(f, "the handler was given {sent} items and gave {got} results")
            }
            Self::TooHeavy { weight, max } => {
                write!(f, "it weighs {weight}, and a batch may weigh at most {max}")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for BatchError<E> {}
