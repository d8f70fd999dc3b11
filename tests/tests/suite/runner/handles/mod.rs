//! Handles: a run is changed from elsewhere while it goes on.

mod adds;
mod cancels;
mod drops;
mod kicks;
mod limits;
mod progress;
mod races;
mod random;
mod threads;

use crate::runner::support::Fault;
use regatta::{Report, Time};
use regatta_tests::World;
use std::future::Future;
use std::time::Duration;

/// A task that borrows nothing: ends after `pause` with `result`.
pub(crate) fn owned<T: Send + 'static>(
    world: &World,
    pause: Duration,
    result: Result<T, Fault>,
) -> impl Future<Output = Result<T, Fault>> + Send + 'static + use<T> {
    let world = world.clone();
    async move {
        world.sleep(pause).await;
        result
    }
}

/// Does something after `pause`, beside the story.
pub(crate) fn later(world: &World, pause: Duration, then: impl FnOnce() + Send + 'static) {
    let inner = world.clone();
    world.spawn(async move {
        inner.sleep(pause).await;
        then();
    });
}

/// When each task started, in seconds after `begun`, in the order of the report.
pub(crate) fn starts<K, T, E>(report: &Report<K, T, E>, begun: Time) -> Vec<Option<u64>> {
    let starts = report.tasks().iter().map(|task| task.started());
    starts.map(|start| start.map(|time| time.since(begun).as_secs())).collect()
}
