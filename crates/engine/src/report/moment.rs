//! `Moment`: a point in time for machines and for people.

use humantime::Rfc3339Timestamp;
use regatta_core::{Clock, Time};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One point in time, as the monotonic clock and as the wall clock tell it.
///
/// Displays as the wall clock's time in UTC to the second, as in `2026-01-01T00:00:00Z` (RFC 3339).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// For differences.
    pub at: Time,
    /// For people.
    pub wall: SystemTime,
}

impl Moment {
    /// Now.
    pub fn now(clock: &(impl Clock + ?Sized)) -> Self {
        Self { at: clock.now(), wall: clock.wall() }
    }

    /// The wall clock's time at `time`, as if nobody had set that clock since.
    pub fn wall_at(&self, time: Time) -> SystemTime {
        let wall = if time >= self.at {
            self.wall.checked_add(time.since(self.at))
        } else {
            self.wall.checked_sub(self.at.since(time))
        };
        wall.unwrap_or(self.wall)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&rfc3339(self.wall, humantime::format_rfc3339_seconds).to_string())
    }
}

/// The last second of the year 9999, the last that RFC 3339 can write.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// `wall` as text. A clock that tells a time outside the years 1970 to 9999 has the nearest one written, because the
/// formatter would panic.
pub(super) fn rfc3339(wall: SystemTime, format: fn(SystemTime) -> Rfc3339Timestamp) -> Rfc3339Timestamp {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    format(UNIX_EPOCH + since.min(LAST))
}
