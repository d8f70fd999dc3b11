//! `Draw`: random numbers for a program of one kind.

use super::{Act, Kind, MILLI, Tick};
use regatta_tests::Rng;

pub(in super::super) struct Draw<'a> {
    random: &'a mut Rng,
    pub(super) kind: Kind,
    /// Attempts may be over at once.
    pub(super) instants: bool,
    /// The executor is slow.
    pub(super) late: bool,
    /// Tasks may change the run in their first poll.
    pub(super) early: bool,
}

impl<'a> Draw<'a> {
    pub(super) fn new(random: &'a mut Rng, kind: Kind) -> Self {
        Self { random, kind, instants: true, late: false, early: false }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random.usize(0..bound)
    }

    /// True in so many of ten cases.
    pub(super) fn sometimes(&mut self, tenths: u8) -> bool {
        self.random.u8(0..10) < tenths
    }

    /// A time below `bound` milliseconds. With ties on whole milliseconds, so that many are the same; otherwise on
    /// microseconds and never 0, so that next to none are.
    pub(super) fn pause(&mut self, bound: u64) -> Tick {
        match self.kind {
            Kind::Ties => MILLI * self.random.u64(0..bound),
            _ => self.random.u64(1..MILLI * bound),
        }
    }

    /// A time that nothing else has: the rules don't say what comes first.
    pub(super) fn apart(&mut self, bound: u64) -> Tick {
        let at_once = self.kind != Kind::Scope && self.kind != Kind::ScopeLocal && self.sometimes(1);
        match self.kind {
            _ if at_once => 0,
            Kind::Ties => self.pause(bound) + MILLI / 2,
            _ => self.pause(bound),
        }
    }

    /// The time that a task or an attempt may take.
    pub(super) fn patience(&mut self, bound: u64) -> Tick {
        // Zero is one poll. On an executor even that may come too late.
        if !self.kind.is_spawned() && self.sometimes(1) { 0 } else { self.pause(bound) + MILLI }
    }

    /// Something that can be done with a handle.
    pub(super) fn act(&mut self, count: usize) -> Act {
        match self.below(12) {
            0..5 => Act::Add(self.below(count)),
            5..8 => Act::Cancel(self.below(count)),
            8 => Act::Limit(self.sometimes(8).then(|| 1 + self.below(4))),
            9 if self.sometimes(4) => Act::Stop,
            10 if self.sometimes(2) => Act::Token,
            _ => Act::Look,
        }
    }

    /// Acts at random times, in their order.
    pub(super) fn outside(&mut self, count: usize) -> Vec<(Tick, Act)> {
        if self.kind == Kind::Ties {
            return Vec::new();
        }
        let number = self.below(6);
        let mut acts: Vec<(Tick, Act)> = Vec::new();
        for _ in 0..number {
            let at = match acts.last() {
                Some((last, _)) if self.sometimes(3) => *last,
                _ => self.pause(40),
            };
            acts.push((at, self.act(count)));
        }
        acts.sort_by_key(|(at, _)| *at);
        acts
    }
}
