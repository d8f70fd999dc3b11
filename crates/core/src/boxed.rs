//! `BoxStrategy`: any strategy behind one type.

use crate::{Explain, Hold, Kick, Outcome, Readiness, Request, Strategy, Time};
use slab::Slab;
use std::fmt;

/// A strategy of any type, for a field, or where the strategy is chosen while the program runs.
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
pub struct BoxStrategy<'a>(Box<dyn Erased + Send + 'a>);

impl<'a> BoxStrategy<'a> {
    /// Puts `strategy` into a box.
    pub fn new<S>(strategy: S) -> Self
    where
        S: Strategy<Token: Send> + Send + 'a,
    {
        Self(Box::new(Tokens { strategy, tokens: Slab::new() }))
    }
}

/// The token of a [`BoxStrategy`]: the place of the real one.
#[derive(Debug)]
pub struct BoxToken(usize);

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
        self.0.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<BoxToken, Readiness> {
        self.0.start(now, request).map(BoxToken)
    }

    fn finish(&mut self, token: BoxToken, now: Time, outcome: Outcome) {
        self.0.finish(token.0, now, outcome);
    }

    fn reconcile(&mut self, token: &mut BoxToken, now: Time, actual: u32) {
        self.0.reconcile(token.0, now, actual);
    }

    fn attach(&mut self, kick: Kick) {
        self.0.attach(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.0.park(now, request);
    }

    fn unpark(&mut self) {
        self.0.unpark();
    }

    fn timed(&self) -> bool {
        self.0.timed()
    }

    fn finish_timed(&self) -> bool {
        self.0.finish_timed()
    }

    fn hold(&self, token: &BoxToken) -> Hold {
        self.0.hold(token.0)
    }

    fn rest(&self, now: Time) -> Readiness {
        self.0.rest(now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        self.0.explain(now, request, out);
    }
}

impl fmt::Debug for BoxStrategy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxStrategy")
    }
}

#[cfg(test)]
mod tests;
