//! Strategies as their users meet them: between a runner and its starts, composed, and shared.

mod batches;
mod breakers;
mod composition;
mod pace;
mod pauses;
mod retries;
mod routes;
mod settings;
mod shared;
mod task_manager;

use crate::runner::handles::owned;
use crate::runner::support::Fault;
use regatta::{Report, Runner, Time};
use regatta_tests::World;
use std::time::Duration;

/// A runner whose tasks take these pauses, in milliseconds; their keys are their places.
fn paced(world: &World, pauses: &[u64]) -> Runner<'static, usize, u8, Fault> {
    let mut runner = Runner::new().clock(world.clock());
    for (place, &pause) in pauses.iter().enumerate() {
        runner.add(place, owned(world, Duration::from_millis(pause), Ok(1))).unwrap();
    }
    runner
}

/// When each task started, in milliseconds after `begun`, in the order of adding.
fn starts<K, T, E>(report: &Report<K, T, E>, begun: Time) -> Vec<u128> {
    let started = report.tasks().iter().map(|task| task.started().expect("it ran"));
    started.map(|time| time.since(begun).as_millis()).collect()
}
