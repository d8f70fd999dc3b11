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

mod batch;
mod course;
mod for_each;
mod lazy;
mod map;
mod results;
mod run;
mod runner;
mod settings;
mod watch;

pub use course::StopOn;
pub use for_each::{ForEach, for_each};
pub use lazy::{Fallible, Judge, Plain};
pub use map::{Map, map, map_ok};
#[cfg(feature = "progress")]
pub use regatta_engine::Progress;
pub use regatta_engine::{Counts, LogLines, Report, StopReason, Table, TaskReport};
pub use results::{NextIndexed, NextResult, Results};
pub use run::Run;
pub use runner::{DuplicateKey, Runner};

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
