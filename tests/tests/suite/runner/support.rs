//! What the stories about runs share.

use regatta::{Report, TaskError};
use regatta_tests::World;
use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The error of most tasks here.
pub(crate) type Fault = &'static str;

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A task: ends after `pause` with `result`.
pub(crate) async fn after<T>(world: &World, pause: Duration, result: Result<T, Fault>) -> Result<T, Fault> {
    world.sleep(pause).await;
    result
}

/// How a task ended, in a few words: `ok 7`, `failed: no route`, `cancelled`.
pub(crate) fn how<T: Debug, E: Display>(result: &Result<T, TaskError<E>>) -> String {
    match result {
        Ok(value) => format!("ok {value:?}"),
        Err(TaskError::Failed(error)) => format!("failed: {error}"),
        Err(other) => other.to_string(),
    }
}

/// How each task ended.
pub(crate) fn hows<T: Debug, E: Display>(results: &[Result<T, TaskError<E>>]) -> Vec<String> {
    results.iter().map(how).collect()
}

/// How each task of a report ended, in the order of adding.
pub(crate) fn ends<K, T: Debug, E: Display>(report: &Report<K, T, E>) -> Vec<String> {
    report.tasks().iter().map(|task| how(task.result())).collect()
}

/// Counts how many are inside at once. Clones are the same gauge.
#[derive(Clone, Default)]
pub(crate) struct Gauge(Arc<Counts>);

#[derive(Default)]
struct Counts {
    inside: AtomicUsize,
    most: AtomicUsize,
    entered: AtomicUsize,
}

impl Gauge {
    /// Counts one more until the guard is dropped.
    pub(crate) fn enter(&self) -> Inside {
        let inside = self.0.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(inside, Ordering::SeqCst);
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        Inside(self.clone())
    }

    /// Enters and leaves; how many have entered so far.
    pub(crate) fn pass(&self) -> usize {
        drop(self.enter());
        self.entered()
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> usize {
        self.0.inside.load(Ordering::SeqCst)
    }

    /// The most that were inside at once.
    pub(crate) fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    /// How many ever entered.
    pub(crate) fn entered(&self) -> usize {
        self.0.entered.load(Ordering::SeqCst)
    }
}

/// One that is inside; made by [`Gauge::enter`].
pub(crate) struct Inside(Gauge);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
