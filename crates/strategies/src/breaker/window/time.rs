//! The results of the last while, counted in slots.

use super::{BreakerTally, Sample};
use regatta_core::Time;
use std::time::Duration;

pub(super) const SLOTS: usize = 10;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct TimeWindow {
    /// How long a slot is, in nanoseconds.
    width: u64,
    /// The number of the current slot: the latest one that had a result.
    current: u64,
    /// Slot `n` is at `n % SLOTS`.
    slots: Box<[BreakerTally; SLOTS]>,
    sum: BreakerTally,
}

impl TimeWindow {
    pub(in super::super) fn new(window: Duration) -> Self {
        let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let width = nanos.div_ceil(SLOTS as u64);
        Self { width, current: 0, slots: Box::default(), sum: BreakerTally::default() }
    }

    #[inline]
    pub(super) fn add(&mut self, now: Time, sample: Sample) -> BreakerTally {
        // The same slot as a rule, which spares a division. A clock that went back stays in it, too.
        if now.as_nanos().saturating_sub(self.begin()) >= self.width {
            self.advance(now.as_nanos() / self.width);
        }
        self.slots[self.index()].add(sample);
        self.sum.add(sample);
        self.sum
    }

    pub(super) fn clear(&mut self) {
        self.current = 0;
        *self.slots = Default::default();
        self.sum = BreakerTally::default();
    }

    pub(super) fn tally(&self) -> BreakerTally {
        self.sum
    }

    pub(super) fn empty_from(&self) -> Time {
        if self.sum == BreakerTally::default() {
            return Time::ZERO;
        }
        Time::from_nanos(self.begin()) + Duration::from_nanos(self.width).saturating_mul(SLOTS as u32)
    }

    /// When the current slot began.
    fn begin(&self) -> u64 {
        self.current * self.width
    }

    fn index(&self) -> usize {
        (self.current % SLOTS as u64) as usize
    }

    #[inline(never)]
    fn advance(&mut self, slot: u64) {
        if slot - self.current >= SLOTS as u64 {
            self.clear();
            self.current = slot;
        }
        while self.current < slot {
            self.current += 1;
            let index = self.index();
            self.sum.subtract(std::mem::take(&mut self.slots[index]));
        }
    }
}
