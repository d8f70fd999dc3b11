#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod concurrency;
mod gate;
mod handle;
#[cfg(test)]
mod laws;
mod pausable;
mod router;
mod spacing;
#[cfg(test)]
mod waiting;

pub use breaker::{Breaker, BreakerState, BreakerToken, HealthProbe};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use gate::Gate;
pub use pausable::Pausable;
pub use router::{Balancer, Pick, Routed, Router, Share};
pub use spacing::{Measure, Spacing, SpacingToken};
