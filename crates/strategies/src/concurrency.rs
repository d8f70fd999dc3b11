//! `Concurrency`: at most so much at once.

use regatta_core::{ConfigError, Explain, Kick, Outcome, Readiness, Rejection, Request, Strategy, Time};

/// Admits while the cost in flight stays within a maximum.
///
/// With requests of cost 1, which is the default, that is the number of tasks at once. A request of cost 0 takes
/// nothing and is always admitted. One that costs more than the maximum is refused with [`Rejection::TooCostly`]:
/// waiting would not help. While there is no room, the answer is [`Readiness::OnChange`].
///
/// To change the maximum while tasks run, share the strategy through a [`Limiter`](regatta_core::Limiter) and call
/// [`set_max`](Concurrency::set_max) in its `update`. A clone is a limit of its own. Two are equal if they have the same
/// maximum and the same cost in flight.
///
/// # Examples
///
/// ```
/// use regatta_core::{Outcome, Readiness, Request, Strategy, Time};
/// use regatta_strategies::Concurrency;
///
/// let mut limit = Concurrency::new(3)?;
/// let (now, heavy) = (Time::ZERO, Request::new().cost(2));
/// let token = limit.start(now, &heavy).expect("nothing is in flight");
/// assert_eq!(limit.ready(now, &heavy), Readiness::OnChange);
/// assert_eq!(limit.ready(now, &Request::new()), Readiness::Ready);
/// limit.finish(token, now, Outcome::Success);
/// assert_eq!(limit.in_flight(), 0);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Concurrency {
    max: usize,
    in_flight: usize,
    kick: Kick,
}

/// What a task in flight holds of a [`Concurrency`]: its cost.
#[derive(Debug)]
#[must_use = "a token that is not finished stays in flight for ever"]
pub struct ConcurrencyToken {
    cost: usize,
}

impl Concurrency {
    /// At most `max` in flight.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `max` is zero.
    pub fn new(max: usize) -> Result<Self, ConfigError> {
        let mut limit = Self { max: 1, in_flight: 0, kick: Kick::none() };
        limit.set_max(max)?;
        Ok(limit)
    }

    /// Changes the maximum, and makes those who wait ask again.
    ///
    /// Below what is in flight, that goes on, and nothing new starts until enough of it has ended. Below the cost of a
    /// request that waits, that request is refused with [`Rejection::TooCostly`] when it asks again.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `max` is zero; the old maximum stays.
    pub fn set_max(&mut self, max: usize) -> Result<(), ConfigError> {
        if max == 0 {
            return Err(ConfigError::new("max", max, "must be at least 1"));
        }
        if self.max != max {
            self.max = max;
            // Also when it was lowered: who waits may have become too costly, and must not wait for nothing.
            self.kick.kick();
        }
        Ok(())
    }

    /// The most that may be in flight.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The cost in flight. Above [`max`](Concurrency::max) only after the maximum was lowered or a cost was corrected
    /// upwards.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }
}

impl PartialEq for Concurrency {
    fn eq(&self, other: &Self) -> bool {
        (self.max, self.in_flight) == (other.max, other.in_flight)
    }
}

impl Eq for Concurrency {}

impl Strategy for Concurrency {
    type Token = ConcurrencyToken;

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        let cost = weight(request.cost);
        if cost > self.max {
            // A maximum below a `u32` is one itself.
            let max = u32::try_from(self.max).unwrap_or(u32::MAX);
            return Rejection::TooCostly { cost: request.cost, max }.into();
        }
        if cost <= self.max.saturating_sub(self.in_flight) { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<ConcurrencyToken, Readiness> {
        self.ready(now, request).check()?;
        let cost = weight(request.cost);
        self.in_flight += cost;
        Ok(ConcurrencyToken { cost })
    }

    fn finish(&mut self, token: ConcurrencyToken, _: Time, _: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(token.cost);
    }

    fn reconcile(&mut self, token: &mut ConcurrencyToken, _: Time, actual: u32) {
        let others = self.in_flight.saturating_sub(token.cost);
        token.cost = weight(actual);
        self.in_flight = others.saturating_add(token.cost);
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = kick;
    }

    fn timed(&self) -> bool {
        false
    }

    fn finish_timed(&self) -> bool {
        false
    }

    fn rest(&self, _: Time) -> Readiness {
        if self.in_flight == 0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("concurrency", self.ready(now, request));
    }
}

fn weight(cost: u32) -> usize {
    usize::try_from(cost).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
