//! `Time`: a point on one process-wide monotonic line, in nanoseconds.

use std::ops::{Add, Sub};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A point in time: nanoseconds since the process-wide origin.
///
/// Every decision in Regatta is made for a `Time` that is handed in, so it can be tested with literal values.
/// `std::time::Instant` can't be made in a test and panics on overflow; `Time` saturates: nothing lies before
/// [`Time::ZERO`], and [`Time::MAX`] means *never*.
///
/// ```
/// use regatta_core::Time;
/// use std::time::Duration;
///
/// let start = Time::from_nanos(5);
/// assert_eq!((start + Duration::from_nanos(7)).since(start), Duration::from_nanos(7));
/// assert_eq!(Time::MAX + Duration::MAX, Time::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// Never.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Where `instant` lies on this line; an instant before the origin is [`Time::ZERO`].
    ///
    /// The origin is fixed by the first call in the process, so times of different clocks that go through here
    /// can be compared.
    #[inline]
    pub fn of(instant: Instant) -> Self {
        Self(nanos(instant.saturating_duration_since(*ORIGIN)))
    }

    /// The `Instant` that stands for this point, or `None` where the platform can't express it.
    pub fn to_instant(self) -> Option<Instant> {
        ORIGIN.checked_add(Duration::from_nanos(self.0))
    }

    /// The time that passed from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    #[inline]
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

/// `Duration::as_nanos`, saturating in 64 bits: this stands in every strategy and at every look at the clock.
#[inline]
const fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}
