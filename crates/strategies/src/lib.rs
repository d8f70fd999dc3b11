#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod concurrency;
#[cfg(test)]
mod laws;
mod retry;
mod spacing;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(test)]
mod world;

pub use concurrency::{Concurrency, ConcurrencyToken};
pub use retry::{Attempts, Budgeted, Hinted, RetryBudget, RetryExt, Until, When, Within, retry};
pub use spacing::{Measure, Spacing, SpacingToken};
