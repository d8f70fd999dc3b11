#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adaptive;
mod concurrency;
#[cfg(test)]
mod laws;
mod spacing;

pub use adaptive::{Adaptive, AdaptiveToken, Gradient2, OnFailure};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use spacing::{Measure, Spacing, SpacingToken};
