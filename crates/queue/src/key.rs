//! How a job is named: by the queue ([`JobId`]), and by you ([`Key`]).

use std::fmt;
use std::sync::Arc;

/// The number of a job, given when it is admitted. No two jobs of a queue ever have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    pub(crate) seq: u64,
    /// Where it is while it has no end. Slots are used again, so it counts only together with the number.
    pub(crate) slot: u32,
}

impl JobId {
    #[inline]
    pub(crate) fn new(seq: u64, slot: usize) -> Self {
        Self { seq, slot: u32::try_from(slot).unwrap_or(u32::MAX) }
    }

    /// Counts up from 0 in the order of admission.
    pub fn number(self) -> u64 {
        self.seq
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.seq)
    }
}

/// A name of yours for a job, a URL or a number in a database: a queue has at most one job of that name that has no end
/// yet. Compared in full, never by a hash alone.
///
/// ```
/// use regatta_queue::Key;
///
/// assert_eq!(Key::from("a/b"), Key::from(String::from("a/b")));
/// assert_ne!(Key::from(7), Key::from("7"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// A number.
    Number(u64),
    /// A text; clones share it.
    Text(Arc<str>),
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Self {
        Self::Text(text.as_str().into())
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Debug::fmt(number, f),
            Self::Text(text) => fmt::Debug::fmt(text, f),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
