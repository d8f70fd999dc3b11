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

/// Bits of which none is set at first; it takes memory only up to the last one that was.
#[derive(Clone, Eq, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Sets or clears one of `size` bits, and says what it was.
    #[inline]
    fn replace(&mut self, index: u32, bit: bool, size: u32) -> bool {
        let (place, mask) = ((index / 64) as usize, 1_u64 << (index % 64));
        let Some(word) = self.0.get_mut(place) else {
            if bit {
                self.grow(place, mask, size);
            }
            return false;
        };
        let before = *word & mask != 0;
        *word = if bit { *word | mask } else { *word & !mask };
        before
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, place: usize, word: u64, size: u32) {
        if place >= self.0.capacity() {
            // Twice as much, but never more than the window needs.
            let words = (2 * self.0.len()).max(place + 1).min(size.div_ceil(64) as usize);
            self.0.reserve_exact(words - self.0.len());
        }
        self.0.resize(place, 0);
        self.0.push(word);
    }
}

/// How far they reach says nothing about the bits.
impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        let common = self.0.len().min(other.0.len());
        let (mine, rest) = self.0.split_at(common);
        let (theirs, other_rest) = other.0.split_at(common);
        mine == theirs && rest.iter().chain(other_rest).all(|word| *word == 0)
    }
}

#[cfg(test)]
mod tests;
