//! What the stories about queues share.

pub(super) use crate::runner::handles::later;
pub(super) use crate::runner::support::{Fault, Gauge, how, millis, secs};
use regatta::queue::{Builder, Ctx, Done, Finished, Leftover, Stats, StopReason};
use regatta::{BoxFuture, Queue, TaskError, Time};
use regatta_tests::World;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A queue of numbers in this world, to be set up further.
pub(super) fn numbers(world: &World, workers: usize) -> Builder<u32> {
    Queue::builder().clock(world.clock()).workers(workers).unwrap()
}

/// A handler that takes so long and gives the number back.
pub(super) fn takes(
    world: &World,
    pause: Duration,
) -> impl FnOnce(Arc<u32>, Ctx<u32, u32, Fault>) -> BoxFuture<'static, Result<u32, Fault>> + Clone + Send + use<>
{
    let world = world.clone();
    move |n, _| {
        Box::pin(async move {
            world.sleep(pause).await;
            Ok(*n)
        })
    }
}

/// How each job ended, in the order of reading.
pub(super) fn ends<J, R: Debug, E: Display>(results: &[Done<J, R, E>]) -> Vec<String> {
    results.iter().map(|done| how(&done.result)).collect()
}

/// The jobs, in the order of reading.
pub(super) fn jobs<R, E>(results: &[Done<u32, R, E>]) -> Vec<u32> {
    results.iter().map(|done| *done.job).collect()
}

/// What each job came to; all must have succeeded.
pub(super) fn values<J, R: Copy, E: Debug>(results: &[Done<J, R, E>]) -> Vec<R> {
    results.iter().map(|done| *done.result.as_ref().expect("it succeeded")).collect()
}

/// Why a run stopped.
pub(super) fn why<J>(finished: &Finished<J>) -> &'static str {
    match finished.stop {
        StopReason::Completed => "completed",
        StopReason::TimedOut => "timed out",
        StopReason::Cancelled => "cancelled",
        StopReason::StopRule => "failure limit",
        StopReason::Panicked(_) => "panicked",
        StopReason::Idle => "idle",
        StopReason::NotSpawned => "not spawned",
        _ => "for another reason",
    }
}

/// The jobs that never ran.
pub(super) fn left(finished: &Finished<u32>) -> Vec<u32> {
    finished.leftover.iter().map(|Leftover { job, .. }| **job).collect()
}

/// No job is counted twice, and none is lost.
pub(super) fn adds_up(stats: &Stats) {
    assert_eq!(stats.unsettled() + stats.settled, stats.admitted, "{stats:?}");
    let ended = stats.ok
        + stats.failed
        + stats.panicked
        + stats.timed_out
        + stats.cancelled
        + stats.not_started
        + stats.rejected;
    assert_eq!(ended, stats.settled + stats.stopping, "{stats:?}");
}

/// Who did something, and when. Clones are the same diary.
#[derive(Clone)]
pub(super) struct Diary {
    world: World,
    begun: Time,
    lines: Arc<Mutex<Vec<(u32, Time)>>>,
}

impl Diary {
    pub(super) fn new(world: &World) -> Self {
        Self { world: world.clone(), begun: world.now(), lines: Arc::default() }
    }

    /// It happens now.
    pub(super) fn note(&self, who: u32) {
        self.lines.lock().unwrap().push((who, self.world.now()));
    }

    /// In the order of noting.
    pub(super) fn who(&self) -> Vec<u32> {
        self.lines.lock().unwrap().iter().map(|(who, _)| *who).collect()
    }

    /// When, in the order of noting, counted from the diary's first day.
    pub(super) fn when(&self) -> Vec<u128> {
        self.lines.lock().unwrap().iter().map(|(_, at)| at.since(self.begun).as_millis()).collect()
    }

    /// The same to the nanosecond.
    pub(super) fn nanos(&self) -> Vec<u128> {
        self.lines.lock().unwrap().iter().map(|(_, at)| at.since(self.begun).as_nanos()).collect()
    }

    /// Both.
    pub(super) fn lines(&self) -> Vec<(u32, u128)> {
        self.who().into_iter().zip(self.when()).collect()
    }
}

/// How each job ended, in a word.
pub(super) fn states<J, R, E>(results: &[Done<J, R, E>]) -> Vec<&'static str> {
    results.iter().map(|done| done.result.as_ref().map_or_else(TaskError::state, |_| "ok")).collect()
}

/// A panic that says nothing on the terminal.
pub(super) fn overboard() -> ! {
    std::panic::resume_unwind(Box::new("overboard"))
}
