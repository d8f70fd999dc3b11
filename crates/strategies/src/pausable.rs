//! `Pausable`: nothing starts until a time, or until it is resumed.

use crate::handle::Handle;
use regatta_core::{Explain, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Admits everything, except while it is paused: for HTTP 429 with its `Retry-After`, and for maintenance.
///
/// A `Pausable` is a handle: clones share the pause, and any of them may change it from any thread. A pause ends by
/// itself at its time ([`pause_until`](Pausable::pause_until)), or only when it is resumed ([`pause`](Pausable::pause)).
/// Of two pauses the one that ends later counts, so a late and short hint never cuts a long one short; what does is
/// [`resume`](Pausable::resume) and [`resume_by`](Pausable::resume_by). What runs already goes on.
///
/// While paused the answer is [`Readiness::NotBefore`] the end, or [`Readiness::OnChange`] if the pause has none. A
/// pause that ends sooner than it was to kicks all who have attached a clone, in the order of attaching. A longer one
/// kicks nobody: who waits for the former end asks again then, and is told the new one.
///
/// Two are equal if they have the same pause. One that is not paused is at [rest](Strategy::rest).
///
/// # Cost
///
/// One atomic load per question; nothing is kept per task. Ending a pause early costs O(attached clones).
///
/// # Examples
///
/// ```
/// use regatta_core::{Readiness, Request, Strategy, Time};
/// use regatta_strategies::Pausable;
/// use std::time::Duration;
///
/// let pausable = Pausable::new();
/// let retry_after = Time::ZERO + Duration::from_secs(30);
/// pausable.clone().pause_until(retry_after);
/// assert_eq!(pausable.ready(Time::ZERO, &Request::new()), Readiness::NotBefore(retry_after));
/// assert_eq!(pausable.ready(retry_after, &Request::new()), Readiness::Ready);
/// ```
#[derive(Clone)]
pub struct Pausable {
    /// Zero if there is no pause, and [`Time::MAX`] if it lasts until it is resumed.
    until: Handle<AtomicU64>,
}

impl Pausable {
    /// Not paused.
    #[must_use]
    pub fn new() -> Self {
        Self { until: Handle::new(AtomicU64::new(0)) }
    }

    /// Lets nothing start before `time`. A pause that lasts longer stays; [`Time::MAX`] is [`pause`](Pausable::pause).
    pub fn pause_until(&self, time: Time) {
        self.until.fetch_max(time.as_nanos(), Ordering::AcqRel);
    }

    /// Lets nothing start until it is resumed.
    pub fn pause(&self) {
        self.pause_until(Time::MAX);
    }

    /// Ends the pause, and makes those who wait ask again.
    pub fn resume(&self) {
        self.resume_by(Time::ZERO);
    }

    /// Ends the pause at `time`, if it would last longer, and makes those who wait ask again.
    pub fn resume_by(&self, time: Time) {
        if self.until.fetch_min(time.as_nanos(), Ordering::AcqRel) > time.as_nanos() {
            self.until.kick();
        }
    }

    /// When the pause ends or ended: [`Time::MAX`] if only by being resumed, and `None` if there was none since.
    pub fn paused_until(&self) -> Option<Time> {
        let until = Time::from_nanos(self.until.load(Ordering::Acquire));
        (until > Time::ZERO).then_some(until)
    }
}

impl Default for Pausable {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Pausable {
    fn eq(&self, other: &Self) -> bool {
        self.paused_until() == other.paused_until()
    }
}

impl Eq for Pausable {}

impl fmt::Debug for Pausable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pausable").field("paused_until", &self.paused_until()).finish()
    }
}

impl Strategy for Pausable {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        match self.paused_until() {
            Some(Time::MAX) => Readiness::OnChange,
            Some(end) if now < end => Readiness::NotBefore(end),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        self.until.attach(kick);
    }

    fn timed(&self) -> bool {
        false
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn finish_matters(&self) -> bool {
        false
    }

    fn rest(&self, now: Time) -> Readiness {
        self.ready(now, &Request::new())
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("pausable", self.ready(now, request));
    }
}

#[cfg(test)]
mod tests;
