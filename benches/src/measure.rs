//! Measuring: subjects take turns in one process, and the median counts.

use crate::options::Scale;
use cpu_time::{ProcessTime, ThreadTime};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Something to be measured.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Who does it.
    pub face: &'static str,
    /// What is done.
    pub kind: &'static str,
    /// Runs so many tasks, results and clean-up included.
    pub run: fn(&Runtime, u64),
}

impl Subject {
    /// Its name in a table.
    pub fn name(&self) -> String {
        format!("{}, {}", self.face, self.kind)
    }
}

/// Which time counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The processor time of this thread.
    Processor,
    /// The processor time of all threads together.
    Processors,
    /// The time that passes: for work that is done on several threads.
    Wall,
}

/// Medians, in nanoseconds per task, by face and kind.
pub type Medians = HashMap<(&'static str, &'static str), f64>;

/// The runtime in which every subject is polled: tokio's current-thread one, by `block_on`.
///
/// # Panics
///
/// If the system refuses one.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime needs an event queue of the system")
}

/// Measures all subjects, one after the other in each round. Each round starts with another one, so that none always
/// finds the memory as the same neighbour left it.
///
/// What counts is the processor time of this thread, so all work has to be done on it. On a quiet machine that is the time
/// that passes; on a busy one, the time that passes is mostly somebody else's.
pub fn medians(subjects: &[Subject], scale: Scale) -> Medians {
    let [medians] = medians_by([Timer::Processor], subjects, scale);
    medians
}

/// The same by other timers, all of which see the same runs.
pub fn medians_by<const N: usize>(timers: [Timer; N], subjects: &[Subject], scale: Scale) -> [Medians; N] {
    let runtime = runtime();
    let mut times: [HashMap<_, Vec<f64>>; N] = std::array::from_fn(|_| HashMap::new());
    for round in 0..scale.warm_up + scale.rounds {
        for turn in 0..subjects.len() {
            let subject = subjects[(turn + round) % subjects.len()];
            let start = Reading::now();
            (subject.run)(&runtime, scale.tasks);
            let end = Reading::now();
            if round < scale.warm_up {
                continue;
            }
            for (timer, times) in timers.iter().zip(&mut times) {
                let nanos = end.since(&start, *timer).as_nanos() as f64;
                times.entry((subject.face, subject.kind)).or_default().push(nanos / scale.tasks as f64);
            }
        }
    }
    times.map(|times| times.into_iter().map(|(subject, times)| (subject, median(times))).collect())
}

/// All timers at one moment.
struct Reading {
    processor: ThreadTime,
    processors: ProcessTime,
    wall: Instant,
}

impl Reading {
    fn now() -> Self {
        Self { processors: ProcessTime::now(), wall: Instant::now(), processor: ThreadTime::now() }
    }

    fn since(&self, start: &Self, timer: Timer) -> Duration {
        match timer {
            Timer::Processor => self.processor.duration_since(start.processor),
            Timer::Processors => self.processors.duration_since(start.processors),
            Timer::Wall => self.wall.duration_since(start.wall),
        }
    }
}

/// The middle one; there must be one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
