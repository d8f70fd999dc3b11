//! A work queue: workers drain it while others, and the jobs themselves, add to it.

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
mod work;

pub use builder::{Builder, NoRetry};
pub use ctx::Ctx;
pub use done::{Done, FailedAttempt};
pub use engine::QueueEngine;
pub use error::{PushError, Refusal};
pub use feed::{Both, Feeding, Items};
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
