//! The last so many results, one bit for each.

use super::{BreakerTally, Sample};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct CountWindow {
    size: u32,
    /// Where the next result goes: over the oldest one, once it is full.
    next: u32,
    failed: Bits,
    slow: Bits,
    tally: BreakerTally,
}

impl CountWindow {
    pub(in super::super) fn new(size: u32) -> Self {
        Self { size, next: 0, failed: Bits::default(), slow: Bits::default(), tally: BreakerTally::default() }
    }

    pub(in super::super) fn size(&self) -> u32 {
        self.size
    }

    /// `slow` says whether slow calls count at all; if not, no memory is spent on them.
    #[inline]
    pub(super) fn add(&mut self, sample: Sample, slow: bool) -> BreakerTally {
        let full = self.tally.results == u64::from(self.size);
        let failed_before = self.failed.replace(self.next, sample.failed, self.size);
        let slow_before = slow && self.slow.replace(self.next, sample.slow, self.size);
        if full {
            self.tally.subtract(BreakerTally {
                results: 1,
                failures: failed_before.into(),
                slow: slow_before.into(),
            });
        }
        self.tally.add(sample);
        self.next = if self.next + 1 == self.size { 0 } else { self.next + 1 };
        self.tally
    }

    pub(super) fn clear(&mut self) {
        self.next = 0;
        self.failed.0.clear();
        self.slow.0.clear();
        self.tally = BreakerTally::default();
    }

    pub(super) fn tally(&self) -> BreakerTally {
        self.tally
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tally == BreakerTally::default()
    }
}

/// Bits that are set from the first to the last and then over again; it takes memory only for those that were set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Sets a bit, and says what it was.
    #[inline]
    fn replace(&mut self, index: u32, bit: bool, size: u32) -> bool {
        let (word, mask) = ((index / 64) as usize, 1_u64 << (index % 64));
        if word == self.0.len() {
            self.grow(size);
        }
        let word = &mut self.0[word];
        let before = *word & mask != 0;
        *word = if bit { *word | mask } else { *word & !mask };
        before
    }

    #[cold]
    fn grow(&mut self, size: u32) {
        if self.0.len() == self.0.capacity() {
            // Twice as much, but never more than the window needs.
            let rest = size.div_ceil(64) as usize - self.0.len();
            self.0.reserve_exact(self.0.len().max(1).min(rest));
        }
        self.0.push(0);
    }
}
