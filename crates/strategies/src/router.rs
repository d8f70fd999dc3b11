//! `Router`: which endpoint takes the next request?

mod balancer;
mod members;
mod set;
mod share;
mod strategy;
mod turns;

pub use balancer::{Balancer, Pick};
pub use share::Share;
pub use strategy::Routed;

use regatta_core::{ConfigError, Kick};
use std::fmt;
use std::sync::Arc;
use turns::Turn;

/// Shares requests among endpoints by weight, each with a strategy of its own: its health, its limit, or a tuple of both.
///
/// Smooth weighted round robin: with weights 5, 1, 1 the order is `a a b a c a a`, not `a a a a a b c`. A request goes
/// only where the endpoint's strategy is ready for it; who is not ready is passed over, and earns no claim meanwhile, so
/// one that comes back gets its share from then on and no burst. The router is ready if any endpoint is. Otherwise it
/// answers the best of the answers: a refusal only if everybody refuses, and the earliest time if anybody names one. While
/// another endpoint waits for a change, it may be ready before that time, so a limiter's
/// [`acquire_by`](regatta_core::Limiter::acquire_by) may give up a deadline that could still have been met.
///
/// [`Routed::endpoint`] tells where a request goes. Mostly the router is shared through a [`Balancer`], which hands it
/// out with the permit.
///
/// # Guarantees
///
/// - While all are ready, the picks repeat in a cycle as long as the sum of the weights (after division by what they have
///   in common), and in each cycle every endpoint comes exactly as often as its weight says. After a time in which some
///   were not ready, or after a change of weights, a cycle may be off by one before they are exact again.
/// - After any number of picks while all are ready, an endpoint is less than 1 pick ahead of its exact share, and at most
///   1/2 + 1/3 + … + 1/n behind, with n endpoints: at most 1.45 for up to six. With 100 endpoints that would be 4.2;
///   1.6 is the most that was found.
/// - An endpoint that is not ready is never picked, unless [`panic_below`](Router::panic_below) says so.
/// - A start that is undone with [`Outcome::Unused`](regatta_core::Outcome::Unused) gives the turn back if it was the
///   latest; if there was a later one, it has had its turn.
///
/// # Changes while it runs
///
/// [`add`](Router::add), [`remove`](Router::remove) and [`set_weight`](Router::set_weight) keep what is known of the
/// others: their strategies, what is in flight, and how many picks each is ahead or behind. Weight 0 drains: nothing new
/// goes there, what runs ends. With no endpoint, or none with a weight, the answer is
/// [`Readiness::OnChange`](regatta_core::Readiness::OnChange): a change from outside can end that.
///
/// # Defaults
///
/// - [`seed`](Router::seed): random, so that many clients that start together don't all begin with the same endpoint.
/// - [`panic_below`](Router::panic_below): never.
///
/// # Cost
///
/// O(endpoints) per question and start, besides what their strategies take; a start allocates nothing up to 64 endpoints.
/// A change before the first start seeks the place in the cycle to begin at, with up to 256 steps of the same cost.
/// About 64 bytes per endpoint and its strategy.
///
/// The algorithm is nginx's ("Upstream: smooth weighted round-robin balancing", 2012). Panic mode is Envoy's. The bound
/// on what an endpoint is behind is that of the cup game, with its greedy emptier.
///
/// # Examples
///
/// ```
/// use regatta_core::{Outcome, Request, Strategy, Time};
/// use regatta_strategies::{Concurrency, Router};
///
/// let mut router = Router::new()
///     .endpoint("big", 2, Concurrency::new(8)?)?
///     .endpoint("small", 1, Concurrency::new(1)?)?;
/// let mut picks = Vec::new();
/// for _ in 0..6 {
///     let routed = router.start(Time::ZERO, &Request::new()).expect("there is room");
///     picks.push(*routed.endpoint());
///     router.finish(routed, Time::ZERO, Outcome::Success);
/// }
/// assert_eq!(picks.iter().filter(|endpoint| **endpoint == "big").count(), 4);
///
/// router.set_weight(&"big", 0)?;
/// let routed = router.start(Time::ZERO, &Request::new()).expect("there is room");
/// assert_eq!(*routed.endpoint(), "small");
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
pub struct Router<T, S> {
    /// In the order in which they were added, so ordered by their numbers, too.
    endpoints: Vec<Endpoint<T, S>>,
    seed: u64,
    panic_below: Option<f64>,
    /// The number of the next endpoint; none is given twice.
    next: u64,
    /// Picks and changes so far; picks that were undone in time don't count.
    picks: u64,
    /// The sum of the weights that the credits are made for.
    scale: u64,
    /// Changed from outside, so no fresh one can replace it.
    changed: bool,
    /// Some endpoints' strategies may keep a place in line for us.
    parked: bool,
    kick: Kick,
}

struct Endpoint<T, S> {
    number: u64,
    value: Arc<T>,
    turn: Turn,
    strategy: S,
    started: u64,
    in_flight: usize,
}

impl<T, S> Router<T, S> {
    /// A router without endpoints.
    pub fn new() -> Self {
        Self {
            endpoints: Vec::new(),
            seed: fastrand::u64(..),
            panic_below: None,
            next: 0,
            picks: 0,
            scale: 0,
            changed: false,
            parked: false,
            kick: Kick::none(),
        }
    }

    /// Begins at the place in the cycle that `seed` says, not at a random one. To be called before the first start.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        if self.picks == 0 {
            self.begin();
        }
        self
    }

    /// While the endpoints that are ready hold less than this `fraction` of the weight, routes to all that have a
    /// weight, whatever their strategies say.
    ///
    /// If that many look ill, the fault is more likely in what judges them, or the healthy rest would break down under
    /// everybody's load. Where the strategy refuses, the request goes without taking its token, and its outcome is not
    /// told to it. Use this only where strategies judge health: a limit that is full is not ready either, and would be
    /// broken. As long as any endpoint has a weight, such a router is always ready.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless `fraction` is above 0 and at most 1.
    pub fn panic_below(mut self, fraction: f64) -> Result<Self, ConfigError> {
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(ConfigError::new("panic_below", fraction, "must be above 0 and at most 1"));
        }
        self.panic_below = Some(fraction);
        Ok(self)
    }

    /// The number of endpoints, drained ones included.
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether there is no endpoint.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Who got how much so far, in the order in which the endpoints were added.
    pub fn shares(&self) -> Vec<Share<T>> {
        self.endpoints.iter().map(Share::of).collect()
    }
}

impl<T, S> Default for Router<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, S: Clone> Clone for Router<T, S> {
    /// A router of its own, in the same state; the endpoints' values are shared.
    fn clone(&self) -> Self {
        Self { endpoints: self.endpoints.clone(), kick: self.kick.clone(), ..*self }
    }
}

impl<T, S: Clone> Clone for Endpoint<T, S> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), strategy: self.strategy.clone(), ..*self }
    }
}

/// Equal if they route alike from now on, and have routed as much.
impl<T: PartialEq, S: PartialEq> PartialEq for Router<T, S> {
    fn eq(&self, other: &Self) -> bool {
        self.endpoints == other.endpoints && self.panic_below == other.panic_below
    }
}

impl<T: PartialEq, S: PartialEq> PartialEq for Endpoint<T, S> {
    fn eq(&self, other: &Self) -> bool {
        (&self.value, self.turn, self.started, self.in_flight)
            == (&other.value, other.turn, other.started, other.in_flight)
            && self.strategy == other.strategy
    }
}

impl<T: fmt::Debug, S: fmt::Debug> fmt::Debug for Router<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("endpoints", &self.endpoints)
            .field("panic_below", &self.panic_below)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug, S: fmt::Debug> fmt::Debug for Endpoint<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("value", &self.value)
            .field("turn", &self.turn)
            .field("strategy", &self.strategy)
            .field("started", &self.started)
            .field("in_flight", &self.in_flight)
            .finish()
    }
}

#[cfg(test)]
mod tests;
