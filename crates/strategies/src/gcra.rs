//! `Gcra`: so much per period, spread evenly, with a burst.

use crate::rate;
use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::time::Duration;

/// Admits `n` per period, spread evenly, and up to a burst at once after a quiet time.
///
/// With T = period / n, at most burst + ⌊d / T⌋ start in any stretch of time of length d, and each starts as early as
/// that allows: T is kept as a fraction, so nothing is gained by rounding. What a start comes late is made up for by
/// the next ones, as far as the burst reaches. With a burst of 1 it is lost, even the rest of a nanosecond where T is not
/// a whole number of them. It is the generic cell rate algorithm of ATM networks (ITU-T I.371), in its form with a
/// theoretical arrival time; a token bucket of the size of the burst admits the same.
///
/// A request counts as much as it costs: k of them at once, k·T of time. One of cost 0 is free and always admitted.
/// One that costs more than the burst is refused with [`Rejection::TooCostly`](regatta_core::Rejection::TooCostly).
/// A start that is undone with [`Outcome::Unused`] gives back what it took if it was the latest; if there was a later
/// one, it counts, because time that passed unused between the two can't be given back. Other outcomes give nothing
/// back.
///
/// [`reconcile`](Strategy::reconcile) upwards adds the difference, so that later starts wait for it, also beyond the
/// burst. Downwards it gives the difference back if the start was the latest; otherwise what was taken counts. A clock
/// that lags is admitted as the rate allows for its own time. At [`Time::MAX`], which means never, everything is
/// ready.
///
/// To change the rate while tasks run, share the strategy through a [`Limiter`](regatta_core::Limiter) and call
/// [`set_rate`](Gcra::set_rate) or [`set_burst`](Gcra::set_burst) in its `update`. A clone is a limit of its own.
///
/// # Defaults
///
/// - Burst: 1, so that starts are at least T apart and requests cost at most 1.
///
/// # Cost
///
/// Constant time: a few multiplications, and a division where it refuses. 40 bytes of state and 24 to tell of changes,
/// whatever `n` is.
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::Gcra;
/// use std::time::Duration;
///
/// let mut rate = Gcra::new(10, Duration::from_secs(1))?.burst(2)?;
/// let _running = [(); 2].map(|()| rate.start(Time::ZERO, &Request::new()));
/// let next = Time::ZERO + Duration::from_millis(100);
/// assert_eq!(rate.ready(Time::ZERO, &Request::new()), Readiness::NotBefore(next));
/// assert_eq!(rate.ready(next, &Request::new()), Readiness::Ready);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gcra {
    level: Level,
    period: u64,
    n: u32,
    burst: u32,
    /// How often the rate was changed. Tokens of another rate measure in another unit.
    changes: u64,
    kick: Kick,
}

/// What a task holds of a [`Gcra`]: what it took, and from what.
#[derive(Debug)]
#[must_use = "an unused start is given back by finishing its token"]
pub struct GcraToken {
    before: Level,
    /// Where the start left the arrival time. As long as it is still there, the start is the latest.
    left: u128,
    at: u64,
    changes: u64,
    cost: u32,
}

/// How much is used up, as times.
// Packed, because the alignment of `u128` would cost 16 bytes here and 16 in the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(Rust, packed(8))]
struct Level {
    /// The theoretical arrival time: when everything that was taken will have flowed off. In units of 1/n nanoseconds,
    /// so that T, which is period/n, is a whole number of them.
    arrival: u128,
    /// The latest start, in nanoseconds.
    latest: u64,
}

impl Gcra {
    /// `n` per `period`, one at a time.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `period` is zero.
    pub fn new(n: u32, period: Duration) -> Result<Self, ConfigError> {
        let (n, period) = (rate::count("n", n)?, rate::nanos("period", period)?);
        Ok(Self { level: Level::default(), period, n, burst: 1, changes: 0, kick: Kick::none() })
    }

    /// Up to `burst` at once.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `burst` is zero.
    pub fn burst(mut self, burst: u32) -> Result<Self, ConfigError> {
        self.set_burst(burst)?;
        Ok(self)
    }

    /// Changes the burst, and makes those who wait ask again.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `burst` is zero; the old one stays.
    pub fn set_burst(&mut self, burst: u32) -> Result<(), ConfigError> {
        let burst = rate::count("burst", burst)?;
        if self.burst != burst {
            self.burst = burst;
            self.kick.kick();
        }
        Ok(())
    }

    /// Changes the rate, and makes those who wait ask again.
    ///
    /// What was used up at the latest start stays used up, and flows off at the new rate from then on. In a stretch of
    /// time around the change no more starts than the more generous of the two rates allows. What started before can't
    /// be undone after it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `period` is zero; the old rate stays.
    pub fn set_rate(&mut self, n: u32, period: Duration) -> Result<(), ConfigError> {
        let (n, period) = (rate::count("n", n)?, rate::nanos("period", period)?);
        if (n, period) == (self.n, self.period) {
            return Ok(());
        }
        let used = self.level.arrival.saturating_sub(self.scaled(self.level.latest));
        let (old, new) = (u128::from(self.period), u128::from(period));
        // Whole costs apart from the rest, which keeps both products within their type.
        let rescaled = (used / old).saturating_mul(new).saturating_add((used % old * new).div_ceil(old));
        (self.n, self.period) = (n, period);
        self.level.arrival = self.scaled(self.level.latest).saturating_add(rescaled);
        self.changes += 1;
        self.kick.kick();
        Ok(())
    }

    /// How many start per period, beyond the burst.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The period.
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// The most that starts at once.
    pub fn burst_max(&self) -> u32 {
        self.burst
    }

    /// `nanos` in units of 1/n nanoseconds.
    #[inline]
    fn scaled(&self, nanos: u64) -> u128 {
        u128::from(nanos) * u128::from(self.n)
    }

    /// The time that `cost` takes to flow off, in the same units.
    #[inline]
    fn duration(&self, cost: u32) -> u128 {
        u128::from(cost) * u128::from(self.period)
    }

    /// The first nanosecond at or after `scaled`.
    #[cold]
    fn nanos(&self, scaled: u128) -> u64 {
        u64::try_from(scaled.div_ceil(u128::from(self.n))).unwrap_or(u64::MAX)
    }

    /// As if `cost` had started at `at` on top of `level`.
    #[inline]
    fn raised(&self, level: Level, at: u64, cost: u32) -> Level {
        let arrival = level.arrival.max(self.scaled(at)).saturating_add(self.duration(cost));
        Level { arrival, latest: level.latest.max(at) }
    }

    fn is_latest(&self, token: &GcraToken) -> bool {
        token.left == self.level.arrival && token.changes == self.changes
    }
}

impl PartialEq for Gcra {
    fn eq(&self, other: &Self) -> bool {
        (self.level, self.period, self.n, self.burst, self.changes)
            == (other.level, other.period, other.n, other.burst, other.changes)
    }
}

impl Eq for Gcra {}

impl Strategy for Gcra {
    type Token = GcraToken;

    #[inline]
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        if request.cost > self.burst {
            return rate::too_costly(request.cost, self.burst);
        }
        // What has to have flowed off so that the cost fits within the burst.
        let earliest = self.level.arrival.saturating_sub(self.duration(self.burst - request.cost));
        if request.cost == 0 || earliest <= self.scaled(now.as_nanos()) {
            return Readiness::Ready;
        }
        rate::from(self.nanos(earliest), now)
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<GcraToken, Readiness> {
        self.ready(now, request).check()?;
        let (before, at, cost) = (self.level, now.as_nanos(), request.cost);
        if cost > 0 {
            self.level = self.raised(before, at, cost);
        }
        Ok(GcraToken { before, left: self.level.arrival, at, changes: self.changes, cost })
    }

    #[inline]
    fn finish(&mut self, token: GcraToken, _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused && token.cost > 0 && self.is_latest(&token) {
            self.level = token.before;
        }
    }

    fn reconcile(&mut self, token: &mut GcraToken, _: Time, actual: u32) {
        let latest = self.is_latest(token);
        if let Some(more) = actual.checked_sub(token.cost).filter(|more| *more > 0) {
            self.level = self.raised(self.level, token.at, more);
        } else if latest && actual == 0 {
            self.level = token.before;
        } else if latest {
            self.level = self.raised(token.before, token.at, actual);
        } else {
            return;
        }
        token.cost = actual;
        if latest {
            token.left = self.level.arrival;
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn finish_matters(&self) -> bool {
        false
    }

    fn rest(&self, now: Time) -> Readiness {
        rate::from(self.nanos(self.level.arrival), now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("gcra", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
