//! `Spacing`: not too close together.

use regatta_core::{ConfigError, Explain, Outcome, Readiness, Request, Strategy, Time};
use std::time::Duration;

/// Keeps a gap between one task and the next.
///
/// Measured from [`Measure::Start`], which is the default, any two starts are at least the gap apart, however long the
/// tasks run. Measured from [`Measure::Finish`], one task runs at a time, and the next starts no earlier than the gap
/// after the end of the one before, whatever its outcome; while one runs, the answer is [`Readiness::OnChange`].
///
/// Every start counts as one, whatever it costs. A start that is undone with [`Outcome::Unused`] is forgotten if it was
/// the latest; if there was a later one, it counts, so that the gap can't be broken. A clone is a limit of its own.
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::Spacing;
/// use std::time::Duration;
///
/// let gap = Duration::from_secs(1);
/// let mut polite = Spacing::new(gap)?;
/// let _running = polite.start(Time::ZERO, &Request::new());
/// assert_eq!(polite.ready(Time::ZERO, &Request::new()), Readiness::NotBefore(Time::ZERO + gap));
/// assert_eq!(polite.ready(Time::ZERO + gap, &Request::new()), Readiness::Ready);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spacing {
    gap: Duration,
    measure: Measure,
    /// The latest start or the latest end, whichever the gap is measured from.
    last: Option<Time>,
    /// The latest start's number; starts that were undone in time don't count.
    starts: u64,
    running: bool,
}

/// From where [`Spacing`] measures its gap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Measure {
    /// From the start of one task to the start of the next.
    #[default]
    Start,
    /// From the end of one task to the start of the next, one at a time.
    Finish,
}

/// What a task holds of a [`Spacing`]: which start it was, and how to undo it.
#[derive(Debug)]
#[must_use = "measured from the finish, nothing starts until the token is finished"]
pub struct SpacingToken {
    number: u64,
    before: Option<Time>,
}

impl Spacing {
    /// Starts at least `gap` apart.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `gap` is zero.
    pub fn new(gap: Duration) -> Result<Self, ConfigError> {
        if gap.is_zero() {
            return Err(ConfigError::new("gap", format_args!("{gap:?}"), "must be longer than zero"));
        }
        Ok(Self { gap, measure: Measure::Start, last: None, starts: 0, running: false })
    }

    /// Measures the gap from there. To be chosen before the first start.
    #[must_use]
    pub fn from(mut self, measure: Measure) -> Self {
        self.measure = measure;
        self
    }

    /// The gap.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// From where the gap is measured.
    pub fn measure(&self) -> Measure {
        self.measure
    }
}

impl Strategy for Spacing {
    type Token = SpacingToken;

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        if self.running {
            return Readiness::OnChange;
        }
        match self.last.map(|last| last + self.gap) {
            Some(earliest) if now < earliest => Readiness::NotBefore(earliest),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<SpacingToken, Readiness> {
        self.ready(now, request).check()?;
        self.starts += 1;
        let token = SpacingToken { number: self.starts, before: self.last };
        match self.measure {
            Measure::Start => self.last = Some(now),
            Measure::Finish => self.running = true,
        }
        Ok(token)
    }

    fn finish(&mut self, token: SpacingToken, now: Time, outcome: Outcome) {
        if token.number != self.starts {
            // A later start stands on this one.
            return;
        }
        if outcome == Outcome::Unused {
            self.starts -= 1;
            self.running = false;
            self.last = token.before;
        } else if self.running {
            self.running = false;
            // The clock of the one who finishes may lag behind.
            self.last = self.last.max(Some(now));
        }
    }

    fn finish_timed(&self) -> bool {
        self.measure == Measure::Finish
    }

    fn finish_matters(&self) -> bool {
        self.measure == Measure::Finish
    }

    fn rest(&self, now: Time) -> Readiness {
        self.ready(now, &Request::new())
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("spacing", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
