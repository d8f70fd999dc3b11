//! `FixedWindow`: so much in each stretch of time, counted anew in the next.

use crate::rate;
use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::time::Duration;

/// Admits at most `n` in each window of time, and counts anew in the next.
///
/// This is how many services count their quotas. The windows are true ones: at the edge between two of them up to `2n`
/// may start close together, the last of one window and the first of the next. Where that is too much, take a
/// [`SlidingWindow`](crate::SlidingWindow). With [`Align::Origin`] the windows are those of the clock's line; with
/// [`Align::FirstStart`] each begins with a start.
///
/// A request counts as much as it costs. One of cost 0 is free and always admitted. One that costs more than `n` is
/// refused with [`Rejection::TooCostly`](regatta_core::Rejection::TooCostly). A start that is undone with
/// [`Outcome::Unused`] gives back what it took if it was the latest; if there was a later one, it counts. Other
/// outcomes give nothing back.
///
/// [`reconcile`](Strategy::reconcile) corrects the count, upwards also beyond `n`, as long as the window of the start
/// goes on; later it changes nothing. A clock that lags behind the beginning of the window waits for it. At
/// [`Time::MAX`], which means never, everything is ready.
///
/// To change the rate while tasks run, share the strategy through a [`Limiter`](regatta_core::Limiter) and call
/// [`set_rate`](FixedWindow::set_rate) in its `update`. A clone is a limit of its own.
///
/// # Defaults
///
/// - Alignment: [`Align::Origin`].
///
/// # Cost
///
/// Constant time; under 100 bytes, whatever `n` is.
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::FixedWindow;
/// use std::time::Duration;
///
/// let mut quota = FixedWindow::new(2, Duration::from_secs(60))?;
/// let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
/// let _running = [59, 59].map(|seconds| quota.start(at(seconds), &Request::new()));
/// assert_eq!(quota.ready(at(59), &Request::new()), Readiness::NotBefore(at(60)));
/// assert_eq!(quota.ready(at(60), &Request::new().cost(2)), Readiness::Ready);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedWindow {
    n: u32,
    window: u64,
    align: Align,
    count: Count,
    /// The latest start's number; starts that were undone in time don't count.
    starts: u64,
    kick: Kick,
}

/// Where the windows of a [`FixedWindow`] begin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Align {
    /// At the multiples of the window on the clock's line, whether anything starts or not.
    #[default]
    Origin,
    /// With the first start after the window before is over.
    FirstStart,
}

/// What a task holds of a [`FixedWindow`]: which start it was, and how to undo it.
#[derive(Debug)]
#[must_use = "an unused start is given back by finishing its token"]
pub struct FixedWindowToken {
    /// Zero for a free start, which is none.
    number: u64,
    at: u64,
    cost: u32,
    before: Count,
}

/// What was counted in the current window. While nothing is, no window goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Count {
    start: u64,
    latest: u64,
    used: u64,
}

impl FixedWindow {
    /// At most `n` in each `window`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero.
    pub fn new(n: u32, window: Duration) -> Result<Self, ConfigError> {
        let (n, window) = (rate::count("n", n)?, rate::nanos("window", window)?);
        Ok(Self { n, window, align: Align::Origin, count: Count::default(), starts: 0, kick: Kick::none() })
    }

    /// Lets the windows begin there. To be chosen before the first start.
    #[must_use]
    pub fn align(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    /// Changes the rate, and makes those who wait ask again.
    ///
    /// A new `n` counts at once: below what has started, nothing more starts in this window. A new `window` counts from
    /// then on; the one that goes on is replaced by the new one in which the latest start lies, and what was counted
    /// counts there in full.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero; the old rate stays.
    pub fn set_rate(&mut self, n: u32, window: Duration) -> Result<(), ConfigError> {
        let (n, window) = (rate::count("n", n)?, rate::nanos("window", window)?);
        if (n, window) == (self.n, self.window) {
            return Ok(());
        }
        self.n = n;
        if window != self.window {
            self.window = window;
            self.count.start = self.begin(self.count.latest);
            // What started before counts in a window that its token doesn't know, so none of it can be undone.
            self.starts += 1;
        }
        self.kick.kick();
        Ok(())
    }

    /// The most that starts in a window.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The length of a window.
    pub fn window(&self) -> Duration {
        Duration::from_nanos(self.window)
    }

    /// Where the windows begin.
    pub fn alignment(&self) -> Align {
        self.align
    }

    /// Where a window begins that is opened at `now`.
    fn begin(&self, now: u64) -> u64 {
        match self.align {
            Align::Origin => now - now % self.window,
            Align::FirstStart => now,
        }
    }

    /// Whether the window that is counted goes on at `at`, which is not before it.
    #[inline]
    fn covers(&self, at: u64) -> bool {
        self.count.used > 0 && at - self.count.start < self.window
    }

    #[inline]
    fn add(&mut self, at: u64, cost: u32) {
        if !self.covers(at) {
            self.count = Count { start: self.begin(at), latest: at, used: 0 };
        }
        self.count.latest = self.count.latest.max(at);
        self.count.used = self.count.used.saturating_add(u64::from(cost));
    }

    fn undo(&mut self, token: &FixedWindowToken) {
        self.starts -= 1;
        if token.at < self.count.start || !self.covers(token.at) {
            return;
        }
        let left = self.count.used.saturating_sub(u64::from(token.cost));
        if token.before.start == self.count.start {
            self.count = Count { used: left, ..token.before };
        } else if left == 0 {
            self.count = token.before;
        } else {
            // Others were counted since it opened the window, by a correction.
            self.count.used = left;
        }
    }
}

impl PartialEq for FixedWindow {
    fn eq(&self, other: &Self) -> bool {
        (self.n, self.window, self.align, self.count, self.starts)
            == (other.n, other.window, other.align, other.count, other.starts)
    }
}

impl Eq for FixedWindow {}

impl Strategy for FixedWindow {
    type Token = FixedWindowToken;

    #[inline]
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        if request.cost == 0 {
            return Readiness::Ready;
        }
        if request.cost > self.n {
            return rate::too_costly(request.cost, self.n);
        }
        let fits = self.count.used.saturating_add(u64::from(request.cost)) <= u64::from(self.n);
        // Also where it fits: the windows before are no longer counted, so nothing more may start in them.
        let earliest = if fits { self.count.start } else { self.count.start.saturating_add(self.window) };
        rate::from(earliest, now)
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<FixedWindowToken, Readiness> {
        self.ready(now, request).check()?;
        let (at, cost, before) = (now.as_nanos(), request.cost, self.count);
        if cost == 0 {
            return Ok(FixedWindowToken { number: 0, at, cost, before });
        }
        self.starts += 1;
        self.add(at, cost);
        Ok(FixedWindowToken { number: self.starts, at, cost, before })
    }

    #[inline]
    fn finish(&mut self, token: FixedWindowToken, _: Time, outcome: Outcome) {
        if outcome == Outcome::Unused && token.number != 0 && token.number == self.starts {
            self.undo(&token);
        }
    }

    fn reconcile(&mut self, token: &mut FixedWindowToken, _: Time, actual: u32) {
        if token.at < self.count.start {
            return;
        }
        if self.covers(token.at) {
            let others = self.count.used.saturating_sub(u64::from(token.cost));
            self.count.used = others.saturating_add(u64::from(actual));
        } else if token.cost == 0 && actual > 0 {
            // It was free, so its window may not have been opened yet.
            self.add(token.at, actual);
        } else {
            return;
        }
        token.cost = actual;
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
        let goes_on = if self.count.used == 0 { 0 } else { self.window };
        rate::from(self.count.start.saturating_add(goes_on), now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("fixed window", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
