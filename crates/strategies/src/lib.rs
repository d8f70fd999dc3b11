#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod batcher;
mod concurrency;
mod fixed_window;
mod gate;
mod gcra;
mod handle;
mod keyed;
#[cfg(test)]
mod laws;
mod lifo;
mod log;
mod pausable;
mod priority;
mod rate;
mod retry;
mod router;
mod sliding_window;
mod sliding_window_counter;
mod spacing;
#[cfg(test)]
mod waiting;
mod weighted_fair;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(test)]
mod world;

pub use breaker::{Breaker, BreakerState, BreakerToken, HealthProbe};
pub use batcher::{BatchError, Batcher, Call, Failure, Flush, Judge, Repeat, Rule, WhenIdle};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use fixed_window::{Align, FixedWindow, FixedWindowToken};
pub use gate::Gate;
pub use gcra::{Gcra, GcraToken};
pub use keyed::{Keyed, KeyedToken};
pub use lifo::Lifo;
pub use pausable::Pausable;
pub use priority::{Priority, PriorityKey};
/// First come, first served: the order of a queue that is told nothing else.
#[doc(no_inline)]
pub use regatta_core::Fifo;
pub use retry::{Attempts, Budgeted, Hinted, RetryBudget, RetryExt, Until, When, Within, retry};
pub use router::{Balancer, Pick, Routed, Router, Share};
pub use sliding_window::{SlidingWindow, SlidingWindowToken};
pub use sliding_window_counter::{SlidingWindowCounter, SlidingWindowCounterToken};
pub use spacing::{Measure, Spacing, SpacingToken};
pub use weighted_fair::{FairKey, WeightedFair};
