#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod concurrency;
#[cfg(test)]
mod laws;
mod retry;
mod spacing;

pub use concurrency::{Concurrency, ConcurrencyToken};
pub use retry::{Attempts, Budgeted, Hinted, RetryBudget, RetryExt, Until, When, Within, retry};
pub use spacing::{Measure, Spacing, SpacingToken};
