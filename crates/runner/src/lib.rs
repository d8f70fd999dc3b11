//! A finite set of tasks, run with limits and timeouts, and what became of each of them.
//!
//! | you have | use | you get |
//! |---|---|---|
//! | tasks with keys | [`Runner`] | a [`Report`]: every key's outcome |
//! | a list of items, one function | [`map`], [`map_ok`] | a result per item, in order |
//! | the same, and something to do with each result | [`for_each`] | results as they come |
//!
//! All run in place, on any executor, and may borrow, also inside a spawned task.
//!
//! With `panic = "abort"`, no panic can be caught, and a task that panics ends the process.

#![forbid(unsafe_code)]

mod add;
mod batch;
mod body;
mod course;
mod ctx;
mod drive;
mod for_each;
mod handle;
mod inbox;
mod lazy;
mod map;
mod mode;
mod results;
mod run;
mod runner;
mod settings;
mod snapshot;
mod started;
mod stops;
mod watch;

pub use add::DuplicateKey;
pub use course::StopOn;
pub use ctx::Ctx;
pub use for_each::{ForEach, for_each};
pub use handle::{AddError, Handle};
pub use lazy::{Fallible, Judge, Plain};
pub use map::{Map, map, map_ok};
#[cfg(feature = "progress")]
pub use regatta_engine::Progress;
pub use regatta_engine::{Counts, LogLines, Report, StopReason, Table, TaskReport};
pub use results::{NextIndexed, NextResult, Results};
pub use mode::{Local, Mode, Takes, TakesFactory, TakesOk, Threads};
pub use run::{Run, SpawnedRun};
pub use runner::Runner;
pub use snapshot::Snapshot;
pub use started::Started;

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
