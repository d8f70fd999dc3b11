//! The engine carries every later crate: four toy sources, one of each kind, and what must hold for all of them.

mod batch;
mod driving;
mod endings;
mod graph;
mod hand_overs;
mod inbox;
mod on_executor;
mod oracles;
mod orders;
mod panics;
mod passes;
mod regressions;
mod shared_limits;
mod strategies;
mod timetable;
mod toy;

use regatta_core::Limit;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at_most(count: usize) -> Limit {
    Limit::count(count).expect("a positive count")
}
