//! How a breaker is made and set up, and what is refused.

use super::Breaker;
use super::phase::Phase;
use super::window::{CountWindow, Judge, TimeWindow, Window};
use regatta_core::{ConfigError, Kick};
use std::time::Duration;

/// How long it stays open, and how long a probe keeps its place.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Settings {
    open_for: Duration,
    growing: Option<Growing>,
    pub(super) probes: u32,
    pub(super) probe_timeout: Duration,
    pub(super) recover_over: Option<Duration>,
    /// More nanoseconds than this are slow.
    pub(super) slow: Option<u64>,
    pub(super) fail_fast: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Growing {
    factor: f64,
    max: Duration,
}

impl Settings {
    /// How long the next opening lasts, after so many in a row.
    pub(super) fn pause(&self, openings: u32) -> Duration {
        let Some(Growing { factor, max }) = self.growing else { return self.open_for };
        if openings == 0 {
            return self.open_for;
        }
        let growth = factor.powi(i32::try_from(openings).unwrap_or(i32::MAX));
        // What is too long for a `Duration` is longer than any maximum.
        Duration::try_from_secs_f64(self.open_for.as_secs_f64() * growth)
            .map_or(max, |pause| pause.max(self.open_for).min(max))
    }
}

impl Breaker {
    /// Opens after `failures` in a row; a success in between begins the count anew.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `failures` is zero.
    pub fn consecutive(failures: u32) -> Result<Self, ConfigError> {
        at_least_one("failures", failures)?;
        Ok(Self::new(Window::Consecutive { most: failures, failures: 0 }))
    }

    /// Opens when the share of failures among the last `size` results reaches `rate`, which is above 0 and at most 1.
    ///
    /// Judged only once [`minimum`](Breaker::minimum) results are in; unless told otherwise, when the window is full.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `size` is zero, or `rate` is not above 0 and at most 1.
    pub fn count_window(size: u32, rate: f64) -> Result<Self, ConfigError> {
        at_least_one("size", size)?;
        Ok(Self::new(Window::Count(CountWindow::new(size), Judge::new(size, share("rate", rate)?))))
    }

    /// Opens when the share of failures among the results of the last `window` reaches `rate`, which is above 0 and at
    /// most 1.
    ///
    /// The window slides in tenths: a result counts for nine tenths of it at least, and never longer than the whole,
    /// rounded up to ten nanoseconds. Judged only once [`minimum`](Breaker::minimum) results are in it; unless told
    /// otherwise, 10.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `window` is zero, or `rate` is not above 0 and at most 1.
    pub fn time_window(window: Duration, rate: f64) -> Result<Self, ConfigError> {
        longer_than_zero("window", window)?;
        Ok(Self::new(Window::Time(TimeWindow::new(window), Judge::new(10, share("rate", rate)?))))
    }

    fn new(window: Window) -> Self {
        let settings = Settings {
            open_for: PAUSE,
            growing: None,
            probes: 1,
            probe_timeout: PAUSE,
            recover_over: None,
            slow: None,
            fail_fast: false,
        };
        Self {
            settings,
            window,
            phase: Phase::Closed,
            generation: 0,
            openings: 0,
            in_flight: 0,
            kick: Kick::none(),
        }
    }

    /// Judges a window only once it holds `results`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `results` is zero or more than a count window holds, or if there is no window.
    #[must_use = "returns the changed breaker"]
    pub fn minimum(mut self, results: u32) -> Result<Self, ConfigError> {
        at_least_one("minimum", results)?;
        let judge = match &mut self.window {
            Window::Consecutive { .. } => {
                return Err(ConfigError::new("minimum", results, "needs a window, of a count or of time"));
            }
            Window::Count(window, _) if results > window.size() => {
                return Err(ConfigError::new("minimum", results, "must be at most the size of the window"));
            }
            Window::Count(_, judge) | Window::Time(_, judge) => judge,
        };
        judge.minimum = results.into();
        Ok(self)
    }

    /// Also opens when the share of slow calls in the window reaches `rate`: those that take longer than `over` from
    /// their start to their finish, whether they succeed or fail. A slow probe opens it again.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `over` is zero, `rate` is not above 0 and at most 1, or if there is no window.
    #[must_use = "returns the changed breaker"]
    pub fn slow(mut self, over: Duration, rate: f64) -> Result<Self, ConfigError> {
        longer_than_zero("slow", over)?;
        let rate = share("slow rate", rate)?;
        let judge = match &mut self.window {
            Window::Consecutive { .. } => {
                let value = format_args!("{over:?}");
                return Err(ConfigError::new("slow", value, "needs a window, of a count or of time"));
            }
            Window::Count(_, judge) | Window::Time(_, judge) => judge,
        };
        judge.slow = Some(rate);
        self.settings.slow = Some(u64::try_from(over.as_nanos()).unwrap_or(u64::MAX));
        Ok(self)
    }

    /// Stays open for so long.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero, or longer than the maximum that it may grow to.
    #[must_use = "returns the changed breaker"]
    pub fn open_for(mut self, pause: Duration) -> Result<Self, ConfigError> {
        longer_than_zero("open_for", pause)?;
        if self.settings.growing.is_some_and(|growing| pause > growing.max) {
            let value = format_args!("{pause:?}");
            return Err(ConfigError::new("open_for", value, "must be at most the maximum that it grows to"));
        }
        self.settings.open_for = pause;
        Ok(self)
    }

    /// Each time it opens again without having recovered in between, it stays open `factor` times as long as before, up
    /// to `max`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `factor` is less than 1 or not finite, or `max` is shorter than
    /// [`open_for`](Breaker::open_for).
    #[must_use = "returns the changed breaker"]
    pub fn growing(mut self, factor: f64, max: Duration) -> Result<Self, ConfigError> {
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(ConfigError::new("factor", factor, "must be finite and at least 1"));
        }
        if max < self.settings.open_for {
            let value = format_args!("{max:?}");
            return Err(ConfigError::new("max", value, "must be at least as long as it is open at first"));
        }
        self.settings.growing = Some(Growing { factor, max });
        Ok(self)
    }

    /// Half-open, at most so many are in flight at once, and so many successes close it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero.
    #[must_use = "returns the changed breaker"]
    pub fn probes(mut self, probes: u32) -> Result<Self, ConfigError> {
        at_least_one("probes", probes)?;
        self.settings.probes = probes;
        Ok(self)
    }

    /// A probe that has not reported after so long gives its place to another one. [`Duration::MAX`] means never.
    ///
    /// While all places are taken, the answer is [`NotBefore`](regatta_core::Readiness::NotBefore) the end of the first
    /// one's time, although a report may come sooner. So whoever asks with a deadline before that
    /// ([`acquire_by`](regatta_core::Limiter::acquire_by)) is refused at once; whoever just waits is served on the report.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero.
    #[must_use = "returns the changed breaker"]
    pub fn probe_timeout(mut self, timeout: Duration) -> Result<Self, ConfigError> {
        longer_than_zero("probe_timeout", timeout)?;
        self.settings.probe_timeout = timeout;
        Ok(self)
    }

    /// After the probes have closed it, holds back for so long.
    ///
    /// The time has ten equal steps. In the first, at most as many are in flight as there were
    /// [`probes`](Breaker::probes), in each further step at most twice as many as in the one before, and after the last
    /// one there is no cap. So what starts from the closing on never exceeds, in flight, what the probes have shown to go
    /// well, doubled once per step: in the step `k`, counted from 0, at most `probes * 2^k`. Without failures the cap
    /// only rises; failures open the breaker as ever. Calls that never end hold it up to the end of the time and no
    /// longer.
    ///
    /// At the cap the answer is [`NotBefore`](regatta_core::Readiness::NotBefore) the step that has room, although a call
    /// may end sooner; then whoever waits is served. Whoever has a deadline before that is refused at once, and with
    /// [`fail_fast`](Breaker::fail_fast) everybody is.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero.
    #[must_use = "returns the changed breaker"]
    pub fn recover_over(mut self, over: Duration) -> Result<Self, ConfigError> {
        longer_than_zero("recover_over", over)?;
        self.settings.recover_over = Some(over);
        Ok(self)
    }

    /// Makes nobody wait: whatever can't start at once is refused with
    /// [`Rejection::Open`](regatta_core::Rejection::Open), also beyond the probes (as in resilience4j) and beyond the cap
    /// of recovery. Those who wait for another strategy beside it are refused when it opens, too.
    #[must_use]
    pub fn fail_fast(mut self) -> Self {
        self.settings.fail_fast = true;
        self
    }
}

fn at_least_one(field: &'static str, count: u32) -> Result<(), ConfigError> {
    if count == 0 { Err(ConfigError::new(field, count, "must be at least 1")) } else { Ok(()) }
}

fn longer_than_zero(field: &'static str, time: Duration) -> Result<(), ConfigError> {
    if time.is_zero() {
        return Err(ConfigError::new(field, format_args!("{time:?}"), "must be longer than zero"));
    }
    Ok(())
}

fn share(field: &'static str, rate: f64) -> Result<f64, ConfigError> {
    if rate > 0.0 && rate <= 1.0 {
        return Ok(rate);
    }
    Err(ConfigError::new(field, rate, "must be above 0 and at most 1"))
}
