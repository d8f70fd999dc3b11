//! What an `Adaptive` can be told before it starts.

use super::Adaptive;
use regatta_core::ConfigError;

/// What an [`Adaptive`] makes of an [`Outcome::Failure`](regatta_core::Outcome::Failure).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnFailure {
    /// The limit shrinks as after an overload.
    #[default]
    Shrink,
    /// Nothing is learned, for callers that classify overload themselves.
    Ignore,
}

impl Adaptive {
    /// Keeps the limit from `min` to `max`. An initial limit outside moves to the nearer bound.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `min` is zero or `max` less than `min`.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn bounds(mut self, min: usize, max: usize) -> Result<Self, ConfigError> {
        if min == 0 {
            return Err(ConfigError::new("min", min, "must be at least 1"));
        }
        if max < min {
            return Err(ConfigError::new("max", max, "must not be less than min"));
        }
        (self.min, self.max) = (min, max);
        let initial = self.initial.clamp(min, max);
        Ok(self.begin(initial))
    }

    /// Begins with the limit `n`, which lies within the bounds; set these first.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it doesn't.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn initial(self, n: usize) -> Result<Self, ConfigError> {
        if !(self.min..=self.max).contains(&n) {
            return Err(ConfigError::new("initial", n, "must lie within the bounds"));
        }
        Ok(self.begin(n))
    }

    fn begin(mut self, initial: usize) -> Self {
        self.initial = initial;
        self.limit = initial as f64;
        self
    }

    /// Shrinks to this part of the limit, and by at least 1.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless `factor` is above 0 and below 1.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn decrease(mut self, factor: f64) -> Result<Self, ConfigError> {
        // Written so that NaN is refused, too.
        if !(factor > 0.0 && factor < 1.0) {
            return Err(ConfigError::new("decrease", factor, "must be above 0 and below 1"));
        }
        self.decrease = factor;
        Ok(self)
    }

    /// What to make of failures.
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }
}
