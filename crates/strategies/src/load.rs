//! `LoadSampler`: how busy the machine is, told to a strategy.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod cgroup;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod files;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod proc;
mod rule;
mod source;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use cgroup::CgroupV2;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use proc::ProcFs;
pub use source::{Load, LoadSource};

use crate::Adaptive;
use regatta_core::{ConfigError, Limiter, Sleep, Strategy, Time};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Reads the load of a machine or a container now and then, and changes a strategy through its [`Limiter`].
///
/// It is a future and never ends: spawn it, or run it beside the work, and drop it to stop. It has no thread and does
/// nothing unless polled. It reads at once, and then `every` so long after the last reading, on the limiter's clock, so
/// a reading that was late doesn't bring others with it. Reading files of `/proc` or a cgroup takes some ten
/// microseconds and happens where the future is polled.
///
/// What a load means is said by rules, in the order in which they were added: [`ceiling`](LoadSampler::ceiling) caps an
/// [`Adaptive`] limit, [`on`](LoadSampler::on) does whatever you write. They run under the limiter's lock, and whoever
/// waits is served under the new rule.
///
/// A reading that fails changes nothing: the last rule stays in force, the error goes to
/// [`on_error`](LoadSampler::on_error), and the next reading may succeed.
///
/// # Cancel safety
///
/// Dropping it loses nothing but the readings to come; a ceiling that it has set stays.
///
/// # Cost
///
/// One timer, and one allocation when it is made per rule, source and error handler.
///
/// # Examples
///
/// ```
/// use regatta_core::Limiter;
/// use regatta_strategies::{Adaptive, Load, LoadSampler};
/// use std::time::Duration;
///
/// let limiter = Limiter::new(Adaptive::gradient2());
/// // On Linux, `CgroupV2::own()?` or `ProcFs::new()` instead of the closure.
/// let overloaded = || Ok(Load::new().cpu(0.95).memory(0.5));
/// let sampler = LoadSampler::new(limiter.clone(), overloaded, Duration::from_secs(1))?
///     .ceiling(|limit| limit, Load::new().cpu(0.8).memory(0.9))?
///     .on_error(|error| eprintln!("load: {error}"));
///
/// // It works as long as it is polled.
/// smol::block_on(smol::future::or(async { match sampler.await {} }, async {}));
/// assert_eq!(limiter.peek(Adaptive::ceiling), Some(14));
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct LoadSampler<S: Strategy> {
    limiter: Limiter<S>,
    source: Box<dyn LoadSource + Send>,
    every: Duration,
    rules: Vec<Rule<S>>,
    on_error: Box<dyn FnMut(io::Error) + Send>,
    next: Time,
    sleep: Option<Sleep>,
}

type Rule<S> = Box<dyn FnMut(&mut S, Load) + Send>;

impl<S: Strategy> LoadSampler<S> {
    /// Reads `source`, which a closure `|| -> io::Result<Load>` is too, at once and then every `every`. Add what is to
    /// happen.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `every` is zero.
    pub fn new(
        limiter: Limiter<S>,
        source: impl LoadSource + Send + 'static,
        every: Duration,
    ) -> Result<Self, ConfigError> {
        if every.is_zero() {
            return Err(ConfigError::new("every", format_args!("{every:?}"), "must be longer than zero"));
        }
        let source = Box::new(source);
        let on_error = Box::new(|_| {});
        Ok(Self { limiter, source, every, rules: Vec::new(), on_error, next: Time::ZERO, sleep: None })
    }

    /// Calls `rule` with every load, under the limiter's lock: it must not block, and must not use the limiter.
    pub fn on(mut self, rule: impl FnMut(&mut S, Load) + Send + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Caps the adaptive limit that `pick` finds, while a load is above its maximum.
    ///
    /// A load above its maximum takes the ceiling to 0.7 of the present limit, by at least 1 and never below 1. When all
    /// are below 0.9 of their maximum, the ceiling rises by a twentieth of what the limit has learned, by at least 1,
    /// and is lifted where it no longer binds. In between it stays. What has no maximum, or is not known, has no say. A
    /// ceiling that was set by hand is treated as the rule's own.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a maximum is not above 0 and at most 1, or if there is none at all.
    pub fn ceiling(self, pick: fn(&mut S) -> &mut Adaptive, max: Load) -> Result<Self, ConfigError>
    where
        S: 'static,
    {
        rule::check(max)?;
        Ok(self.on(move |strategy, load| rule::apply(pick(strategy), load, max)))
    }

    /// Hands the errors of readings to `on_error`; without it they are dropped.
    pub fn on_error(mut self, on_error: impl FnMut(io::Error) + Send + 'static) -> Self {
        self.on_error = Box::new(on_error);
        self
    }

    /// The time from one reading to the next.
    pub fn every(&self) -> Duration {
        self.every
    }

    fn read(&mut self, now: Time) {
        match self.source.read(now) {
            Ok(load) => {
                let rules = &mut self.rules;
                self.limiter.update(|strategy| rules.iter_mut().for_each(|rule| rule(strategy, load)));
            }
            Err(error) => (self.on_error)(error),
        }
    }
}

impl<S: Strategy> Future for LoadSampler<S> {
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let this = &mut *self;
        let mut has_read = false;
        loop {
            let now = this.limiter.now();
            if now >= this.next {
                if std::mem::replace(&mut has_read, true) {
                    // The period is shorter than a reading takes. Others get a turn in between.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                this.read(now);
                // From after the reading, so that slow readings don't crowd out everything else.
                this.next = this.limiter.now() + this.every;
                this.sleep = None;
            }
            let next = this.next;
            let sleep = this.sleep.get_or_insert_with(|| this.limiter.clock().sleep_until(next));
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.sleep = None;
        }
    }
}

impl<S: Strategy> fmt::Debug for LoadSampler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadSampler")
            .field("every", &self.every)
            .field("next", &self.next)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
