#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adaptive;
mod concurrency;
#[cfg(test)]
mod laws;
mod load;
mod spacing;

pub use adaptive::{Adaptive, AdaptiveToken, Gradient2, OnFailure};
pub use concurrency::{Concurrency, ConcurrencyToken};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use load::{CgroupV2, ProcFs};
pub use load::{Load, LoadSampler, LoadSource};
pub use spacing::{Measure, Spacing, SpacingToken};
