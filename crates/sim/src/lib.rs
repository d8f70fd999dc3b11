#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod deadlock;
mod executor;
mod log;
mod panic;
mod probe;
mod sim;
mod stats;
mod tasks;
mod trace;
mod yield_now;

pub use clock::ManualClock;
pub use deadlock::Deadlock;
pub use executor::SimExecutor;
/// A stream of random numbers, as [`Sim::random`] gives it.
#[doc(no_inline)]
pub use fastrand::Rng;
pub use panic::TaskPanic;
pub use probe::{Probe, Probed};
pub use sim::Sim;
pub use stats::Stats;
pub use trace::{TraceEntry, What};
pub use yield_now::{YieldNow, yield_now};
