//! The machine under Regatta: a loop that joins a supply of work, the rules of admission, and the running tasks.
//!
//! ```text
//! Source ──next(now, admission)──▶ Strategy ──start──▶ TaskSet ──poll──▶ End ──▶ Source::on_outcome ──Outcome──▶ Strategy::finish
//!    ▲                                                                             │
//!    └──────────────────────────── what this end makes possible ◀──────────────────┘
//! ```
//!
//! A runner, a queue, a graph and a timetable differ only in their [`Source`]. Users of those crates never name this
//! one; it is public so that others can write sources, and its interface may change with any release.
//!
//! # Examples
//!
//! A source of its own, in full:
//!
//! ```
//! use regatta_core::{Outcome, Request, Time};
//! use regatta_engine::{Admission, End, Engine, Job, Next, Source};
//! use std::future::{Ready, ready};
//!
//! /// Counts down, and adds up what comes back.
//! struct Countdown { left: u32, sum: u32 }
//!
//! impl Source for Countdown {
//!     type Task = Ready<u32>;
//!
//!     fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
//!         if self.left == 0 { return Next::Done; }
//!         match admission.start(&Request::new()) {
//!             Err(not_yet) => Next::Blocked(not_yet),
//!             Ok(admitted) => {
//!                 self.left -= 1;
//!                 Next::Start(Job::new(self.left as usize, ready(self.left)), admitted)
//!             }
//!         }
//!     }
//!
//!     fn on_outcome(&mut self, _: Time, _: usize, end: End<u32>) -> Outcome {
//!         if let End::Output(n) = end { self.sum += n; }
//!         Outcome::Success
//!     }
//! }
//!
//! let source = smol::block_on(Engine::new(Countdown { left: 5, sum: 0 }, ()).run());
//! assert_eq!(source.sum, 10);
//! ```

#![forbid(unsafe_code)]

mod admission;
mod contain;
mod course;
mod deadlines;
mod elapsed;
mod engine;
mod listeners;
mod log;
mod observers;
mod on_executor;
#[cfg(feature = "progress")]
mod progress;
mod remote;
mod report;
mod retrying;
mod run;
mod running;
mod settings;
mod source;
#[cfg(feature = "tracing")]
mod spans;
mod summary;
mod sync;
mod table;
mod task_set;
mod text;
mod timer;
mod waits;
mod wakes;

pub use admission::{Admission, Admitted};
pub use contain::{contain, contain_drop, contain_or};
pub use course::{Course, CourseSettings, StopOn};
pub use elapsed::Elapsed;
pub use engine::Engine;
pub use listeners::Listeners;
pub use log::LogLines;
pub use observers::Observers;
pub use on_executor::OnExecutor;
#[cfg(feature = "progress")]
pub use progress::Progress;
pub use remote::Remote;
pub use report::{Attempt, Counts, Moment, Report, ReportBuilder, StopReason, TaskReport};
pub use retrying::Retrying;
pub use run::{Run, RunWith};
pub use source::{Control, End, Failed, Job, Next, Source, Stop};
#[cfg(feature = "tracing")]
pub use spans::Spans;
pub use table::Table;
pub use task_set::{SlotId, TaskSet};
pub use waits::Waits;

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
