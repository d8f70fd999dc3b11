#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod concurrency;
mod gate;
mod handle;
mod keyed;
#[cfg(test)]
mod laws;
mod lifo;
mod pausable;
mod router;
mod fixed_window;
mod gcra;
mod log;
mod rate;
mod sliding_window;
mod sliding_window_counter;
mod retry;
mod priority;
mod spacing;
#[cfg(test)]
mod waiting;
mod weighted_fair;

pub use breaker::{Breaker, BreakerState, BreakerToken, HealthProbe};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use gate::Gate;
pub use keyed::{Keyed, KeyedToken};
pub use lifo::Lifo;
pub use pausable::Pausable;
pub use router::{Balancer, Pick, Routed, Router, Share};
pub use fixed_window::{Align, FixedWindow, FixedWindowToken};
pub use gcra::{Gcra, GcraToken};
pub use sliding_window::{SlidingWindow, SlidingWindowToken};
pub use sliding_window_counter::{SlidingWindowCounter, SlidingWindowCounterToken};
pub use retry::{Attempts, Budgeted, Hinted, RetryBudget, RetryExt, Until, When, Within, retry};
pub use priority::{Priority, PriorityKey};
/// First come, first served: the order of a queue that is told nothing else.
#[doc(no_inline)]
pub use regatta_core::Fifo;
pub use spacing::{Measure, Spacing, SpacingToken};
pub use weighted_fair::{FairKey, WeightedFair};
