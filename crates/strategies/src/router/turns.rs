//! Whose turn is it? The credits of smooth weighted round robin.
//!
//! With every pick each endpoint that takes part earns its weight, and the one with the most credit pays what all have
//! earned together. So credits divided by the sum of the weights are the picks that an endpoint is behind its share.

use super::set::Set;
use super::{Endpoint, Router};
use fastrand::Rng;

/// So many places in the cycle to begin at, at most. Each costs a step through all endpoints per endpoint added.
const PLACES: u64 = 256;

/// An endpoint's place in the cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    pub(super) weight: u32,
    credit: i64,
    /// The credit that it began with.
    origin: i64,
}

impl Turn {
    pub(super) fn new(weight: u32) -> Self {
        Self { weight, credit: 0, origin: 0 }
    }

    /// Whether it is where it began.
    pub(super) fn is_at_origin(&self) -> bool {
        self.credit == self.origin
    }
}

impl<T, S> Router<T, S> {
    /// All that have a weight.
    pub(super) fn weighted(&self) -> Set {
        let mut set = Set::none(self.endpoints.len());
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            if endpoint.turn.weight > 0 {
                set.insert(index);
            }
        }
        set
    }

    /// Which of `set` is next; of several, the first.
    pub(super) fn next_of(&self, set: &Set) -> Option<usize> {
        let mut best: Option<(usize, i64)> = None;
        for (index, Endpoint { turn, .. }) in self.endpoints.iter().enumerate() {
            let credit = turn.credit.saturating_add(turn.weight.into());
            if set.contains(index) && best.is_none_or(|(_, most)| credit > most) {
                best = Some((index, credit));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Everybody in `set` has earned, and `picked` pays for it.
    pub(super) fn take_turn(&mut self, picked: usize, set: &Set) {
        self.pay(picked, set, 1);
    }

    /// Undoes the latest turn.
    pub(super) fn give_turn_back(&mut self, picked: usize, set: &Set) {
        self.pay(picked, set, -1);
    }

    fn pay(&mut self, picked: usize, set: &Set, sign: i64) {
        let mut sum = 0_i64;
        for (index, Endpoint { turn, .. }) in self.endpoints.iter_mut().enumerate() {
            if set.contains(index) {
                let weight = i64::from(turn.weight);
                turn.credit = turn.credit.saturating_add(sign * weight);
                sum = sum.saturating_add(weight);
            }
        }
        let credit = &mut self.endpoints[picked].turn.credit;
        *credit = credit.saturating_sub(sign * sum);
    }

    /// The sum of the weights.
    pub(super) fn total(&self) -> u64 {
        self.endpoints.iter().map(|endpoint| u64::from(endpoint.turn.weight)).sum()
    }

    /// Puts a router that has not routed yet to the place in the cycle that its seed says.
    ///
    /// The place is reached by picking, so the shares per cycle are exact from there, too.
    pub(super) fn begin(&mut self) {
        for Endpoint { turn, .. } in &mut self.endpoints {
            turn.credit = 0;
        }
        self.scale = self.total();
        let set = self.weighted();
        let common = self.endpoints.iter().fold(0, |common, endpoint| gcd(common, endpoint.turn.weight));
        if common > 0 {
            let cycle = self.scale / u64::from(common);
            for _ in 0..Rng::with_seed(self.seed).u64(..cycle.min(PLACES)) {
                let picked = self.next_of(&set).expect("somebody has a weight");
                self.take_turn(picked, &set);
            }
        }
        for Endpoint { turn, .. } in &mut self.endpoints {
            turn.origin = turn.credit;
        }
    }

    /// After a change of weights or members: everybody stays as many picks behind or ahead as before.
    ///
    /// Without this, one that had a large weight and now has a small one would pay back old picks for ages, while the
    /// others get a burst. The mean goes to zero, so that a newcomer, who has no credit, is neither early nor late.
    pub(super) fn rescale(&mut self) {
        let total = self.total();
        if total == 0 || self.endpoints.is_empty() {
            // Nobody takes turns; the credits are still those of the old weights.
            return;
        }
        let (new, old) = (i128::from(total), i128::from(self.scale.max(1)));
        let scaled = |turn: &Turn| i128::from(turn.credit) * new / old;
        let sum: i128 = self.endpoints.iter().map(|endpoint| scaled(&endpoint.turn)).sum();
        let mean = sum / i128::try_from(self.endpoints.len()).unwrap_or(i128::MAX);
        for Endpoint { turn, .. } in &mut self.endpoints {
            let credit = scaled(turn) - mean;
            turn.credit = i64::try_from(credit).unwrap_or(if credit < 0 { i64::MIN } else { i64::MAX });
        }
        self.scale = total;
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
