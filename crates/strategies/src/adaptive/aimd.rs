//! Additive increase, multiplicative decrease.

use super::{BUSY, Sample, Verdict};
use regatta_core::ConfigError;
use std::time::Duration;

/// One more per limit-ful of successes; less after one that took too long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Aimd {
    latency_max: Duration,
}

impl Aimd {
    pub(super) fn new(latency_max: Duration) -> Result<Self, ConfigError> {
        if latency_max.is_zero() {
            let value = format_args!("{latency_max:?}");
            return Err(ConfigError::new("latency_max", value, "must be longer than zero"));
        }
        Ok(Self { latency_max })
    }

    pub(super) fn learn(&self, limit: f64, sample: Sample) -> Verdict {
        if sample.latency > self.latency_max {
            return Verdict::Shrink;
        }
        if (sample.in_flight as f64) < BUSY * limit.floor() {
            return Verdict::Keep;
        }
        // A request that costs more than the limit ran alone, and is a whole limit-ful.
        Verdict::Raise(limit + (sample.cost as f64 / limit).min(1.0))
    }
}
