#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batcher;
mod concurrency;
#[cfg(test)]
mod laws;
mod spacing;

pub use batcher::{BatchError, Batcher, Call, Failure, Flush, Judge, Repeat, Rule, WhenIdle};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use spacing::{Measure, Spacing, SpacingToken};
