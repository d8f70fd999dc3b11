//! A server of known capacity, in virtual time, and clients that always want more.

use super::*;
use fastrand::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Serves `capacity` requests at once; the others queue.
pub(super) struct Server {
    pub(super) capacity: usize,
    /// Nanoseconds per request without a queue.
    pub(super) service: u64,
    /// A service may take up to this part less or more.
    pub(super) jitter: f64,
    /// Requests beyond this multiple of the capacity are told `Overload` at once.
    pub(super) refuses_beyond: Option<usize>,
    /// When each worker is free, as far as it has work.
    workers: BinaryHeap<Reverse<u64>>,
}

/// A server, a limit in front of it, and what is under way.
pub(super) struct World {
    pub(super) limit: Adaptive,
    pub(super) server: Server,
    /// The most that the clients want at once.
    pub(super) wanted: usize,
    pub(super) random: Rng,
    now: u64,
    ends: BinaryHeap<Reverse<(u64, u64)>>,
    tokens: Vec<Option<(AdaptiveToken, u64, Outcome)>>,
    free: Vec<usize>,
    starts: u64,
    /// How many had started when the limit fell last.
    fell_at: Option<u64>,
    pub(super) falls: usize,
}

impl Server {
    pub(super) fn new(capacity: usize, service: u64, jitter: f64) -> Self {
        Self { capacity, service, jitter, refuses_beyond: None, workers: BinaryHeap::new() }
    }

    /// When the request that arrives now ends, and how.
    fn serve(&mut self, now: u64, present: usize, random: &mut Rng) -> (u64, Outcome) {
        if self.refuses_beyond.is_some_and(|factor| present >= factor * self.capacity) {
            return (now + self.service / 10, Outcome::Overload);
        }
        // After a change of the capacity, workers come and go; those that go finish what they have.
        while self.workers.len() > self.capacity {
            self.workers.pop();
        }
        let free = if self.workers.len() < self.capacity {
            now
        } else {
            self.workers.pop().map_or(now, |Reverse(free)| free.max(now))
        };
        let factor = 1.0 + self.jitter * (2.0 * random.f64() - 1.0);
        let end = free + (self.service as f64 * factor) as u64;
        self.workers.push(Reverse(end));
        (end, Outcome::Success)
    }
}

impl World {
    pub(super) fn new(limit: Adaptive, server: Server, wanted: usize, random: Rng) -> Self {
        Self {
            limit,
            server,
            wanted,
            random,
            now: 0,
            ends: BinaryHeap::new(),
            tokens: Vec::new(),
            free: Vec::new(),
            starts: 0,
            fell_at: None,
            falls: 0,
        }
    }

    /// Starts what may start, then lets the next request end.
    pub(super) fn step(&mut self) {
        while self.ends.len() < self.wanted {
            let Ok(token) = self.limit.start(Time::from_nanos(self.now), &one()) else { break };
            let (end, outcome) = self.server.serve(self.now, self.ends.len(), &mut self.random);
            let entry = Some((token, self.starts, outcome));
            let index = match self.free.pop() {
                Some(index) => {
                    self.tokens[index] = entry;
                    index
                }
                None => {
                    self.tokens.push(entry);
                    self.tokens.len() - 1
                }
            };
            self.ends.push(Reverse((end, index as u64)));
            self.starts += 1;
        }
        let Reverse((end, index)) = self.ends.pop().expect("one may always start");
        self.now = end;
        let (token, number, outcome) = self.tokens[index as usize].take().expect("it is under way");
        self.free.push(index as usize);
        let before = self.limit.limit();
        self.limit.finish(token, Time::from_nanos(self.now), outcome);
        let after = self.limit.limit();
        assert!((self.limit.min()..=self.limit.max()).contains(&after), "{after} is out of bounds");
        assert_eq!(self.limit.in_flight(), self.ends.len());
        if after < before {
            let episode = self.fell_at.is_none_or(|fell_at| number >= fell_at);
            assert!(episode, "fell from {before} to {after} because of a request of an earlier episode");
            self.fell_at = Some(self.starts);
            self.falls += 1;
        }
    }

    pub(super) fn steps(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.step());
    }

    /// Goes on, and demands that the limit stays near the server's capacity.
    pub(super) fn settled(&mut self, steps: usize, when: &str) {
        let capacity = self.server.capacity;
        let (mut least, mut most) = (usize::MAX, 0);
        for _ in 0..steps {
            self.step();
            (least, most) = (least.min(self.limit.limit()), most.max(self.limit.limit()));
        }
        assert!(
            2 * least >= capacity && most <= 3 * capacity,
            "{when}: from {least} to {most} at a capacity of {capacity} and {} ns each: {:?}",
            self.server.service,
            self.limit
        );
    }
}
