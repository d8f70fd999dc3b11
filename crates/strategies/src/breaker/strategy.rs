//! A breaker as a `Strategy`.

use super::Breaker;
use super::phase::{Phase, Probe};
use super::window::Sample;
use regatta_core::{Explain, Kick, Outcome, Readiness, Rejection, Request, Strategy, Time};

/// What a task in flight holds of a [`Breaker`]: the episode it started in, when, and the place of a probe.
#[derive(Debug)]
#[must_use = "a probe that is not finished keeps its place until its timeout"]
pub struct BreakerToken {
    generation: u64,
    started: Time,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    /// Who had it before and was late.
    before: Option<Probe>,
}

impl Breaker {
    /// When the next one may start if nothing changes but the time; `None` if it takes more than that.
    ///
    /// It does not depend on the present, so an answer can't get worse with time alone.
    fn earliest(&self) -> Option<Time> {
        match &self.phase {
            Phase::Closed => Some(Time::ZERO),
            Phase::Recovering(recovery) => Some(recovery.earliest(self.settings.probes)),
            Phase::Open(episode) => Some(episode.earliest(self.settings.probes)),
            Phase::Forced => None,
        }
    }

    /// Lets one in where not everybody may, and gives it a place if it is a probe.
    #[inline(never)]
    fn admit(&mut self, now: Time, request: &Request) -> Result<Option<Place>, Readiness> {
        self.ready(now, request).check()?;
        Ok(match &mut self.phase {
            Phase::Closed | Phase::Forced => None,
            Phase::Recovering(recovery) => {
                recovery.in_flight += 1;
                None
            }
            Phase::Open(episode) => {
                let deadline = now + self.settings.probe_timeout;
                let (number, before) = episode.admit(self.settings.probes, deadline);
                Some(Place { number, before })
            }
        })
    }

    /// One that was let in by [`admit`](Self::admit) is done. Returns whether its result counts.
    #[inline(never)]
    fn leave(&mut self, place: Option<Place>, outcome: Outcome) -> bool {
        match (&mut self.phase, place) {
            (Phase::Closed, _) => {}
            (Phase::Recovering(recovery), _) => recovery.in_flight = recovery.in_flight.saturating_sub(1),
            (Phase::Open(episode), Some(place)) => match outcome {
                Outcome::Unused => episode.undo(place.number, place.before),
                _ => episode.release(place.number),
            },
            // A token of another breaker may fit the generation and nothing else.
            (Phase::Open(_), None) | (Phase::Forced, _) => return false,
        }
        true
    }

    /// A success while it is closed and calls are never slow: what becomes of most.
    #[inline]
    fn pass(&mut self, now: Time) {
        if self.window.opens(now, Sample { failed: false, slow: false }) {
            self.open(now);
        }
    }

    /// A result of a call that started in this episode.
    #[inline(never)]
    fn hear(&mut self, now: Time, started: Time, failed: bool) {
        // The clock of the one who finishes may lag behind.
        let now = now.max(started);
        let slow = self.settings.slow.is_some_and(|over| now.as_nanos() - started.as_nanos() > over);
        match &mut self.phase {
            Phase::Closed | Phase::Recovering(_) => {
                if self.window.opens(now, Sample { failed, slow }) {
                    self.open(now);
                }
            }
            Phase::Open(_) if failed || slow => self.open(now),
            Phase::Open(episode) => {
                episode.successes += 1;
                if episode.successes >= self.settings.probes {
                    self.close(now);
                }
            }
            Phase::Forced => {}
        }
    }
}

impl Strategy for Breaker {
    type Token = BreakerToken;

    #[inline]
    fn ready(&self, now: Time, _: &Request) -> Readiness {
        if matches!(self.phase, Phase::Closed) {
            return Readiness::Ready;
        }
        match self.earliest() {
            Some(earliest) if now >= earliest => Readiness::Ready,
            Some(_) | None if self.settings.fail_fast => Rejection::Open.into(),
            Some(earliest) => Readiness::NotBefore(earliest),
            None => Readiness::OnChange,
        }
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<BreakerToken, Readiness> {
        let place = match self.phase {
            Phase::Closed => None,
            Phase::Recovering(_) | Phase::Open(_) | Phase::Forced => self.admit(now, request)?,
        };
        self.in_flight += 1;
        Ok(BreakerToken { generation: self.generation, started: now, place })
    }

    #[inline]
    fn finish(&mut self, token: BreakerToken, now: Time, outcome: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if token.generation != self.generation {
            return;
        }
        let closed = matches!(self.phase, Phase::Closed);
        if !closed && !self.leave(token.place, outcome) {
            return;
        }
        match outcome {
            Outcome::Success if closed && self.settings.slow.is_none() => self.pass(now.max(token.started)),
            Outcome::Success => self.hear(now, token.started, false),
            Outcome::Failure | Outcome::Overload => self.hear(now, token.started, true),
            // What is not known to be a result is none.
            _ => {}
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    /// At rest when closed and recovered, with nothing in flight and nothing to remember. A count window that has seen
    /// results never is, until it is reset.
    fn rest(&self, now: Time) -> Readiness {
        let recovered = match &self.phase {
            Phase::Closed => Time::ZERO,
            Phase::Recovering(recovery) => recovery.until,
            Phase::Open(_) | Phase::Forced => return Readiness::OnChange,
        };
        match self.window.empty_from() {
            Some(_) | None if self.in_flight > 0 => Readiness::OnChange,
            None => Readiness::OnChange,
            Some(empty) if now >= empty.max(recovered) => Readiness::Ready,
            Some(empty) => Readiness::NotBefore(empty.max(recovered)),
        }
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("breaker", self.ready(now, request));
    }
}
