//! Task orchestration for async Rust, on any executor.
//!
//! This crate is a front door: it re-exports the small crates that do the work, each behind a feature of its name.
//!
//! | feature | gives | default |
//! |---|---|---|
//! | `runner` | [`Runner`], [`scope()`], [`map`], [`try_map`], [`race`], [`for_each`], [`Report`] | yes |
//! | `queue` | [`Queue`], [`queue`]: workers that drain it, retries, priorities, tickets | yes |
//! | `strategies` | [`strategies`]: limits, rates, breakers, retries, batches, routes | yes |
//! | `blocking` | [`BlockingRunner`]: closures on threads | |
//! | `serde` | a [`Report`] as JSON or whatever else | |
//! | `tracing` | [`Runner::traced`]: a span per task, and its events | |
//! | `tower` | a layer that puts a [`Limiter`] in front of a tower service | |
//! | `progress` | [`Progress`]: a progress bar on terminals | |
//! | `engine` | [`engine`]: the loop itself, to write sources for | |
//! | `sim` | [`sim`]: a simulated world for tests, with a virtual clock | |
//!
//! Always there: the vocabulary, such as [`Limiter`], [`CancelToken`], [`Backoff`], [`TaskError`].
//!
//! # Guide
//!
//! **A batch.** Add keyed tasks to a [`Runner`], set limits and timeouts, run it where you are:
//!
//! ```
//! use regatta::prelude::*;
//! use std::time::Duration;
//!
//! # async fn fetch(id: u32) -> Result<String, std::io::Error> { Ok(format!("user {id}")) }
//! # smol::block_on(async {
//! let mut runner = Runner::new().limit(3)?.timeout(Duration::from_secs(10)).stop_on(StopOn::failures(2)?);
//! runner.add("user1", fetch(1))?;
//! runner.add("user2", fetch(2))?;
//! let report = runner.run().await;
//! for (key, error) in report.errors() {
//!     eprintln!("{key}: {error}");
//! }
//! assert_eq!(report.counts().ok, 2);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # }).unwrap();
//! ```
//!
//! **A list and a function.** [`map`] keeps the order of the items, [`for_each`] hands results out as they come. Both
//! borrow freely, also inside a spawned task:
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! tokio::spawn(async {
//!     let names = vec![String::from("ann"), String::from("bob")];
//!     let lengths = regatta::map_ok(&names, 8, async |name| name.len()).unwrap().await;
//!     assert_eq!(lengths.into_iter().map(Result::unwrap).sum::<usize>(), 6);
//! })
//! .await
//! .unwrap();
//! # });
//! ```
//!
//! **Tasks that turn up on the way.** In a [`scope()`], body and tasks spawn more, and results are read as they come:
//!
//! ```
//! use regatta::prelude::*;
//!
//! # async fn links(page: u32) -> Result<Vec<u32>, std::io::Error> { Ok((page < 4).then_some(page + 1).into_iter().collect()) }
//! # smol::block_on(async {
//! let pages = regatta::scope(8, async |s| {
//!     s.spawn(1, links(1))?;
//!     let mut pages = 0;
//!     while let Some((_page, found)) = s.next().await {
//!         pages += 1;
//!         for link in found? {
//!             s.spawn(link, links(link))?;
//!         }
//!     }
//!     Ok::<_, Box<dyn std::error::Error>>(pages)
//! })?
//! .await?;
//! assert_eq!(pages, 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! **A limit for everybody.** A [`Limiter`] shares one strategy among tasks:
//!
//! ```
//! use regatta::prelude::*;
//! use regatta::strategies::Concurrency;
//!
//! # smol::block_on(async {
//! let api = Limiter::new(Concurrency::new(2)?);
//! let permit = api.acquire().await?;
//! permit.complete(Outcome::Success);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # }).unwrap();
//! ```
//!
//! **Politeness.** A tuple of strategies is a strategy; [`strategies`] has limits, rates, breakers, gates and a limit per
//! host. A runner asks it before each start, retries included, and a 429 pauses everybody:
//!
//! ```
//! use regatta::prelude::*;
//! use regatta::strategies::{Breaker, Gcra, Pausable};
//! use std::time::Duration;
//!
//! # #[derive(Debug)] enum Fault { TooMany(Duration), Gone }
//! # async fn fetch(_page: u32) -> Result<String, Fault> { Ok(String::new()) }
//! # smol::block_on(async {
//! let pause = Pausable::new();
//! let polite = (Gcra::new(50, Duration::from_secs(1))?.burst(5)?, Breaker::consecutive(5)?, pause.clone());
//! let rule = Backoff::exponential(Duration::from_millis(100))
//!     .when(|fault: &Fault| matches!(fault, Fault::TooMany(_)))
//!     .hint(|fault| if let Fault::TooMany(after) = fault { Some(*after) } else { None });
//!
//! let mut runner = Runner::new().limit(8)?.strategy(polite);
//! for page in 0..20 {
//!     let pause = pause.clone();
//!     runner.add_retry(page, rule.clone(), async move || {
//!         let answer = fetch(page).await;
//!         if let Err(Fault::TooMany(after)) = &answer {
//!             pause.pause_until(SystemClock.now() + *after);
//!         }
//!         answer
//!     })?;
//! }
//! assert_eq!(runner.run().await.counts().ok, 20);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # }).unwrap();
//! ```
//!
//! **Stopping.** Hand a [`CancelToken`] to [`Runner::cancel_on`] and give running tasks a grace with
//! [`Runner::grace`]; the report says what was finished, stopped and never started.
//!
//! **From elsewhere.** A [`Handle`] adds tasks to a [`Runner`] that is on its way, cancels one by its key, changes the
//! limit, and says how far it is.
//!
//! **Where it runs.** In place, on whatever executor polls the future. [`Runner::spawn_on`] and [`Runner::start`] spawn;
//! they take an [`Executor`], which a closure is: `|task| { tokio::spawn(task); }`, `|task| smol::spawn(task).detach()`.
//! Closures that block go to a [`BlockingRunner`], tasks that are not `Send` to [`Runner::local`] and [`scope_local`].

#![forbid(unsafe_code)]

pub use regatta_core::*;
#[cfg(feature = "queue")]
pub use regatta_queue::Queue;
#[cfg(feature = "runner")]
pub use regatta_runner::*;

#[cfg(feature = "engine")]
pub use regatta_engine as engine;
#[cfg(feature = "queue")]
pub use regatta_queue as queue;
#[cfg(feature = "sim")]
pub use regatta_sim as sim;
#[cfg(feature = "strategies")]
pub use regatta_strategies as strategies;

/// What most programs import: `use regatta::prelude::*;`.
pub mod prelude {
    pub use regatta_core::{
        Backoff, CancelToken, Clock, ConfigError, Executor, Limiter, Observer, Outcome, Retry, Strategy,
        SystemClock, TaskError, Time, retry_fn,
    };
    #[cfg(feature = "queue")]
    pub use regatta_queue::{Options, Queue};
    #[cfg(feature = "runner")]
    pub use regatta_runner::{LogLines, Report, Runner, StopOn};
    #[cfg(feature = "strategies")]
    pub use regatta_strategies::{RetryExt, retry};
}

/// The examples of the READMEs, compiled and run.
#[cfg(all(feature = "runner", feature = "strategies"))]
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
mod readme {}
