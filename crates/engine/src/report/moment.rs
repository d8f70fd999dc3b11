//! `Moment`: a point in time for machines and for people.

use regatta_core::{Clock, Time};
use std::time::SystemTime;

/// One point in time, as the monotonic clock and as the wall clock tell it.
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
