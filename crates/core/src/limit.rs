//! `Limit`: how many at once.

use crate::ConfigError;
use std::fmt;
use std::num::NonZeroUsize;

/// A positive count, or none at all. Zero can't be expressed: it would mean "wait for ever".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// At most this many.
    Count(NonZeroUsize),
    /// No limit.
    Unlimited,
}

impl Limit {
    /// At most `count`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `count` is zero.
    pub fn count(count: usize) -> Result<Self, ConfigError> {
        Self::named("limit", count)
    }

    /// As [`count`](Limit::count), with the name of the setting that the error should tell.
    pub fn named(field: &'static str, count: usize) -> Result<Self, ConfigError> {
        let positive =
            NonZeroUsize::new(count).ok_or_else(|| ConfigError::new(field, count, "must be at least 1"))?;
        Ok(Self::Count(positive))
    }

    /// Whether one more fits beside `running`.
    #[inline]
    pub fn allows(self, running: usize) -> bool {
        running < self.get()
    }

    /// The count; `usize::MAX` if there is no limit.
    #[inline]
    pub fn get(self) -> usize {
        match self {
            Self::Count(count) => count.get(),
            Self::Unlimited => usize::MAX,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}
