//! `SlidingWindowCounter`: so much in any stretch of time, counted in slots.

use crate::log::{Log, Reach};
use crate::rate;
use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::time::Duration;

/// Admits at most `n` in any window of time, wherever it begins, from a few counts.
///
/// The window is divided into s slots. What started in the current slot or in the s before counts in full, also where
/// the window has already left a part of the oldest. So there are never more than `n` in any window, and under
/// constant demand at least n·s/(s + 1) per window. Counters that weight the oldest slot instead, as if its starts had
/// been spread evenly, admit up to 1.67·n.
///
/// A request counts as much as it costs. One of cost 0 is free and always admitted. One that costs more than `n` is
/// refused with [`Rejection::TooCostly`](regatta_core::Rejection::TooCostly). A start that is undone with
/// [`Outcome::Unused`] gives back what it took if it was the latest; if there was a later one, it counts. Other
/// outcomes give nothing back.
///
/// [`reconcile`](Strategy::reconcile) corrects what a start counts, upwards also beyond `n`, in the slot of that start;
/// once that no longer counts, it changes nothing. A start whose clock lags behind the latest slot is admitted only if
/// its own time allows it, and counts in the latest. At [`Time::MAX`], which means never, everything is ready.
///
/// To change the rate while tasks run, share the strategy through a [`Limiter`](regatta_core::Limiter) and call
/// [`set_rate`](SlidingWindowCounter::set_rate) in its `update`. A clone is a limit of its own.
///
/// # Defaults
///
/// - Slots: 10, or one per nanosecond of a shorter window.
///
/// # Cost
///
/// O(slots) time at worst, constant while a slot goes on; 16 bytes for each slot in which something started, so at most
/// 16·(slots + 3), whatever `n` is.
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::SlidingWindowCounter;
/// use std::time::Duration;
///
/// let mut rate = SlidingWindowCounter::new(100, Duration::from_secs(60))?.slots(6)?;
/// let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
/// let _running = rate.start(at(9), &Request::new().cost(100));
/// // Counted as if it had started at the end of its slot.
/// assert_eq!(rate.ready(at(69), &Request::new()), Readiness::NotBefore(at(70)));
/// assert_eq!(rate.ready(at(70), &Request::new()), Readiness::Ready);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SlidingWindowCounter {
    n: u32,
    grid: Grid,
    /// Its ticks are slots.
    log: Log,
    /// The latest start, for when the slots change.
    latest: u64,
    /// The latest start's number; starts that were undone in time don't count.
    starts: u64,
    /// How often the slots were changed. Tokens of others have other ticks.
    changes: u64,
    /// The slot of the latest start, so that the next need not divide.
    here: Slot,
    kick: Kick,
}

/// What a task holds of a [`SlidingWindowCounter`]: which start it was, and what it took.
#[derive(Debug)]
#[must_use = "an unused start is given back by finishing its token"]
pub struct SlidingWindowCounterToken {
    /// Zero for a free start, which is none.
    number: u64,
    tick: u64,
    /// The latest start before this one.
    before: u64,
    changes: u64,
    cost: u32,
}

/// How the line of time is divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Grid {
    window: u64,
    slots: u32,
}

/// One slot, and its edges: it begins at `from` and ends before `to`.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tick: u64,
    from: u64,
    to: u64,
}

impl SlidingWindowCounter {
    /// At most `n` in any `window`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero.
    pub fn new(n: u32, window: Duration) -> Result<Self, ConfigError> {
        let (n, window) = (rate::count("n", n)?, rate::nanos("window", window)?);
        let slots = u32::try_from(window).map_or(10, |nanos| nanos.min(10));
        Ok(Self {
            n,
            grid: Grid { window, slots },
            log: Log::default(),
            latest: 0,
            starts: 0,
            changes: 0,
            here: Slot::default(),
            kick: Kick::none(),
        })
    }

    /// Divides the window into so many slots: more of them waste less of the rate, and take more memory.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `slots` is zero, or more than the window has nanoseconds.
    pub fn slots(mut self, slots: u32) -> Result<Self, ConfigError> {
        let slots = rate::count("slots", slots)?;
        if u64::from(slots) > self.grid.window {
            return Err(ConfigError::new("slots", slots, "must be at most one per nanosecond of the window"));
        }
        if slots != self.grid.slots {
            self.change(Grid { slots, ..self.grid });
        }
        Ok(self)
    }

    /// Changes the rate, and makes those who wait ask again. The number of slots stays.
    ///
    /// What counts by then counts on. With another `window` each start counts from the end of its former slot, or from
    /// the latest start; starts that have left the former window are forgotten, also if the new one is longer. What
    /// started before such a change can be neither undone nor corrected after it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `n` or `window` is zero, or if the window has fewer nanoseconds than slots; the old rate
    /// stays.
    pub fn set_rate(&mut self, n: u32, window: Duration) -> Result<(), ConfigError> {
        let (n, nanos) = (rate::count("n", n)?, rate::nanos("window", window)?);
        if nanos < u64::from(self.grid.slots) {
            let rule = "must be at least a nanosecond per slot";
            return Err(ConfigError::new("window", format_args!("{window:?}"), rule));
        }
        if (n, nanos) == (self.n, self.grid.window) {
            return Ok(());
        }
        let before = self.reach();
        self.n = n;
        self.log.reach_changed(before, self.reach());
        if nanos != self.grid.window {
            self.change(Grid { window: nanos, ..self.grid });
        }
        self.kick.kick();
        Ok(())
    }

    /// The most that starts within a window.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The length of the window.
    pub fn window(&self) -> Duration {
        Duration::from_nanos(self.grid.window)
    }

    /// Into how many slots the window is divided.
    pub fn slot_count(&self) -> u32 {
        self.grid.slots
    }

    #[inline]
    fn reach(&self) -> Reach {
        // With the current slot, one more than the window has: no stretch as long as the window touches more.
        Reach { n: self.n, span: u64::from(self.grid.slots) + 1 }
    }

    #[inline]
    fn slot_of(&self, now: u64) -> Slot {
        if self.here.from <= now && now < self.here.to { self.here } else { self.grid.slot_of(now) }
    }

    /// Moves what counts to the slots of another grid.
    fn change(&mut self, grid: Grid) {
        let (former, latest) = (self.grid, self.latest);
        self.grid = grid;
        let last_of = |tick: u64| former.begin(tick.saturating_add(1)).saturating_sub(1).min(latest);
        self.log.move_to(|tick| grid.tick(last_of(tick)), self.reach());
        self.here = Slot::default();
        self.changes += 1;
    }
}

impl Grid {
    /// The slot of `now`: ⌊now · slots / window⌋, so that slots need not be a whole number of nanoseconds.
    fn tick(self, now: u64) -> u64 {
        let slots = u64::from(self.slots);
        let rest = u128::from(now % self.window) * u128::from(slots) / u128::from(self.window);
        (now / self.window).saturating_mul(slots).saturating_add(u64::try_from(rest).unwrap_or(u64::MAX))
    }

    /// The first nanosecond of a slot.
    fn begin(self, tick: u64) -> u64 {
        let nanos = (u128::from(tick) * u128::from(self.window)).div_ceil(u128::from(self.slots));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    #[cold]
    fn slot_of(self, now: u64) -> Slot {
        let tick = self.tick(now);
        Slot { tick, from: self.begin(tick), to: self.begin(tick.saturating_add(1)) }
    }
}

impl PartialEq for SlidingWindowCounter {
    fn eq(&self, other: &Self) -> bool {
        (self.n, self.grid, self.latest, self.starts, self.changes)
            == (other.n, other.grid, other.latest, other.starts, other.changes)
            && self.log == other.log
    }
}

impl Eq for SlidingWindowCounter {}

impl Strategy for SlidingWindowCounter {
    type Token = SlidingWindowCounterToken;

    #[inline]
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        if request.cost == 0 {
            return Readiness::Ready;
        }
        if request.cost > self.n {
            return rate::too_costly(request.cost, self.n);
        }
        let earliest = self.log.earliest(request.cost, self.reach());
        if earliest == 0 || earliest <= self.slot_of(now.as_nanos()).tick {
            return Readiness::Ready;
        }
        rate::from(self.grid.begin(earliest), now)
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<SlidingWindowCounterToken, Readiness> {
        self.ready(now, request).check()?;
        let slot = self.slot_of(now.as_nanos());
        let (tick, cost) = (self.log.place(slot.tick), request.cost);
        let (before, changes) = (self.latest, self.changes);
        if cost == 0 {
            return Ok(SlidingWindowCounterToken { number: 0, tick, before, changes, cost });
        }
        self.starts += 1;
        self.here = slot;
        self.latest = self.latest.max(now.as_nanos());
        let runs_max = usize::try_from(self.grid.slots).unwrap_or(usize::MAX).saturating_add(3);
        self.log.enter(tick, cost, self.reach(), runs_max);
        Ok(SlidingWindowCounterToken { number: self.starts, tick, before, changes, cost })
    }

    #[inline]
    fn finish(&mut self, token: SlidingWindowCounterToken, _: Time, outcome: Outcome) {
        let latest = token.number != 0 && token.number == self.starts && token.changes == self.changes;
        if outcome == Outcome::Unused && latest {
            self.starts -= 1;
            self.latest = token.before;
            self.log.correct(token.tick, token.cost, 0, self.reach());
        }
    }

    fn reconcile(&mut self, token: &mut SlidingWindowCounterToken, _: Time, actual: u32) {
        if token.changes == self.changes && self.log.correct(token.tick, token.cost, actual, self.reach()) {
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
        rate::from(self.grid.begin(self.log.end(self.reach())), now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("sliding window counter", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
