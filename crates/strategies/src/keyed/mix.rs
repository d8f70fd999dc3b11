//! `Mix`: a hash for classes, which are 64 bits already.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Mixes with a seed of its own, so that numbers which somebody chose don't all land in one place.
#[derive(Clone)]
pub(super) struct Mix(u64);

impl Default for Mix {
    fn default() -> Self {
        Self(RandomState::new().hash_one(()))
    }
}

impl BuildHasher for Mix {
    type Hasher = Mixing;

    fn build_hasher(&self) -> Mixing {
        Mixing(self.0)
    }
}

pub(super) struct Mixing(u64);

impl Hasher for Mixing {
    fn write_u64(&mut self, number: u64) {
        // The upper half of the product depends on all bits, the lower half spreads neighbours. The factor is the golden
        // ratio's.
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
