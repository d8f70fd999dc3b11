//! `BoxStrategy`: any strategy behind one type.

use crate::{Explain, Hold, Kick, Outcome, Readiness, Request, Strategy, Time};
use slab::Slab;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A strategy of any type, for a field, or where the strategy is chosen while the program runs.
///
/// If a box is replaced by another one, tasks that the former one admitted are not known to the new one, and nobody
/// hears how they end.
///
/// # Cost
///
/// A virtual call per question. The tokens live in a table that is reused, so a start costs no allocation once warm.
///
/// # Examples
///
/// ```
/// use regatta_core::{BoxStrategy, Request, Strategy, Time};
///
/// let mut any: BoxStrategy = BoxStrategy::new(());
/// let token = any.start(Time::ZERO, &Request::new()).unwrap();
/// # any.finish(token, Time::ZERO, regatta_core::Outcome::Success);
/// ```
pub struct BoxStrategy<'a> {
    inner: Box<dyn Erased + Send + 'a>,
    /// Which of all boxes it is, so that it knows its own tokens.
    number: u64,
}

/// How many boxes were made.
static MADE: AtomicU64 = AtomicU64::new(0);

impl<'a> BoxStrategy<'a> {
    /// Puts `strategy` into a box.
    pub fn new<S>(strategy: S) -> Self
    where
        S: Strategy<Token: Send> + Send + 'a,
    {
        let inner = Box::new(Tokens { strategy, tokens: Slab::new() });
        Self { inner, number: MADE.fetch_add(1, Ordering::Relaxed) }
    }
}

/// The token of a [`BoxStrategy`]: the place of the real one. Another box than its own takes no notice of it.
#[derive(Debug)]
pub struct BoxToken {
    place: usize,
    number: u64,
}

/// `Strategy` without its token type.
trait Erased {
    fn ready(&self, now: Time, request: &Request) -> Readiness;
    fn start(&mut self, now: Time, request: &Request) -> Result<usize, Readiness>;
    fn finish(&mut self, place: usize, now: Time, outcome: Outcome);
    fn reconcile(&mut self, place: usize, now: Time, actual: u32);
    fn attach(&mut self, kick: Kick);
    fn park(&mut self, now: Time, request: &Request);
    fn unpark(&mut self);
    fn timed(&self) -> bool;
    fn finish_timed(&self) -> bool;
    fn finish_matters(&self) -> bool;
    fn hold(&self, place: usize) -> Hold;
    fn rest(&self, now: Time) -> Readiness;
    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain);
}

/// A strategy with the tokens that it has given out.
struct Tokens<S: Strategy> {
    strategy: S,
    tokens: Slab<S::Token>,
}

impl<S: Strategy> Erased for Tokens<S> {
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.strategy.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<usize, Readiness> {
        let token = self.strategy.start(now, request)?;
        Ok(self.tokens.insert(token))
    }

    fn finish(&mut self, place: usize, now: Time, outcome: Outcome) {
        // Free before the call, which is user code: a panic in it loses no place.
        let Some(token) = self.tokens.try_remove(place) else { return };
        self.strategy.finish(token, now, outcome);
    }

    fn reconcile(&mut self, place: usize, now: Time, actual: u32) {
        if let Some(token) = self.tokens.get_mut(place) {
            self.strategy.reconcile(token, now, actual);
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.strategy.attach(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.strategy.park(now, request);
    }

    fn unpark(&mut self) {
        self.strategy.unpark();
    }

    fn timed(&self) -> bool {
        self.strategy.timed()
    }

    fn finish_timed(&self) -> bool {
        self.strategy.finish_timed()
    }

    fn finish_matters(&self) -> bool {
        self.strategy.finish_matters()
    }

    fn hold(&self, place: usize) -> Hold {
        match self.tokens.get(place) {
            Some(token) => self.strategy.hold(token),
            None => Hold::none(),
        }
    }

    fn rest(&self, now: Time) -> Readiness {
        self.strategy.rest(now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        self.strategy.explain(now, request, out);
    }
}

impl Strategy for BoxStrategy<'_> {
    type Token = BoxToken;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.inner.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<BoxToken, Readiness> {
        let place = self.inner.start(now, request)?;
        Ok(BoxToken { place, number: self.number })
    }

    fn finish(&mut self, token: BoxToken, now: Time, outcome: Outcome) {
        if token.number == self.number {
            self.inner.finish(token.place, now, outcome);
        }
    }

    fn reconcile(&mut self, token: &mut BoxToken, now: Time, actual: u32) {
        if token.number == self.number {
            self.inner.reconcile(token.place, now, actual);
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.inner.attach(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.inner.park(now, request);
    }

    fn unpark(&mut self) {
        self.inner.unpark();
    }

    fn timed(&self) -> bool {
        self.inner.timed()
    }

    fn finish_timed(&self) -> bool {
        self.inner.finish_timed()
    }

    fn finish_matters(&self) -> bool {
        self.inner.finish_matters()
    }

    fn hold(&self, token: &BoxToken) -> Hold {
        if token.number == self.number { self.inner.hold(token.place) } else { Hold::none() }
    }

    fn rest(&self, now: Time) -> Readiness {
        self.inner.rest(now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        self.inner.explain(now, request, out);
    }
}

impl fmt::Debug for BoxStrategy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxStrategy")
    }
}

#[cfg(test)]
mod tests;
