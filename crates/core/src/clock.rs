//! `Clock`: where the present comes from, and how to wait for a later time.

use crate::Time;
use futures_timer::Delay;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

/// A source of time. Drivers hold one as `Arc<dyn Clock>`, so no type parameter leaks to users.
///
/// The default is [`SystemClock`]. A program that prefers its runtime's timer, or a test that wants time to stand
/// still, passes its own: three methods, of which `wall` is provided.
pub trait Clock: Send + Sync {
    /// The present. Should not go backwards; drivers clamp it if it does.
    fn now(&self) -> Time;

    /// A future that ends when [`now`](Clock::now) has reached `time`.
    ///
    /// Drivers call it while they are polled, so a timer that must be made inside its runtime is.
    fn sleep_until(&self, time: Time) -> Sleep;

    /// The wall clock, for people and calendars. May jump.
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Time {
        (**self).now()
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        (**self).sleep_until(time)
    }

    fn wall(&self) -> SystemTime {
        (**self).wall()
    }
}

/// The default clock: the standard library's monotonic clock and `futures-timer`'s one helper thread.
///
/// ```
/// use regatta_core::{Clock, SystemClock};
/// let before = SystemClock.now();
/// assert!(SystemClock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The shared handle that every driver starts with; cloning it allocates nothing.
    pub fn shared() -> Arc<dyn Clock> {
        static SHARED: LazyLock<Arc<SystemClock>> = LazyLock::new(|| Arc::new(SystemClock));
        SHARED.clone()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::of(Instant::now())
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        if time == Time::MAX {
            return Sleep::never();
        }
        let left = time.since(self.now());
        if left.is_zero() { Sleep::ready() } else { Sleep(Kind::Delay(Delay::new(left))) }
    }
}

/// A wait for a point in time, made by a [`Clock`].
///
/// # Cancel safety
///
/// Dropping it forgets the timer and nothing else.
pub struct Sleep(Kind);

enum Kind {
    Never,
    Ready,
    Delay(Delay),
    Custom(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Sleep {
    /// Wraps a timer of your own; costs one allocation.
    pub fn new(timer: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Kind::Custom(Box::pin(timer)))
    }

    /// Ends at once, without touching a timer.
    pub fn ready() -> Self {
        Self(Kind::Ready)
    }

    /// Never ends.
    pub fn never() -> Self {
        Self(Kind::Never)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Never => Poll::Pending,
            Kind::Ready => Poll::Ready(()),
            Kind::Delay(delay) => Pin::new(delay).poll(cx),
            Kind::Custom(timer) => timer.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Never => "Sleep(never)",
            Kind::Ready => "Sleep(ready)",
            Kind::Delay(_) | Kind::Custom(_) => "Sleep(timer)",
        })
    }
}
