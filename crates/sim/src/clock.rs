//! `ManualClock`: time that stands still until it is told to move.

mod timer;

use regatta_core::{Clock, Sleep, Time};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime};
use timer::Timer;

/// A clock for tests, on any executor: it stands still until [`advance`](ManualClock::advance) or one of its siblings
/// moves it. Clones are handles on the same clock.
///
/// It starts at [`ManualClock::START`], one second after [`Time::ZERO`], so that a test may also look back; its wall
/// clock starts at 2026-01-01T00:00:00Z.
///
/// Moving the clock wakes the timers that are due, earlier ones first and those of the same time in the order in which
/// they were first polled. It jumps: every woken task sees the time of arrival, as after a long pause of a real
/// machine. To stop at each timer on the way, use [`advance_to_next`](ManualClock::advance_to_next). Moving it from
/// inside a task's poll is fine, and is how a test lets a poll take time.
///
/// Reading it costs one uncontended lock; making or dropping a timer costs O(log timers).
///
/// # Examples
///
/// ```
/// use regatta_core::Clock;
/// use regatta_sim::ManualClock;
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let mut sleep = pin!(clock.sleep_until(clock.now() + Duration::from_secs(60)));
/// let mut cx = Context::from_waker(Waker::noop());
/// assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Pending);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(sleep.as_mut().poll(&mut cx), Poll::Ready(()));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

struct State {
    now: Time,
    wall: SystemTime,
    next_id: u64,
    /// The timers that wait, by time and then by registration.
    timers: BTreeMap<(Time, u64), Waker>,
}

impl ManualClock {
    /// Where every manual clock starts: one second after [`Time::ZERO`].
    pub const START: Time = Time::from_nanos(1_000_000_000);

    /// A clock that stands at [`START`](ManualClock::START), without timers.
    pub fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self(Arc::new(Mutex::new(State { now: Self::START, wall, next_id: 0, timers: BTreeMap::new() })))
    }

    /// A handle of the kind that drivers take.
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }

    /// The present; [`Clock::now`] without the trait in scope.
    pub fn now(&self) -> Time {
        self.lock().now
    }

    /// The wall clock; [`Clock::wall`] without the trait in scope.
    pub fn wall(&self) -> SystemTime {
        self.lock().wall
    }

    /// Moves the time forward, the wall clock with it, and wakes the timers that are due. Saturates at [`Time::MAX`].
    pub fn advance(&self, by: Duration) {
        self.move_to(|state| Some(state.now + by));
    }

    /// Moves the time forward to `time`; does nothing if that has passed already.
    pub fn advance_to(&self, time: Time) {
        self.move_to(|_| Some(time));
    }

    /// Moves the time forward to the earliest timer that waits, and tells where that is. `None`, and nothing moves, if
    /// no timer waits.
    pub fn advance_to_next(&self) -> Option<Time> {
        self.move_to(State::next_timer)
    }

    /// The time of the earliest timer that waits.
    pub fn next_timer(&self) -> Option<Time> {
        self.lock().next_timer()
    }

    /// How many timers wait: polled once at least, not due yet, and not dropped.
    pub fn timers(&self) -> usize {
        self.lock().timers.len()
    }

    /// Steps the wall clock forward, as a correction by NTP does; [`now`](ManualClock::now) stands still. A step beyond
    /// what `SystemTime` can express is left out.
    pub fn wall_forward(&self, by: Duration) {
        self.lock().wall_forward(by);
    }

    /// Steps the wall clock back, as a correction by NTP does; [`now`](ManualClock::now) stands still. A step beyond
    /// what `SystemTime` can express is left out.
    pub fn wall_back(&self, by: Duration) {
        let mut state = self.lock();
        state.wall = state.wall.checked_sub(by).unwrap_or(state.wall);
    }

    /// The machine sleeps for `duration`: the wall clock goes on, and monotonic time, with all timers, stands still, as
    /// on Linux and macOS.
    pub fn suspend(&self, duration: Duration) {
        self.wall_forward(duration);
    }

    /// Moves to the time that `choose` names, and wakes the due timers after releasing the lock: a woken side may run
    /// on this thread and ask for it.
    fn move_to(&self, choose: impl FnOnce(&State) -> Option<Time>) -> Option<Time> {
        let mut state = self.lock();
        let time = choose(&state)?;
        let due = state.move_to(time);
        drop(state);
        due.into_iter().for_each(Waker::wake);
        Some(time)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock runs user code, so a poisoned lock can't hide a broken state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Self::now(self)
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        if time == Time::MAX {
            return Sleep::never();
        }
        if time <= Self::now(self) { Sleep::ready() } else { Sleep::new(Timer::new(self.clone(), time)) }
    }

    fn wall(&self) -> SystemTime {
        Self::wall(self)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("wall", &state.wall)
            .field("timers", &state.timers.len())
            .finish()
    }
}

impl State {
    fn next_timer(&self) -> Option<Time> {
        self.timers.first_key_value().map(|((time, _), _)| *time)
    }

    fn wall_forward(&mut self, by: Duration) {
        self.wall = self.wall.checked_add(by).unwrap_or(self.wall);
    }

    /// Moves the time, never back, and takes out the wakers of the timers that are due.
    fn move_to(&mut self, time: Time) -> Vec<Waker> {
        let time = time.max(self.now);
        self.wall_forward(time.since(self.now));
        self.now = time;
        let mut due = Vec::new();
        while let Some(timer) = self.timers.first_entry()
            && timer.key().0 <= time
        {
            due.push(timer.remove());
        }
        due
    }
}

#[cfg(test)]
mod tests;
