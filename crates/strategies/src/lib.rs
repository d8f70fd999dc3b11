#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Admission: may one more start now?
mod adaptive;
mod breaker;
mod concurrency;
mod fixed_window;
mod gate;
mod gcra;
mod keyed;
mod pausable;
mod sliding_window;
mod sliding_window_counter;
mod spacing;
// Order: who is next?
mod lifo;
mod priority;
mod weighted_fair;
// Again? In bulk? Where to?
pub mod batcher;
pub mod retry;
pub mod router;
// How busy is the machine?
pub mod load;
// In front of a service.
#[cfg(feature = "tower")]
pub mod tower;
// What several of them stand on.
mod handle;
mod log;
mod rate;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod world;

pub use adaptive::{Adaptive, AdaptiveToken, Gradient2, OnFailure};
pub use batcher::{BatchError, Batcher};
pub use breaker::{Breaker, BreakerState, BreakerTally, BreakerToken, HealthProbe};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use fixed_window::{Align, FixedWindow, FixedWindowToken};
pub use gate::Gate;
pub use gcra::{Gcra, GcraToken};
pub use keyed::{Keyed, KeyedToken};
pub use lifo::Lifo;
#[cfg(target_os = "linux")]
pub use load::{CgroupV2, ProcFs};
pub use load::{Load, LoadSampler};
pub use pausable::Pausable;
pub use priority::{Priority, PriorityKey};
/// First come, first served: the order of a queue that is told nothing else.
#[doc(no_inline)]
pub use regatta_core::Fifo;
pub use retry::{RetryBudget, RetryExt, retry};
pub use router::{Balancer, Router};
pub use sliding_window::{SlidingWindow, SlidingWindowToken};
pub use sliding_window_counter::{SlidingWindowCounter, SlidingWindowCounterToken};
pub use spacing::{Measure, Spacing, SpacingToken};
pub use weighted_fair::{FairKey, WeightedFair};
