#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod concurrency;
#[cfg(test)]
mod laws;
mod spacing;

pub use breaker::{Breaker, BreakerState, BreakerToken, HealthProbe};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use spacing::{Measure, Spacing, SpacingToken};
