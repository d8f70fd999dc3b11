//! What the rates have in common: how they are set, and how they refuse.

use regatta_core::{ConfigError, Readiness, Rejection, Time};
use std::time::Duration;

/// A count that is not zero.
pub(crate) fn count(field: &'static str, count: u32) -> Result<u32, ConfigError> {
    if count == 0 { Err(ConfigError::new(field, count, "must be at least 1")) } else { Ok(count) }
}

/// The nanoseconds of a stretch that is not empty. What is longer than the line of `Time` is as good as endless.
pub(crate) fn nanos(field: &'static str, stretch: Duration) -> Result<u64, ConfigError> {
    if stretch.is_zero() {
        return Err(ConfigError::new(field, format_args!("{stretch:?}"), "must be longer than zero"));
    }
    Ok(u64::try_from(stretch.as_nanos()).unwrap_or(u64::MAX))
}

/// Ready from `earliest` on. At the end of time there is no later time to name, so everything is ready there.
#[inline]
pub(crate) fn from(earliest: u64, now: Time) -> Readiness {
    if now.as_nanos() < earliest {
        Readiness::NotBefore(Time::from_nanos(earliest))
    } else {
        Readiness::Ready
    }
}

/// More than is ever given at once.
#[cold]
pub(crate) fn too_costly(cost: u32, max: u32) -> Readiness {
    Rejection::TooCostly { cost, max }.into()
}

#[cfg(test)]
pub(crate) mod tests;
