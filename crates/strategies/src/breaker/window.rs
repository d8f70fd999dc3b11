//! What a closed breaker remembers of results, and when it is too much.

mod count;
mod time;

pub(super) use count::CountWindow;
use regatta_core::Time;
pub(super) use time::TimeWindow;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Window {
    Consecutive { most: u32, failures: u32 },
    Count(CountWindow, Judge),
    Time(TimeWindow, Judge),
}

/// One result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// How many results the window of a [`Breaker`](super::Breaker) holds, and of which kinds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct BreakerTally {
    /// All results. Where failures are counted in a row, only those.
    pub results: u64,
    /// The failures among them.
    pub failures: u64,
    /// The slow calls among them, failed or not; 0 if slow calls are not counted.
    pub slow: u64,
}

/// Which shares are too much, and how many results it takes to say so.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Judge {
    pub(super) minimum: u64,
    failures: f64,
    pub(super) slow: Option<f64>,
}

impl Window {
    /// Takes a result in, and says whether the breaker has to open.
    #[inline]
    pub(super) fn opens(&mut self, now: Time, sample: Sample) -> bool {
        match self {
            Self::Consecutive { most, failures } => {
                *failures = if sample.failed { failures.saturating_add(1) } else { 0 };
                *failures >= *most
            }
            Self::Count(window, judge) => judge.condemns(window.add(sample, judge.slow.is_some())),
            Self::Time(window, judge) => judge.condemns(window.add(now, sample)),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Consecutive { failures, .. } => *failures = 0,
            Self::Count(window, _) => window.clear(),
            Self::Time(window, _) => window.clear(),
        }
    }

    pub(super) fn tally(&self) -> BreakerTally {
        match self {
            Self::Consecutive { failures, .. } => {
                BreakerTally { results: (*failures).into(), failures: (*failures).into(), slow: 0 }
            }
            Self::Count(window, _) => window.tally(),
            Self::Time(window, _) => window.tally(),
        }
    }

    /// From when on it remembers nothing that matters; `None` if time alone does not make it forget.
    pub(super) fn empty_from(&self) -> Option<Time> {
        match self {
            Self::Consecutive { failures, .. } => (*failures == 0).then_some(Time::ZERO),
            Self::Count(window, _) => window.is_empty().then_some(Time::ZERO),
            Self::Time(window, _) => Some(window.empty_from()),
        }
    }
}

impl Judge {
    pub(super) fn new(minimum: u32, failures: f64) -> Self {
        Self { minimum: minimum.into(), failures, slow: None }
    }

    #[inline]
    fn condemns(&self, tally: BreakerTally) -> bool {
        if tally.results < self.minimum {
            return false;
        }
        // A quotient, not a product: it is rounded as the rate was, so that 7 of 100 reach a rate of 0.07.
        let reach = |count: u64, rate: f64| count > 0 && count as f64 / tally.results as f64 >= rate;
        reach(tally.failures, self.failures) || self.slow.is_some_and(|rate| reach(tally.slow, rate))
    }
}

impl BreakerTally {
    fn add(&mut self, sample: Sample) {
        self.results += 1;
        self.failures += u64::from(sample.failed);
        self.slow += u64::from(sample.slow);
    }

    fn subtract(&mut self, other: Self) {
        self.results -= other.results;
        self.failures -= other.failures;
        self.slow -= other.slow;
    }
}

#[cfg(test)]
mod tests;
