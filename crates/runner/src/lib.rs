//! A finite set of tasks, run with limits and timeouts, and what became of each of them.
//!
//! | you have | use | you get |
//! |---|---|---|
//! | tasks with keys | [`Runner`] | a [`Report`]: every key's outcome |
//! | a list of items, one function | [`map`], [`map_ok`] | a result per item, in order |
//! | the same, all or nothing | [`try_map`] | the values, or the first error |
//! | the same, and one success is enough | [`race`] | the first value |
//! | the same, and something to do with each result | [`for_each`], [`for_each_sync`] | results as they come |
//! | tasks that turn up on the way | [`scope()`] | results by key, as they come |
//! | closures that block | [`BlockingRunner`] (feature `blocking`) | a report, at the timeout at the latest |
//!
//! All but the last run in place, on any executor, and may borrow, also inside a spawned task. A [`Runner`] can also be
//! [spawned](Runner::spawn_on), its driver [too](Runner::start), changed from elsewhere by its [`Handle`], or be
//! [local](Runner::local) for tasks that are not `Send`.
//!
//! With `panic = "abort"`, no panic can be caught, and a task that panics ends the process.

#![forbid(unsafe_code)]

mod add;
mod batch;
#[cfg(feature = "blocking")]
mod blocking;
mod body;
mod ctx;
mod drive;
mod for_each;
mod for_each_sync;
mod handle;
mod in_span;
mod inbox;
mod lazy;
mod map;
mod mode;
mod race;
mod race_error;
mod results;
mod run;
mod runner;
mod scope;
mod settings;
mod snapshot;
mod started;
mod stops;
mod stream;
mod try_map;
mod watch;

pub use add::DuplicateKey;
#[cfg(feature = "blocking")]
pub use blocking::{BlockingHandle, BlockingReport, BlockingRun, BlockingRunner};
pub use ctx::Ctx;
pub use for_each::{ForEach, for_each, for_each_ok};
pub use for_each_sync::{ForEachSync, for_each_sync};
pub use handle::{AddError, Handle};
pub use lazy::{Fallible, Judge, Plain};
pub use map::{Map, map, map_ok};
pub use mode::{Local, Mode, Takes, TakesFactory, TakesOk, Threads};
pub use race::{Race, race};
pub use race_error::RaceError;
#[cfg(feature = "progress")]
pub use regatta_engine::Progress;
#[cfg(feature = "tracing")]
pub use regatta_engine::Spans;
pub use regatta_engine::{
    Attempt, Counts, Elapsed, LogLines, Moment, Report, StopOn, StopReason, Table, TaskReport,
};
pub use results::{NextIndexed, NextResult, Results};
pub use run::{Run, SpawnedRun};
pub use runner::Runner;
pub use scope::{NextDone, Scope, ScopeRun, SpawnWhenFree, scope, scope_local};
pub use snapshot::Snapshot;
pub use started::Started;
pub use stream::{Completions, stream};
pub use try_map::{TryMap, try_map};

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
