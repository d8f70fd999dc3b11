//! `Backoff`: so many retries, with pauses that stay or grow.

use crate::{ConfigError, Retry, TaskError, Time};
use std::time::Duration;

/// Retries errors and timeouts a number of times, with a constant or an exponentially growing pause.
///
/// A panic is a bug and a rejection is not an attempt: neither is retried. To choose by error, use [`retry_fn`].
///
/// # Defaults
///
/// 3 retries after the first attempt; factor 2; no pause above 60 s; no jitter.
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
    factor: f64,
    delay_max: Duration,
    retries: u32,
    jitter: Jitter,
    seed: Option<u64>,
    random: fastrand::Rng,
}

/// A clone starts anew: with random numbers of its own, so that two tasks with the same rule don't come back together;
/// or with the same ones, if it was [seeded](Backoff::seed).
impl Clone for Backoff {
    fn clone(&self) -> Self {
        let random = self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { random, ..*self }
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
            factor: 1.0,
            delay_max: Duration::from_secs(60).max(pause),
            retries: 3,
            jitter: Jitter::None,
            seed: None,
            random: fastrand::Rng::new(),
        }
    }

    /// `first` after the first failure, and twice as long after each further one.
    pub fn exponential(first: Duration) -> Self {
        Self { factor: 2.0, ..Self::constant(first) }
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

    /// How much longer each pause is than the one before.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is a finite number of at least 1.
    pub fn factor(mut self, factor: f64) -> Result<Self, ConfigError> {
        if !factor.is_finite() || factor < 1.0 {
            return Err(ConfigError::new("factor", factor, "must be a finite number of at least 1"));
        }
        self.factor = factor;
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
        self.seed = Some(seed);
        self.random = fastrand::Rng::with_seed(seed);
        self
    }

    fn pause(&mut self, attempts: u32) -> Duration {
        // Nothing grows from zero, and zero times infinity is not a number.
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        let grown = self.factor.powi(i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX));
        // Through f64, because the power overflows a Duration long before it overflows a float.
        let uncapped = self.first.as_secs_f64() * grown;
        let pause = Duration::try_from_secs_f64(uncapped).unwrap_or(Duration::MAX).min(self.delay_max);
        match self.jitter {
            Jitter::None => pause,
            Jitter::Equal => pause.mul_f64(1.0 - self.random.f64() / 2.0),
            Jitter::Full => pause.mul_f64(self.random.f64()),
        }
    }
}

impl<E> Retry<E> for Backoff {
    fn delay(&mut self, _: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        let worth_it = matches!(failure, TaskError::Failed(_) | TaskError::TimedOut { .. });
        (worth_it && attempts <= self.retries).then(|| self.pause(attempts))
    }
}

#[cfg(test)]
mod tests;
