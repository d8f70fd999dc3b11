#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod concurrency;
mod fixed_window;
mod gcra;
#[cfg(test)]
mod laws;
mod log;
mod rate;
mod sliding_window;
mod sliding_window_counter;
mod gate;
mod handle;
#[cfg(test)]
mod laws;
mod pausable;
mod retry;
mod spacing;
#[cfg(test)]
mod waiting;

pub use breaker::{Breaker, BreakerState, BreakerToken, HealthProbe};
pub use concurrency::{Concurrency, ConcurrencyToken};
pub use fixed_window::{Align, FixedWindow, FixedWindowToken};
pub use gcra::{Gcra, GcraToken};
pub use sliding_window::{SlidingWindow, SlidingWindowToken};
pub use sliding_window_counter::{SlidingWindowCounter, SlidingWindowCounterToken};
pub use gate::Gate;
pub use pausable::Pausable;
pub use retry::{Attempts, Budgeted, Hinted, RetryBudget, RetryExt, Until, When, Within, retry};
pub use spacing::{Measure, Spacing, SpacingToken};
