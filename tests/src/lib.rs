//! The test world of the workspace: one story, told on every executor, on virtual time.
//!
//! - [`on_every_executor!`] makes five tests of one story: on smol, on tokio with several threads and with one, on
//!   futures' own executor, and on the simulator with many seeds.
//! - [`World`] is what a story gets: the clock, the executor, random numbers. Time is virtual everywhere: it stands
//!   still while anything can run, and jumps to the next timer when nothing can. Where there is no timer either, the
//!   story fails as a deadlock.
//! - [`oracle`] and [`seeds`] run a check for many seeds. `REGATTA_SEEDS=n` says how many, `REGATTA_SEED=s` runs seed s
//!   and no other.
//! - A test that makes no progress for 30 s of real time fails with a message instead of hanging.
//!
//! ```
//! use regatta_tests::{World, on_every_executor};
//! use std::time::Duration;
//!
//! on_every_executor! {
//!     async fn an_hour_passes_in_no_time(world: World) {
//!         let before = world.now();
//!         world.sleep(Duration::from_secs(3600)).await;
//!         assert_eq!(world.now().since(before), Duration::from_secs(3600));
//!     }
//! }
//! # fn main() {}
//! ```

#![forbid(unsafe_code)]

mod every_executor;
pub mod executors;
mod gated;
mod root;
mod seeds;
mod tracked;
mod watchdog;
mod world;

pub use gated::Gated;
pub use regatta_sim::{ManualClock, Probe, Probed, Rng, Sim};
pub use seeds::{oracle, seeds};
pub use watchdog::Watchdog;
pub use world::{Outside, Spawner, World};
