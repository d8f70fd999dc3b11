//! `Breaker`: not while the other side is down.

mod config;
mod health;
mod phase;
mod strategy;
mod window;

pub use health::HealthProbe;
pub use strategy::BreakerToken;
pub use window::BreakerTally;

use config::Settings;
use phase::{Episode, Phase, Recovery};
use regatta_core::{Kick, Time};
use window::Window;

/// Stops admitting when too much goes wrong, and tries again later with a few probes.
///
/// Closed, it admits everything and counts results: [`Failure`](regatta_core::Outcome::Failure) and
/// [`Overload`](regatta_core::Outcome::Overload) as failures, [`Success`](regatta_core::Outcome::Success) as a success;
/// `Neutral` and `Cancelled` say nothing about the other side. It opens after so many failures in a row
/// ([`consecutive`](Breaker::consecutive)), or when the share of failures among the last results reaches a rate
/// ([`count_window`](Breaker::count_window), [`time_window`](Breaker::time_window)); with [`slow`](Breaker::slow) also
/// when the share of slow calls does. An empty window follows each change of state.
///
/// Open, it admits nothing for a time ([`open_for`](Breaker::open_for), [`growing`](Breaker::growing)). It answers
/// [`NotBefore`](regatta_core::Readiness::NotBefore) its reopening, so work waits, and a queue does not burn its tasks
/// while the other side is away. With [`fail_fast`](Breaker::fail_fast) it ends them as
/// [`Rejection::Open`](regatta_core::Rejection::Open) instead.
///
/// Then it is half-open: it admits [`probes`](Breaker::probes) at most at once. So many successes close it; one failure,
/// or one slow call, opens it again. A probe that ends without a result, or that has not reported within
/// [`probe_timeout`](Breaker::probe_timeout), gives its place to another one, so nothing can wedge it. A probe that
/// reports after its time still counts, as long as the episode is the same.
///
/// What started before the last change of state is late news and changes nothing, whatever its result.
///
/// Closed again, it may hold back for a while ([`recover_over`](Breaker::recover_over)), so that those who have waited
/// don't all start at once.
///
/// It can be operated by hand: [`trip`](Breaker::trip), [`force_open`](Breaker::force_open),
/// [`half_open`](Breaker::half_open), [`reset`](Breaker::reset). Share it through a
/// [`Limiter`](regatta_core::Limiter) for that, and do it in its `update`, which serves those who wait.
/// [`HealthProbe`] does so when a health check succeeds.
///
/// Every start counts as one, whatever it costs. Set it up before the first start. A clone is a breaker of its own. Two
/// are equal if they have the same settings and are in the same state. A clock that goes back counts as one that stands
/// still, as far as windows go.
///
/// # Guarantees
///
/// - Open, nothing starts. Half-open, no more than [`probes`](Breaker::probes) are in flight within their timeout.
/// - Unless it was forced open, time alone and so many probes that succeed close it, whatever happened before: probes that
///   were lost, cancelled, late, or ended without a result.
/// - With time alone, no answer gets worse.
///
/// # Defaults
///
/// - open for 30 seconds, not growing
/// - 1 probe, with a timeout of 30 seconds
/// - judged when a count window is full, or when a time window holds 10 results
/// - slow calls are not counted, recovery is at once, work waits
///
/// # Cost
///
/// Closed, O(1) per start and finish. Half-open, O(probes). Memory: about 300 bytes; for a count window, once there was
/// a failure, an eighth of a byte per result (a quarter with slow calls); for a time window 240 bytes; for probes 16
/// bytes each.
///
/// The circuit breaker is Michael Nygard's (*Release It!*); the windows, slow calls and the capped half-open state are
/// those of resilience4j.
///
/// # Examples
///
/// ```
/// use regatta_core::{Outcome, Readiness, Request, Strategy, Time};
/// use regatta_strategies::{Breaker, BreakerState};
/// use std::time::Duration;
///
/// let pause = Duration::from_secs(5);
/// let mut breaker = Breaker::consecutive(2)?.open_for(pause)?;
/// let (now, request) = (Time::ZERO, Request::new());
/// for _ in 0..2 {
///     let call = breaker.start(now, &request).expect("closed");
///     breaker.finish(call, now, Outcome::Failure);
/// }
/// assert_eq!(breaker.ready(now, &request), Readiness::NotBefore(now + pause));
///
/// let later = now + pause;
/// let probe = breaker.start(later, &request).expect("half-open");
/// assert!(!breaker.ready(later, &request).is_ready(), "one probe at a time");
/// breaker.finish(probe, later, Outcome::Success);
/// assert_eq!(breaker.state(later), BreakerState::Closed);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
///
/// Shared, and opened by hand:
///
/// ```
/// use regatta_core::{Limiter, Readiness};
/// use regatta_strategies::Breaker;
/// use std::time::Duration;
///
/// let limiter = Limiter::new(Breaker::time_window(Duration::from_secs(10), 0.5)?.minimum(20)?);
/// let now = limiter.now();
/// limiter.update(|breaker| breaker.trip(now));
/// assert!(matches!(limiter.try_acquire(), Err(Readiness::NotBefore(_))));
/// limiter.update(|breaker| breaker.reset());
/// assert!(limiter.try_acquire().is_ok());
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: Settings,
    window: Window,
    phase: Phase,
    /// The number of the episode; each change of state begins a new one.
    generation: u64,
    /// How often it has opened without having recovered in between; when it next opens, that is found out.
    openings: u32,
    /// All tokens that are out, also those of earlier episodes.
    in_flight: usize,
    kick: Kick,
}

/// What a [`Breaker`] does at a certain time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BreakerState {
    /// It admits everything.
    Closed,
    /// It has closed, and holds back until then.
    Recovering {
        /// From then on it admits everything.
        until: Time,
    },
    /// It admits nothing.
    Open {
        /// From then on it admits probes.
        until: Time,
    },
    /// It admits probes.
    HalfOpen,
    /// It admits nothing until it is reset.
    ForcedOpen,
}

impl Breaker {
    /// What it does at `now`.
    pub fn state(&self, now: Time) -> BreakerState {
        match &self.phase {
            Phase::Recovering(recovery) if now < recovery.until => {
                BreakerState::Recovering { until: recovery.until }
            }
            Phase::Closed | Phase::Recovering(_) => BreakerState::Closed,
            Phase::Open(episode) if now < episode.until => BreakerState::Open { until: episode.until },
            Phase::Open(_) => BreakerState::HalfOpen,
            Phase::Forced => BreakerState::ForcedOpen,
        }
    }

    /// What its window holds. A time window forgets when the next result comes.
    pub fn tally(&self) -> BreakerTally {
        self.window.tally()
    }

    /// How many calls are in flight, also those that started before the last change of state.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Opens it at `now`, for as long as if a call had failed then. One that is open already is open anew; one that was
    /// forced open stays so.
    pub fn trip(&mut self, now: Time) {
        if self.phase != Phase::Forced {
            self.open(now);
            self.kick.kick();
        }
    }

    /// Opens it until it is [`reset`](Breaker::reset); work waits for a change until then, or is refused if it fails fast.
    pub fn force_open(&mut self) {
        self.enter(Phase::Forced);
        self.kick.kick();
    }

    /// Admits probes from `now` on, if it is open and would do so only later. Ends no other state.
    pub fn half_open(&mut self, now: Time) {
        if let Phase::Open(episode) = &mut self.phase
            && now < episode.until
        {
            episode.until = now;
            self.kick.kick();
        }
    }

    /// Closes it, without recovery, and forgets all results, also of what is in flight.
    pub fn reset(&mut self) {
        self.enter(Phase::Closed);
        self.kick.kick();
    }

    /// Opens it, for longer if it has not recovered since it opened before.
    #[cold]
    fn open(&mut self, now: Time) {
        let again = match &self.phase {
            Phase::Closed => false,
            Phase::Recovering(recovery) => now < recovery.until,
            Phase::Open(_) | Phase::Forced => true,
        };
        let before = if again { self.openings } else { 0 };
        self.openings = before.saturating_add(1);
        self.enter(Phase::Open(Episode::new(now + self.settings.pause(before))));
    }

    /// Closes it after the probes.
    fn close(&mut self, now: Time) {
        self.enter(match self.settings.recover_over {
            Some(over) => Phase::Recovering(Recovery::new(now, over)),
            None => Phase::Closed,
        });
    }

    /// Begins a new episode: what started before is late news from here on.
    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.window.clear();
        self.phase = phase;
    }
}

impl PartialEq for Breaker {
    fn eq(&self, other: &Self) -> bool {
        let whole = |breaker: &Self| (breaker.generation, breaker.openings, breaker.in_flight);
        whole(self) == whole(other)
            && (&self.phase, &self.window, &self.settings) == (&other.phase, &other.window, &other.settings)
    }
}

#[cfg(test)]
mod tests;
