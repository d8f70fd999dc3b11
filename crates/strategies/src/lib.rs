#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod concurrency;
#[cfg(test)]
mod laws;
mod spacing;

pub use concurrency::{Concurrency, ConcurrencyToken};
pub use spacing::{Measure, Spacing, SpacingToken};
