//! What a breaker is in: closed, perhaps recovering; open and then half-open; forced open.

use regatta_core::Time;
use std::time::Duration;

/// Recovery has so many steps; the cap doubles from one to the next.
pub(super) const STEPS: u32 = 10;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Closed,
    /// Closed, too, but not for as many as would like to.
    Recovering(Recovery),
    /// Open until a time and half-open from then on: time alone makes it so, nothing has to be written down.
    Open(Episode),
    Forced,
}

/// One opening, with the probes that follow it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Episode {
    pub(super) until: Time,
    pub(super) successes: u32,
    places: Vec<Probe>,
    /// How many probes were started.
    started: u64,
}

/// A probe that holds a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Probe {
    pub(super) number: u64,
    pub(super) deadline: Time,
}

impl Episode {
    pub(super) fn new(until: Time) -> Self {
        Self { until, successes: 0, places: Vec::new(), started: 0 }
    }

    /// When the next probe may start, if no other one reports before.
    pub(super) fn earliest(&self, most: u32) -> Time {
        if self.places.len() < most as usize {
            return self.until;
        }
        // Not before `until`, earlier than which no probe starts: with time alone, no answer gets worse.
        self.places.iter().map(|probe| probe.deadline).min().unwrap_or(self.until)
    }

    /// Gives a place to a probe that may start; if there is none left, that of the one which expired first.
    pub(super) fn admit(&mut self, most: u32, deadline: Time) -> (u64, Option<Probe>) {
        let number = self.started;
        self.started += 1;
        let probe = Probe { number, deadline };
        if self.places.len() < most as usize {
            self.places.push(probe);
            return (number, None);
        }
        let expired = self.places.iter_mut().min_by_key(|probe| probe.deadline);
        (number, expired.map(|place| std::mem::replace(place, probe)))
    }

    /// Frees the place of a probe, if it still has one.
    pub(super) fn release(&mut self, number: u64) {
        self.places.retain(|probe| probe.number != number);
    }

    /// As if the probe had never been admitted: who had its place before has it again.
    pub(super) fn undo(&mut self, number: u64, before: Option<Probe>) {
        if let Some(probe) = before
            && let Some(place) = self.places.iter_mut().find(|place| place.number == number)
        {
            *place = probe;
        }
        self.release(number);
        if self.started == number + 1 {
            self.started = number;
        }
    }
}

/// After closing: at most so many in flight, twice as many with every step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Recovery {
    since: Time,
    over: Duration,
    pub(super) until: Time,
    /// What has started since it closed and is in flight.
    pub(super) in_flight: u64,
}

impl Recovery {
    pub(super) fn new(now: Time, over: Duration) -> Self {
        Self { since: now, over, until: now + over, in_flight: 0 }
    }

    /// When one more may start, if nothing ends before: in the first step whose cap has room, or after the last one.
    pub(super) fn earliest(&self, probes: u32) -> Time {
        let step = (0..STEPS).find(|step| u64::from(probes) << step > self.in_flight).unwrap_or(STEPS);
        if step == 0 {
            return Time::ZERO;
        }
        // Rounded up: a step that began early would be one nanosecond of a cap too high.
        let nanos = (self.over.as_nanos() * u128::from(step)).div_ceil(u128::from(STEPS));
        self.since + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
