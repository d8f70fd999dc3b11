//! A queue that workers drain, while others, and the jobs themselves, add to it.
//!
//! ```text
//!  push, reserve, submit ──▶ door ──▶ waiting: in the order of a Discipline ──▶ running ──▶ results, tickets
//!                             │          ▲                                         │
//!                     a place is free    └── delayed: retries, jobs for later ◀────┘
//! ```
//!
//! | you have | use | you get |
//! |---|---|---|
//! | jobs that turn up over time | [`Queue::builder`], [`Queue::push`] | their results from a [`Reader`] |
//! | one job whose result you wait for | [`Queue::submit`] | a [`Ticket`] |
//! | jobs that find more jobs | [`Ctx::push`] in the handler | the same |
//! | a list or a stream | [`map`], [`Builder::map`], [`Builder::for_each`] | results in order, or as they come |
//! | futures of different kinds | [`Queue::of_tasks`](Queue#method.of_tasks) | the same |
//!
//! A builder gives three sides: the [`Queue`], where jobs come in and from which the run is steered; the [`Reader`] of
//! results; and the [`QueueEngine`], which runs the jobs [in place](QueueEngine::run), [with a body](QueueEngine::run_with),
//! or [on an executor](QueueEngine::spawn_on).
//!
//! # What holds
//!
//! - **Counts add up.** `pending + delayed + running + stopping + settled == admitted`, at every moment; see [`Stats`].
//! - **Each job that was admitted has one end**: a [`Done`], to its ticket or to the reader, or a place among the
//!   [leftovers](Finished::leftover) of its run.
//! - **A job starts only with everything it needs**: a worker, a slot of its class, the strategy's leave and, where
//!   results are [bounded](Results::Bounded), a place for its result. So publishing never waits, and nothing that waits
//!   holds anything. A retry waits in a heap, keeps its place in the queue, and holds no worker.
//! - **Order**: that of the [discipline](Builder::discipline); among equals, first come, first served.
//! - **A handler may push to its own queue** with [`Ctx::push`], which never waits; beyond the capacity that is counted,
//!   and can be [limited](Builder::growth). A handler that awaits a captured [`Queue::push`] on its own full queue can wait
//!   for ever, as anywhere.
//!
//! # Cost
//!
//! In place, a job that is ready at once takes three short locks and one allocation, that of the job itself; a few dozen
//! bytes more where it has a key, metadata, a ticket or a failed attempt. Waiting jobs take about 240 bytes each, beside the
//! job. On an executor there is a task per worker, none per job. Retries, delays and timeouts share one timer a driver.

#![forbid(unsafe_code)]

mod builder;
mod ctx;
mod done;
mod door;
mod engine;
mod errand;
mod error;
mod feed;
mod finished;
mod hub;
mod key;
mod ledger;
mod map;
mod options;
mod order;
mod push;
mod queue;
mod reader;
mod results;
mod run;
mod settled;
mod spawned;
mod stats;
mod task;
mod ticket;
mod watchers;
mod work;

pub use builder::{Builder, NoRetry};
pub use ctx::Ctx;
pub use done::{Done, FailedAttempt};
pub use engine::QueueEngine;
pub use error::{PushError, Refusal};
pub use feed::Items;
pub use finished::{Finished, Leftover};
pub use key::{JobId, Key};
pub use ledger::JobState;
pub use map::{ForEach, Map, MapOnly, Mapped, map};
pub use options::{OnDuplicate, Options};
pub use push::{Place, Push, Reserve};
pub use queue::Queue;
pub use reader::{Next, Reader};
pub use regatta_engine::{LogLines, StopReason};
pub use results::Results;
pub use run::{CloseAfter, Run, RunWith};
pub use settled::Settled;
pub use spawned::Handle;
pub use stats::Stats;
pub use task::{Task, TaskEngine, TaskQueue, TaskRun};
pub use ticket::{Submit, Ticket};

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
