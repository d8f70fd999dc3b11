//! `Candidates`: whose turn it is to be forgotten, without asking all.

use regatta_core::{Readiness, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// For each place, a time before which it is surely not at rest. Starts make that later, which need not be noted; what
/// can make it earlier has to be. So the least one, asked again, is either the least indeed, or moves back, once for
/// all the starts since.
#[derive(Clone, Default)]
pub(super) struct Candidates {
    /// `None`: only after something else has changed, or never.
    since: Vec<Option<Time>>,
    /// Holds each time of `since`, and some that have changed since.
    queue: BinaryHeap<Reverse<(Time, usize)>>,
}

impl Candidates {
    /// This place may be at rest at any time.
    pub(super) fn add(&mut self, place: usize) {
        if self.since.len() <= place {
            self.since.resize(place + 1, None);
        }
        self.put(place, Time::ZERO);
    }

    /// This place is never to be given away.
    pub(super) fn keep(&mut self, place: usize) {
        if let Some(since) = self.since.get_mut(place) {
            *since = None;
        }
    }

    /// Something has changed that may have brought the rest of this place nearer.
    #[inline]
    pub(super) fn nearer(&mut self, place: usize, rest: impl FnOnce() -> Readiness) {
        // Nobody has looked since the last change, so there is nothing to correct.
        if self.since.get(place) != Some(&Some(Time::ZERO)) {
            match rest() {
                Readiness::Ready => self.put(place, Time::ZERO),
                Readiness::NotBefore(time) => self.put(place, time),
                Readiness::OnChange | Readiness::Rejected(_) => {}
            }
        }
    }

    /// A place at rest. If there is none, the earliest of all answers.
    pub(super) fn first(&mut self, rest: impl Fn(usize) -> Readiness) -> Result<usize, Readiness> {
        while let Some(&Reverse((time, place))) = self.queue.peek() {
            if self.since[place] != Some(time) {
                self.queue.pop();
                continue;
            }
            match rest(place) {
                Readiness::Ready => return Ok(place),
                Readiness::NotBefore(later) if later <= time => return Err(Readiness::NotBefore(later)),
                Readiness::NotBefore(later) => {
                    self.queue.pop();
                    self.since[place] = Some(later);
                    self.queue.push(Reverse((later, place)));
                }
                Readiness::OnChange | Readiness::Rejected(_) => {
                    self.queue.pop();
                    self.since[place] = None;
                }
            }
        }
        Err(Readiness::OnChange)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    fn put(&mut self, place: usize, time: Time) {
        if self.since[place].is_none_or(|since| time < since) {
            self.since[place] = Some(time);
            self.queue.push(Reverse((time, place)));
            self.shrink();
        }
    }

    /// Costs as much as the changes since the last time.
    fn shrink(&mut self) {
        if self.queue.len() > 2 * self.since.len() + 16 {
            let all = self.since.iter().enumerate();
            self.queue = all.filter_map(|(place, since)| Some(Reverse(((*since)?, place)))).collect();
        }
    }
}
