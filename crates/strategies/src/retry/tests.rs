mod attempts;
mod budget;
mod limited;
mod random;
mod rules;

use regatta_core::{Backoff, TaskError, Time};
use std::time::Duration;

/// What an operation of these tests fails with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// Trying again doesn't help.
    Missing,
    Busy,
    /// Busy for so many milliseconds.
    BusyFor(u64),
}

impl Fault {
    fn may_pass(&self) -> bool {
        *self != Self::Missing
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::BusyFor(millis) => Some(ms(*millis)),
            Self::Missing | Self::Busy => None,
        }
    }
}

const BUSY: TaskError<Fault> = TaskError::Failed(Fault::Busy);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Time {
    Time::ZERO + ms(millis)
}

fn every(millis: u64) -> Backoff {
    Backoff::constant(ms(millis)).forever()
}
