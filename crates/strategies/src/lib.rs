#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod concurrency;
#[cfg(test)]
mod laws;
mod router;
mod spacing;

pub use concurrency::{Concurrency, ConcurrencyToken};
pub use router::{Balancer, Pick, Routed, Router, Share};
pub use spacing::{Measure, Spacing, SpacingToken};
