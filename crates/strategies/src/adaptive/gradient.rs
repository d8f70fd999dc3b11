//! Gradient2: how far the present latency lies above the usual one.

use super::{BUSY, Sample, Verdict};
use regatta_core::ConfigError;

/// Finds the limit from the ratio of the usual latency to the present one; for [`Adaptive`](crate::Adaptive).
///
/// Successes are averaged over windows of as many as the limit, at least 10. Then, unless less than half of the limit was in
/// use at any time,
///
/// ```text
/// gradient = tolerance * long / short, at most 1
/// target   = gradient * limit + sqrt(limit)
/// limit    = (1 - smoothing) * limit + smoothing * target, at least half of what it was
/// ```
///
/// where `short` is the window's average and `long` an exponential average over 600 windows. Against a server that
/// serves `c` at once, the limit settles a little above `tolerance * c`: the square root is the queue that keeps it busy.
///
/// # Origin
///
/// Formula, 600 and the quick fall of `long` when latency is back to normal are those of `Gradient2Limit` in Netflix's
/// [concurrency-limits](https://github.com/Netflix/concurrency-limits). Three things are different:
///
/// - There, under constant load, the long average follows the queue that the limit itself has made, and the limit climbs
///   without end. Here, while the limit is in use, the long average rises only after a *probe*: now and then the limit is
///   halved for a window, and what is measured then, with no queue or half of it, corrects the average, faster down than
///   up, and up so that it can follow a server that has become slower. A probe that finds something unexpected goes on to
///   half of the half, as long as that makes a difference, and ends with the limit that its find implies. Probes take
///   about 2 of 66 windows, more only while they find something new.
/// - Overload and failures shrink the limit; the original ignores them.
/// - The gradient may fall below 0.5, because with that floor no limit ever falls below 4.
///
/// # Defaults
///
/// - Tolerance 1.25: latency may rise by a quarter before the limit falls.
/// - Smoothing 0.2.
///
/// # Examples
///
/// ```
/// use regatta_strategies::{Adaptive, Gradient2};
///
/// let limit = Adaptive::from(Gradient2::new().tolerance(2.0)?.smoothing(0.5)?).bounds(4, 100)?;
/// assert_eq!(limit.limit(), 20);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Gradient2 {
    tolerance: f64,
    smoothing: f64,
    /// The usual latency, in nanoseconds, once there was a window.
    long: Option<f64>,
    window: Window,
    /// How many busy windows to wait before the next probe.
    calm: u32,
    probe: Option<Probe>,
}

/// The limit is halved for a window.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Probe {
    /// The limit to go back to.
    resume: f64,
    /// The latency at that limit.
    short: f64,
    /// The latency at twice the present limit; infinite where that is not known.
    before: f64,
}

/// Sums over some successes.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Window {
    samples: usize,
    latency: f64,
    /// The most that was in flight when one of them had started.
    in_flight: usize,
}

/// The least number of samples in a window.
const SAMPLES: usize = 10;
/// The same in a probe, which must not mistake chance for news.
const PROBE_SAMPLES: usize = 20;
/// How many windows the long average spans.
const LONG: f64 = 600.0;
/// Busy windows between probes, as long as these find nothing new.
const CALM: u32 = 64;
/// The same after a probe that did, and at the beginning.
const SOON: u32 = 4;
/// A latency this part away from the usual one is news. This part less at half the limit means that there was a queue.
const NEWS: f64 = 0.25;
/// A latency no further away from the usual one may be chance.
const CHANCE: f64 = 0.1;

impl Gradient2 {
    /// With the defaults.
    pub fn new() -> Self {
        Self {
            tolerance: 1.25,
            smoothing: 0.2,
            long: None,
            window: Window::default(),
            calm: SOON,
            probe: None,
        }
    }

    /// Latency may rise to this multiple of the usual one before the limit falls.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is at least 1 and finite.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self, ConfigError> {
        if !(tolerance >= 1.0 && tolerance.is_finite()) {
            return Err(ConfigError::new("tolerance", tolerance, "must be at least 1 and finite"));
        }
        self.tolerance = tolerance;
        Ok(self)
    }

    /// Which part of the way to its target the limit goes at a time.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is above 0 and at most 1.
    #[must_use = "a setting that is dropped has no effect"]
    pub fn smoothing(mut self, smoothing: f64) -> Result<Self, ConfigError> {
        if !(smoothing > 0.0 && smoothing <= 1.0) {
            return Err(ConfigError::new("smoothing", smoothing, "must be above 0 and at most 1"));
        }
        self.smoothing = smoothing;
        Ok(self)
    }

    /// Forgets the window and the probe under way.
    pub(super) fn restart(&mut self) {
        self.window = Window::default();
        self.probe = None;
    }

    pub(super) fn has_learned(&self) -> bool {
        self.long.is_some() || self.window.samples > 0
    }

    #[cfg(test)]
    pub(super) fn long_nanos(&self) -> Option<f64> {
        self.long
    }

    pub(super) fn learn(&mut self, limit: f64, sample: Sample) -> Verdict {
        self.window.samples += 1;
        self.window.latency += sample.latency.as_nanos() as f64;
        self.window.in_flight = self.window.in_flight.max(sample.in_flight);
        let samples = if self.probe.is_some() { PROBE_SAMPLES } else { SAMPLES };
        if self.window.samples < samples.max(limit as usize) {
            return Verdict::Keep;
        }
        let Window { samples, latency, in_flight } = std::mem::take(&mut self.window);
        let (short, used) = (latency / samples as f64, in_flight as f64 / limit.floor());
        match self.probe.take() {
            Some(probe) => self.probed(limit, short, probe),
            None => self.steer(limit, short, used),
        }
    }

    /// A window has ended that was no probe.
    fn steer(&mut self, limit: f64, short: f64, used: f64) -> Verdict {
        if self.long.is_none() && used >= 0.5 {
            // All that is known was measured while a queue may have been filling: that is no usual latency.
            return self.begin_probe(limit, short, f64::INFINITY);
        }
        let mut long = self.long.unwrap_or(short);
        // In full use a longer latency may be this limit's own queue; only a probe can tell.
        if short < long || used < BUSY {
            long += (short - long) / LONG;
        }
        // Back to normal after a long time of high latency: don't wait for the average.
        if long > 2.0 * short {
            long *= 0.9;
        }
        self.long = Some(long);
        if used < 0.5 {
            return Verdict::Keep;
        }
        if self.calm == 0 {
            return self.begin_probe(limit, short, short);
        }
        self.calm -= 1;
        let next = limit + self.smoothing * (self.target(limit, short, long) - limit);
        let next = next.max(limit / 2.0);
        if next < limit {
            Verdict::Renew(next)
        } else if used >= BUSY {
            Verdict::Raise(next)
        } else {
            Verdict::Keep
        }
    }

    fn begin_probe(&mut self, limit: f64, short: f64, before: f64) -> Verdict {
        self.probe = Some(Probe { resume: limit, short, before });
        Verdict::Renew(limit / 2.0)
    }

    /// A window of a probe has ended, with a latency that owes little to this limit's own queue.
    fn probed(&mut self, limit: f64, short: f64, probe: Probe) -> Verdict {
        let off = self.long.map_or(f64::INFINITY, |long| (short - long).abs() / long);
        let (expected, certain) = (off <= NEWS, off > CHANCE);
        let queued = short < (1.0 - NEWS) * probe.before;
        if !expected && queued && limit >= 2.0 {
            self.probe = Some(Probe { before: short, ..probe });
            return Verdict::Renew(limit / 2.0);
        }
        let long = self.long.unwrap_or(short);
        // A little more may be the rest of a queue; much more, at half of the half as well, is the server.
        let step = match (short < long, expected, certain) {
            (true, _, true) => 1.0,
            (true, _, false) | (false, false, _) => 0.5,
            (false, true, _) => 0.1,
        };
        let long = long + step * (short - long);
        self.long = Some(long);
        self.calm = if certain { SOON } else { CALM };
        Verdict::Renew(if expected {
            probe.resume
        } else {
            self.target(probe.resume, probe.short, long).min(probe.resume)
        })
    }

    fn target(&self, limit: f64, short: f64, long: f64) -> f64 {
        // `min` also swallows the NaN of latencies that are all zero.
        let gradient = (self.tolerance * long / short).min(1.0);
        gradient * limit + limit.sqrt()
    }
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self::new()
    }
}
