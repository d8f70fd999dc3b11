#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod concurrency;
mod gate;
mod handle;
mod keyed;
#[cfg(test)]
mod laws;
mod lifo;
mod pausable;
mod priority;
mod spacing;
#[cfg(test)]
mod waiting;
mod weighted_fair;

pub use concurrency::{Concurrency, ConcurrencyToken};
pub use gate::Gate;
pub use keyed::{Keyed, KeyedToken};
pub use lifo::Lifo;
pub use pausable::Pausable;
pub use priority::{Priority, PriorityKey};
/// First come, first served: the order of a queue that is told nothing else.
#[doc(no_inline)]
pub use regatta_core::Fifo;
pub use spacing::{Measure, Spacing, SpacingToken};
pub use weighted_fair::{FairKey, WeightedFair};
