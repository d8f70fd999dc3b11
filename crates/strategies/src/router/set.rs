//! `Set`: some of the endpoints, by index.

/// Up to 64 endpoints need no allocation.
#[derive(Debug)]
pub(super) enum Set {
    Few(u64),
    Many(Box<[u64]>),
}

const WORD: usize = u64::BITS as usize;

impl Set {
    /// Room for this many, and none of them in it.
    pub(super) fn none(len: usize) -> Self {
        if len <= WORD { Self::Few(0) } else { Self::Many(vec![0; len.div_ceil(WORD)].into()) }
    }

    pub(super) fn insert(&mut self, index: usize) {
        *self.word(index) |= 1 << (index % WORD);
    }

    pub(super) fn remove(&mut self, index: usize) {
        *self.word(index) &= !(1 << (index % WORD));
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        let word = match self {
            Self::Few(word) => *word,
            Self::Many(words) => words[index / WORD],
        };
        word & (1 << (index % WORD)) != 0
    }

    fn word(&mut self, index: usize) -> &mut u64 {
        match self {
            Self::Few(word) => word,
            Self::Many(words) => &mut words[index / WORD],
        }
    }
}
