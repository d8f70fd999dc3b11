//! `SlidingWindow`: so much in any stretch of time, exactly.

use crate::log::{Log, Reach};
use crate::rate;
use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::time::Duration;

/// Admits at most `n` in any window of time, wherever it begins, and never less than that allows.
///
/// It keeps a log of the latest starts: the n-th start after another comes at least a window later, and as soon as it
/// has, it may. Where the log is too large, take a [`SlidingWindowCounter`](crate::SlidingWindowCounter) or a
/// [`Gcra`](crate::Gcra).
///
/// A request counts as much as it costs. One of cost 0 is free and always admitted. One that costs more than `n` is
/// refused with [`Rejection::TooCostly`](regatta_core::Rejection::TooCostly). A start that is undone with
/// [`Outcome::Unused`] gives back what it took if it was the latest; if there was a later one, it counts. Other
/// outcomes give nothing back.
///
/// [`reconcile`](Strategy::reconcile) corrects what a start counts, upwards also beyond `n`, at the time of that start;
/// once that no longer counts, it changes nothing. A start whose clock lags behind the latest start is admitted only if
/// its own time allows it, and counts as long as the latest. At [`Time::MAX`], which means never, everything is ready.
///
/// To change the rate while tasks run, share the strategy through a [`Limiter`](regatta_core::Limiter) and call
/// [`set_rate`](SlidingWindow::set_rate) in its `update`. A clone is a limit of its own.
///
/// # Cost
///
/// Constant time for requests of cost 1; an ask of cost k looks at up to k entries, a correction searches for its own.
/// The log takes 16 bytes for each start that counts, fewer if starts share a time, so at most 16·(n + 1) bytes. It
/// grows as it is used.
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::SlidingWindow;
/// use std::time::Duration;
///
/// let mut rate = SlidingWindow::new(2, Duration::from_secs(60))?;
/// let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
/// let _running = [50, 59].map(|seconds| rate.start(at(seconds), &Request::new()));
/// assert_eq!(rate.ready(at(60), &Request::new()), Readiness::NotBefore(at(110)));
/// assert_eq!(rate.ready(at(110), &Request::new().cost(2)), Readiness::NotBefore(at(119)));
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SlidingWindow {
    /// The window is the log's span, and its ticks are nanoseconds.
    reach: Reach,
    log: Log,
    /// The latest start's number; starts that were undone in time don't count.
    starts: u64,
    kick: Kick,
}

/// What a task holds of a [`SlidingWindow`]: which start it was, and what it took.
#[derive(Debug)]
#[must_use = "an unused start is given back by finishing its token"]
pub struct SlidingWindowToken {
    /// Zero for a free start, which is none.
    number: u64,
    tick: u64,
    cost: u32,
}

impl SlidingWindow {
    /// At most `n` in any `window`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero.
    pub fn new(n: u32, window: Duration) -> Result<Self, ConfigError> {
        let reach = Reach { n: rate::count("n", n)?, span: rate::nanos("window", window)? };
        Ok(Self { reach, log: Log::default(), starts: 0, kick: Kick::none() })
    }

    /// Changes the rate, and makes those who wait ask again.
    ///
    /// The starts in the log count on. It may have fewer than a larger `n` or a longer `window` asks for, as those
    /// before were forgotten; they don't count.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero; the old rate stays.
    pub fn set_rate(&mut self, n: u32, window: Duration) -> Result<(), ConfigError> {
        let reach = Reach { n: rate::count("n", n)?, span: rate::nanos("window", window)? };
        if reach != self.reach {
            self.log.reach_changed(self.reach, reach);
            self.reach = reach;
            self.kick.kick();
        }
        Ok(())
    }

    /// The most that starts within a window.
    pub fn n(&self) -> u32 {
        self.reach.n
    }

    /// The length of the window.
    pub fn window(&self) -> Duration {
        Duration::from_nanos(self.reach.span)
    }
}

impl PartialEq for SlidingWindow {
    fn eq(&self, other: &Self) -> bool {
        (self.reach, self.starts) == (other.reach, other.starts) && self.log == other.log
    }
}

impl Eq for SlidingWindow {}

impl Strategy for SlidingWindow {
    type Token = SlidingWindowToken;

    #[inline]
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        if request.cost == 0 {
            return Readiness::Ready;
        }
        if request.cost > self.reach.n {
            return rate::too_costly(request.cost, self.reach.n);
        }
        rate::from(self.log.earliest(request.cost, self.reach), now)
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<SlidingWindowToken, Readiness> {
        self.ready(now, request).check()?;
        let (tick, cost) = (self.log.place(now.as_nanos()), request.cost);
        if cost == 0 {
            return Ok(SlidingWindowToken { number: 0, tick, cost });
        }
        self.starts += 1;
        // Each run that counts has a unit, and the latest may have made all others stale.
        let runs_max = usize::try_from(self.reach.n).unwrap_or(usize::MAX).saturating_add(1);
        self.log.enter(tick, cost, self.reach, runs_max);
        Ok(SlidingWindowToken { number: self.starts, tick, cost })
    }

    #[inline]
    fn finish(&mut self, token: SlidingWindowToken, _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused && token.number != 0 && token.number == self.starts {
            self.starts -= 1;
            self.log.correct(token.tick, token.cost, 0, self.reach);
        }
    }

    fn reconcile(&mut self, token: &mut SlidingWindowToken, _: Time, actual: u32) {
        if self.log.correct(token.tick, token.cost, actual, self.reach) {
            token.cost = actual;
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
        rate::from(self.log.end(self.reach), now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("sliding window", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
