//! `Backoff`: so many retries, with pauses that stay or grow.

use crate::{ConfigError, Retry, TaskError, Time};
use std::time::Duration;

/// Retries errors and timeouts a number of times, with a pause that stays, grows, or wanders at random.
///
/// A panic is a bug and a rejection is not an attempt: neither is retried. To choose by error, use
/// [`retry_fn`](crate::retry_fn). Pauses are exact to the nanosecond and never above the cap.
///
/// # Defaults
///
/// 3 retries after the first attempt; factor 2; no pause above 60 s, or above the first where that is longer; no jitter.
///
/// # Examples
///
/// ```
/// use regatta_core::{Backoff, Retry, TaskError, Time};
/// use std::time::Duration;
///
/// let mut retry = Backoff::exponential(Duration::from_millis(100)).times(2);
/// let failure = TaskError::Failed("busy");
/// assert_eq!(retry.delay(Time::ZERO, 1, &failure), Some(Duration::from_millis(100)));
/// assert_eq!(retry.delay(Time::ZERO, 2, &failure), Some(Duration::from_millis(200)));
/// assert_eq!(retry.delay(Time::ZERO, 3, &failure), None);
/// ```
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    growth: Growth,
    delay_max: Duration,
    retries: u32,
    jitter: Jitter,
    seed: Option<u64>,
    /// Made when the first number is drawn: most tasks don't fail, and most rules have no jitter.
    random: Option<fastrand::Rng>,
}

#[derive(Clone, Copy, Debug)]
enum Growth {
    /// Each pause is so many times the one before.
    Factor(f64),
    /// Each pause is longer by the first one.
    Step,
    /// Each pause is drawn between the first one and three times this one, the latest.
    Drawn(Duration),
}

/// A clone starts anew: with random numbers of its own, so that two tasks with the same rule don't come back together;
/// or with the same ones, if it was [seeded](Backoff::seed).
impl Clone for Backoff {
    fn clone(&self) -> Self {
        let growth = match self.growth {
            Growth::Drawn(_) => Growth::Drawn(self.first),
            Growth::Factor(_) | Growth::Step => self.growth,
        };
        Self { random: None, growth, ..*self }
    }
}

/// How a pause is shortened at random, so that tasks that failed together don't return together.
///
/// Jitter only ever shortens, after the cap, so no pause is longer than the cap. Named as in Marc Brooker,
/// "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Jitter {
    /// The pause as it is.
    #[default]
    None,
    /// Between half the pause and the pause.
    Equal,
    /// Between nothing and the pause.
    Full,
}

impl Backoff {
    /// The same pause after each failure.
    pub fn constant(pause: Duration) -> Self {
        Self {
            first: pause,
            growth: Growth::Factor(1.0),
            delay_max: Duration::from_secs(60).max(pause),
            retries: 3,
            jitter: Jitter::None,
            seed: None,
            random: None,
        }
    }

    /// `first` after the first failure, and twice as long after each further one.
    pub fn exponential(first: Duration) -> Self {
        Self { growth: Growth::Factor(2.0), ..Self::constant(first) }
    }

    /// `step` after the first failure, and longer by `step` after each further one.
    pub fn linear(step: Duration) -> Self {
        Self { growth: Growth::Step, ..Self::constant(step) }
    }

    /// Between `base` and three times the pause before, at random: spread out from the first retry on, and growing on
    /// average.
    ///
    /// This is "decorrelated jitter" of Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015,
    /// except that the range is capped, not what was drawn from it: otherwise two pauses of three would be the cap,
    /// once they have grown to it. [`jitter`](Backoff::jitter) may shorten what was drawn further, below `base`, too.
    pub fn decorrelated(base: Duration) -> Self {
        Self { growth: Growth::Drawn(base), ..Self::constant(base) }
    }

    /// At most this many retries after the first attempt; 0 means none.
    #[must_use]
    pub fn times(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Retries until something else stops it. A report keeps the error of each attempt, so its memory grows with them.
    #[must_use]
    pub fn forever(self) -> Self {
        self.times(u32::MAX)
    }

    /// No pause is longer than this.
    #[must_use]
    pub fn delay_max(mut self, longest: Duration) -> Self {
        self.delay_max = longest;
        self
    }

    /// How many times as long each pause is as the one before; the pauses then grow by this factor and in no other
    /// way.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is a finite number of at least 1.
    pub fn factor(mut self, factor: f64) -> Result<Self, ConfigError> {
        if !factor.is_finite() || factor < 1.0 {
            return Err(ConfigError::new("factor", factor, "must be a finite number of at least 1"));
        }
        self.growth = Growth::Factor(factor);
        Ok(self)
    }

    /// Shortens the pauses at random.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Makes the jitter the same in every run, and in every clone.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        (self.seed, self.random) = (Some(seed), None);
        self
    }

    fn random(&mut self) -> &mut fastrand::Rng {
        let seed = self.seed;
        self.random.get_or_insert_with(|| seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed))
    }

    fn pause(&mut self, attempts: u32) -> Duration {
        let earlier = attempts.saturating_sub(1);
        let pause = match self.growth {
            Growth::Factor(factor) => grown(self.first, factor, earlier),
            Growth::Step => self.first.saturating_mul(earlier.saturating_add(1)),
            Growth::Drawn(latest) => {
                let latest = if earlier == 0 { self.first } else { latest };
                let ceiling = latest.saturating_mul(3).min(self.delay_max);
                let drawn = between(self.first.min(ceiling), ceiling, self.random());
                self.growth = Growth::Drawn(drawn);
                drawn
            }
        };
        let pause = pause.min(self.delay_max);
        match self.jitter {
            Jitter::None => pause,
            Jitter::Equal => between(pause / 2, pause, self.random()),
            Jitter::Full => between(Duration::ZERO, pause, self.random()),
        }
    }
}

/// `first` times `factor` to the power of `times`.
///
/// In whole nanoseconds: a float has 53 bits, so a pause of months would be rounded, perhaps to above its cap.
fn grown(first: Duration, factor: f64, times: u32) -> Duration {
    let power = factor.powi(i32::try_from(times).unwrap_or(i32::MAX));
    let nanos = first.as_nanos();
    // Saturates, as conversions from floats do; then nothing is left for the fraction.
    let whole = power as u128;
    let fraction = if power.is_finite() { nanos as f64 * power.fract() } else { 0.0 };
    from_nanos(nanos.saturating_mul(whole).saturating_add(fraction.round() as u128))
}

/// Evenly distributed, both ends included.
fn between(low: Duration, high: Duration, random: &mut fastrand::Rng) -> Duration {
    let (low, high) = (low.as_nanos(), high.as_nanos());
    from_nanos(match (u64::try_from(low), u64::try_from(high)) {
        (Ok(low), Ok(high)) => random.u64(low..=high).into(),
        _ => random.u128(low..=high),
    })
}

fn from_nanos(nanos: u128) -> Duration {
    if let Ok(nanos) = u64::try_from(nanos) {
        return Duration::from_nanos(nanos);
    }
    const SECOND: u128 = 1_000_000_000;
    match (u64::try_from(nanos / SECOND), u32::try_from(nanos % SECOND)) {
        (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
        _ => Duration::MAX,
    }
}

impl<E> Retry<E> for Backoff {
    fn delay(&mut self, _: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        let worth_it = matches!(failure, TaskError::Failed(_) | TaskError::TimedOut { .. });
        (worth_it && attempts <= self.retries).then(|| self.pause(attempts))
    }

    fn timed(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
