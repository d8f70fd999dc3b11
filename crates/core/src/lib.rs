//! The vocabulary of Regatta: small, executor-independent, stable.
//!
//! - **Time**: [`Time`], [`Clock`], [`Sleep`]. Decisions are made for a time that is handed in.
//! - **Where tasks run**: [`Executor`], which every closure that spawns a boxed future is.
//! - **When a task may start**: [`Strategy`], asked with a [`Request`], answering [`Readiness`], told an [`Outcome`];
//!   shared through a [`Limiter`], which gives [`Permit`]s.
//! - **In which order, and again?** [`Discipline`], [`Fifo`], [`inherit`]; [`Retry`], [`Backoff`].
//! - **How it ended**: [`TaskError`], [`Panic`], [`NotStarted`], [`Rejection`]; bad settings are a [`ConfigError`].
//! - **From outside**: [`CancelToken`] stops, [`Kick`] wakes, an [`Observer`] listens.
//!
//! Nothing here runs tasks; that is `regatta-engine`'s work.

#![forbid(unsafe_code)]

mod backoff;
mod boxed;
mod cancel;
mod clock;
mod compose;
mod discipline;
mod error;
mod executor;
mod hold;
mod kick;
mod limit;
mod limiter;
mod observer;
mod retry;
mod strategy;
mod sync;
mod time;

pub use backoff::{Backoff, Jitter};
pub use boxed::{BoxStrategy, BoxToken};
pub use cancel::{CancelToken, Cancelled, DropGuard};
pub use clock::{Clock, Sleep, SystemClock};
pub use discipline::{Discipline, Fifo, inherit};
pub use error::{ConfigError, NotStarted, Panic, Rejection, Skipped, TaskError};
pub use executor::Executor;
pub use futures_core::future::BoxFuture;
pub use hold::Hold;
pub use kick::Kick;
pub use limit::Limit;
pub use limiter::{Acquire, Limiter, Permit};
pub use observer::{Event, EventKind, Observer};
pub use retry::{Retry, RetryFn, retry_fn};
pub use strategy::{Class, Explain, Outcome, Readiness, Request, Strategy};
pub use time::Time;

/// The example of the crate's README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
