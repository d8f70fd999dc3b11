//! `Adaptive`: a concurrency limit that finds itself.

mod aimd;
mod gradient;
mod settings;

pub use gradient::Gradient2;
pub use settings::OnFailure;

use aimd::Aimd;
use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Rejection, Request, Strategy, Time};
use std::time::Duration;

/// Admits while the cost in flight stays within a limit that it learns from latencies and overload.
///
/// [`Adaptive::aimd`] grows until latency passes a threshold that you know; [`Adaptive::gradient2`] finds out by itself
/// which latency is usual. Both shrink by a factor when they are told of an [`Outcome::Overload`], and of an
/// [`Outcome::Failure`] unless [`on_failure`](Adaptive::on_failure) says otherwise, because a timeout arrives as one.
/// Latency is the time from start to finish, of successes only: failures are often quick. Nothing is learned from
/// outcomes that say nothing, from requests of cost 0, and from times that go backwards.
///
/// The limit always stays within its bounds. It rises only through requests that started while at least 0.8 of it was
/// in use, so it doesn't drift up without load. It shrinks once per episode: results of requests that started before
/// the latest decrease teach nothing, so one bad moment counts once, however many requests were caught in it. Shrinking
/// takes effect at once: nothing new starts until enough of what runs has ended.
///
/// A request of cost 0 is always admitted. One that costs more than the present limit is admitted when nothing else is
/// in flight; one that costs more than the upper bound is refused with [`Rejection::TooCostly`]. A clone is a limit of
/// its own. Share one through a [`Limiter`](regatta_core::Limiter).
///
/// # Defaults
///
/// - Bounds from 1 to 200, and 20 to begin with.
/// - Overload and failures shrink the limit to 0.9 of what it was, and by at least 1.
/// - No ceiling.
///
/// # Cost
///
/// Some nanoseconds per start and finish; no allocation. It takes about 200 bytes.
///
/// # Origin
///
/// Additive increase and multiplicative decrease is how TCP finds its window (Chiu and Jain, 1989; RFC 5681).
/// [`Gradient2`] names its own.
///
/// # Examples
///
/// ```
/// use regatta_core::{Outcome, Request, Strategy, Time};
/// use regatta_strategies::Adaptive;
/// use std::time::Duration;
///
/// let mut limit = Adaptive::aimd(Duration::from_millis(100))?.bounds(1, 50)?.initial(1)?;
/// let (start, request) = (Time::ZERO, Request::new());
/// let quick = limit.start(start, &request).expect("nothing is in flight");
/// limit.finish(quick, start + Duration::from_millis(20), Outcome::Success);
/// assert_eq!(limit.limit(), 2);
///
/// let slow = limit.start(start, &request).expect("nothing is in flight");
/// limit.finish(slow, start + Duration::from_millis(200), Outcome::Success);
/// assert_eq!(limit.limit(), 1);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adaptive {
    algorithm: Algorithm,
    min: usize,
    max: usize,
    initial: usize,
    decrease: f64,
    on_failure: OnFailure,
    ceiling: Option<usize>,
    /// Within the bounds. Its fraction is growth on the way to the next whole number.
    limit: f64,
    in_flight: usize,
    /// How often a new chapter began: after a decrease, and around a probe.
    episode: u64,
    kick: Kick,
}

/// What a task in flight holds of an [`Adaptive`]: its cost, and what its end may teach.
#[derive(Debug)]
#[must_use = "a token that is not finished stays in flight for ever"]
pub struct AdaptiveToken {
    cost: usize,
    started: Time,
    episode: u64,
    /// The cost in flight just after the start.
    in_flight: usize,
}

#[derive(Clone, PartialEq, Debug)]
enum Algorithm {
    Aimd(Aimd),
    Gradient2(Gradient2),
}

/// A success of the present episode.
#[derive(Clone, Copy)]
struct Sample {
    latency: Duration,
    cost: usize,
    /// The cost in flight just after its start.
    in_flight: usize,
}

/// What a success means for the limit.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Verdict {
    Keep,
    /// More, in the same episode.
    Raise(f64),
    /// As after an overload.
    Shrink,
    /// Another limit, and a new episode.
    Renew(f64),
}

/// Which part of the limit must be in use for it to rise.
const BUSY: f64 = 0.8;

impl Adaptive {
    /// Grows by 1 per limit-ful of successes, and shrinks when one took longer than `latency_max`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `latency_max` is zero.
    pub fn aimd(latency_max: Duration) -> Result<Self, ConfigError> {
        Ok(Self::new(Algorithm::Aimd(Aimd::new(latency_max)?)))
    }

    /// Compares the present latency with the usual one, as [`Gradient2`] does with its defaults. With others:
    /// `Adaptive::from(Gradient2::new().tolerance(2.0)?)`.
    pub fn gradient2() -> Self {
        Gradient2::new().into()
    }

    fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            min: 1,
            max: 200,
            initial: 20,
            decrease: 0.9,
            on_failure: OnFailure::default(),
            ceiling: None,
            limit: 20.0,
            in_flight: 0,
            episode: 0,
            kick: Kick::none(),
        }
    }

    /// Caps the limit from outside, by the load of a machine, say, or lifts the cap; makes those who wait ask again.
    ///
    /// Below the lower bound it has the effect of the lower bound. What was learned stays, but doesn't grow beyond what
    /// the cap lets it try.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `ceiling` is zero; the old one stays.
    pub fn set_ceiling(&mut self, ceiling: Option<usize>) -> Result<(), ConfigError> {
        if ceiling == Some(0) {
            return Err(ConfigError::new("ceiling", 0, "must be at least 1"));
        }
        if self.ceiling != ceiling {
            self.ceiling = ceiling;
            self.kick.kick();
        }
        Ok(())
    }

    /// The cap that was set from outside.
    pub fn ceiling(&self) -> Option<usize> {
        self.ceiling
    }

    /// The present limit: what was [`learned`](Adaptive::learned), under the [`ceiling`](Adaptive::ceiling).
    pub fn limit(&self) -> usize {
        self.learned().min(self.cap())
    }

    /// The limit that was learned, whatever the ceiling is.
    pub fn learned(&self) -> usize {
        // Whole numbers up to 2^53 are exact; beyond, the cast saturates.
        (self.limit as usize).clamp(self.min, self.max)
    }

    /// The cost in flight. Above [`limit`](Adaptive::limit) after that has shrunk, and while a costly request runs alone.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The lower bound.
    pub fn min(&self) -> usize {
        self.min
    }

    /// The upper bound.
    pub fn max(&self) -> usize {
        self.max
    }

    fn cap(&self) -> usize {
        self.ceiling.unwrap_or(self.max).clamp(self.min, self.max)
    }

    fn learn(&mut self, sample: Sample) {
        let verdict = match &mut self.algorithm {
            Algorithm::Aimd(aimd) => aimd.learn(self.limit, sample),
            Algorithm::Gradient2(gradient) => gradient.learn(self.limit, sample),
        };
        match verdict {
            Verdict::Keep => {}
            Verdict::Raise(limit) => self.limit = self.bounded(limit),
            Verdict::Shrink => self.shrink(),
            Verdict::Renew(limit) => self.renew(limit),
        }
    }

    fn shrink(&mut self) {
        // Under a ceiling only that much was tried; the rest of what was learned is in doubt.
        let tried = self.limit.min(self.cap() as f64);
        self.renew((tried * self.decrease).min(tried - 1.0));
        if let Algorithm::Gradient2(gradient) = &mut self.algorithm {
            gradient.restart();
        }
    }

    fn renew(&mut self, limit: f64) {
        self.limit = self.bounded(limit);
        self.episode = self.episode.wrapping_add(1);
    }

    fn bounded(&self, limit: f64) -> f64 {
        limit.clamp(self.min as f64, self.max as f64)
    }
}

impl From<Gradient2> for Adaptive {
    fn from(gradient: Gradient2) -> Self {
        Self::new(Algorithm::Gradient2(gradient))
    }
}

impl PartialEq for Adaptive {
    /// Whether both have the same settings, have learned the same and have the same cost in flight.
    fn eq(&self, other: &Self) -> bool {
        (&self.algorithm, self.min, self.max, self.initial, self.decrease, self.on_failure)
            == (&other.algorithm, other.min, other.max, other.initial, other.decrease, other.on_failure)
            && (self.ceiling, self.limit, self.in_flight, self.episode)
                == (other.ceiling, other.limit, other.in_flight, other.episode)
    }
}

impl Strategy for Adaptive {
    type Token = AdaptiveToken;

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        let cost = weight(request.cost);
        if cost > self.max {
            // A maximum below a `u32` is one itself.
            let max = u32::try_from(self.max).unwrap_or(u32::MAX);
            return Rejection::TooCostly { cost: request.cost, max }.into();
        }
        let fits = cost <= self.limit().saturating_sub(self.in_flight);
        // Alone also if it costs more than the limit: that could not grow before it ran.
        if fits || self.in_flight == 0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<AdaptiveToken, Readiness> {
        self.ready(now, request).check()?;
        let cost = weight(request.cost);
        self.in_flight = self.in_flight.saturating_add(cost);
        Ok(AdaptiveToken { cost, started: now, episode: self.episode, in_flight: self.in_flight })
    }

    fn finish(&mut self, token: AdaptiveToken, now: Time, outcome: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(token.cost);
        if token.episode != self.episode || token.cost == 0 || now < token.started {
            return;
        }
        match (outcome, self.on_failure) {
            (Outcome::Success, _) => {
                let latency = now.since(token.started);
                self.learn(Sample { latency, cost: token.cost, in_flight: token.in_flight });
            }
            (Outcome::Overload, _) | (Outcome::Failure, OnFailure::Shrink) => self.shrink(),
            // Neutral, cancelled, unused, and what may be added: these say nothing about the other side.
            _ => {}
        }
    }

    fn reconcile(&mut self, token: &mut AdaptiveToken, _: Time, actual: u32) {
        let others = self.in_flight.saturating_sub(token.cost);
        token.cost = weight(actual);
        self.in_flight = others.saturating_add(token.cost);
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    fn rest(&self, _: Time) -> Readiness {
        let learned = self.limit != self.initial as f64
            || match &self.algorithm {
                Algorithm::Aimd(_) => false,
                Algorithm::Gradient2(gradient) => gradient.has_learned(),
            };
        if self.in_flight == 0 && !learned && self.ceiling.is_none() {
            Readiness::Ready
        } else {
            Readiness::OnChange
        }
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("adaptive", self.ready(now, request));
    }
}

fn weight(cost: u32) -> usize {
    usize::try_from(cost).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
