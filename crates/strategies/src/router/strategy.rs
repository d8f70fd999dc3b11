//! The router as a strategy: ready if any endpoint is.

use super::set::Set;
use super::{Endpoint, Router};
use regatta_core::{Explain, Hold, Kick, Outcome, Readiness, Request, Strategy, Time};
use std::fmt;
use std::sync::Arc;

/// What a request holds of a [`Router`]: the endpoint it goes to, and the token of its strategy.
#[must_use = "a token that is not finished stays in flight for ever"]
pub struct Routed<T, K> {
    endpoint: Arc<T>,
    /// The endpoint's number, and where it stood at the time.
    number: u64,
    index: usize,
    /// Which pick it was, and who took part: that is what can be undone.
    pick: u64,
    set: Set,
    /// `None` if the endpoint's strategy did not admit it.
    token: Option<K>,
}

impl<T, K> Routed<T, K> {
    /// Where the request goes.
    pub fn endpoint(&self) -> &T {
        &self.endpoint
    }

    /// The same, to be kept.
    pub fn share(&self) -> Arc<T> {
        self.endpoint.clone()
    }

    /// The token of the endpoint's strategy; `None` if that did not admit the request, and it goes there nevertheless,
    /// as [`Router::panic_below`] says.
    pub fn token(&self) -> Option<&K> {
        self.token.as_ref()
    }
}

impl<T: fmt::Debug, K: fmt::Debug> fmt::Debug for Routed<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routed")
            .field("endpoint", &self.endpoint)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl<T, S> Strategy for Router<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    type Token = Routed<T, S::Token>;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        // Either all are ill, then it panics, or one is ready.
        if self.panic_below.is_some() && self.total() > 0 {
            return Readiness::Ready;
        }
        self.best(|endpoint| endpoint.strategy.ready(now, request))
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        let mut set = Set::none(self.endpoints.len());
        let (mut ready_weight, mut answer) = (0_u64, None);
        for (index, endpoint) in self.endpoints.iter().enumerate().filter(|(_, e)| e.turn.weight > 0) {
            match endpoint.strategy.ready(now, request) {
                Readiness::Ready => {
                    set.insert(index);
                    ready_weight += u64::from(endpoint.turn.weight);
                }
                refusal => answer = best(answer, refusal),
            }
        }
        let panics = self.panics(ready_weight);
        if panics {
            set = self.weighted();
        }
        while let Some(index) = self.next_of(&set) {
            match self.endpoints[index].strategy.start(now, request) {
                Ok(token) => return Ok(self.commit(index, set, Some(token))),
                Err(_) if panics => return Ok(self.commit(index, set, None)),
                // A strategy that is shared further in, and somebody else was faster: on to the next.
                Err(refusal) => {
                    set.remove(index);
                    answer = best(answer, refusal);
                }
            }
        }
        Err(answer.unwrap_or(Readiness::OnChange))
    }

    fn finish(&mut self, routed: Self::Token, now: Time, outcome: Outcome) {
        let Some(index) = self.find(&routed) else { return };
        let endpoint = &mut self.endpoints[index];
        endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
        if let Some(token) = routed.token {
            endpoint.strategy.finish(token, now, outcome);
        }
        if outcome != Outcome::Unused {
            return;
        }
        endpoint.started = endpoint.started.saturating_sub(1);
        if routed.pick == self.picks {
            self.give_turn_back(index, &routed.set);
            self.picks -= 1;
        }
    }

    fn reconcile(&mut self, routed: &mut Self::Token, now: Time, actual: u32) {
        let Some(index) = self.find(routed) else { return };
        if let Some(token) = &mut routed.token {
            self.endpoints[index].strategy.reconcile(token, now, actual);
        }
    }

    fn attach(&mut self, kick: Kick) {
        for endpoint in &mut self.endpoints {
            endpoint.strategy.attach(kick.clone());
        }
        self.kick = kick;
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.parked = true;
        for Endpoint { turn, strategy, .. } in &mut self.endpoints {
            // Whoever is drained, or ready already, need not keep a place in line.
            if turn.weight == 0 || strategy.ready(now, request).is_ready() {
                strategy.unpark();
            } else {
                strategy.park(now, request);
            }
        }
    }

    fn unpark(&mut self) {
        self.parked = false;
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.strategy.unpark());
    }

    fn timed(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.strategy.timed())
    }

    fn finish_timed(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.strategy.finish_timed())
    }

    fn hold(&self, routed: &Self::Token) -> Hold {
        match (self.find(routed), &routed.token) {
            (Some(index), Some(token)) => self.endpoints[index].strategy.hold(token),
            _ => Hold::none(),
        }
    }

    /// A router that was changed from outside, or is in the middle of its cycle, can't be replaced.
    fn rest(&self, now: Time) -> Readiness {
        let is_fresh = |endpoint: &Endpoint<T, S>| endpoint.in_flight == 0 && endpoint.turn.is_at_origin();
        if self.changed || !self.endpoints.iter().all(is_fresh) {
            return Readiness::OnChange;
        }
        self.endpoints.iter().fold(Readiness::Ready, |all, endpoint| all.and(endpoint.strategy.rest(now)))
    }

    /// Tells the router's answer, and each endpoint's reasons with its name before them.
    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("router", self.ready(now, request));
        for Endpoint { value, turn, strategy, .. } in &self.endpoints {
            if turn.weight == 0 {
                out.reason(&format!("{value:?}: drained"), Readiness::OnChange);
            } else {
                strategy.explain(now, request, &mut At(value, out));
            }
        }
    }
}

impl<T, S> Router<T, S>
where
    S: Strategy,
{
    fn commit(&mut self, index: usize, set: Set, token: Option<S::Token>) -> Routed<T, S::Token> {
        self.take_turn(index, &set);
        self.picks += 1;
        let endpoint = &mut self.endpoints[index];
        endpoint.started += 1;
        endpoint.in_flight += 1;
        let (number, share) = (endpoint.number, endpoint.value.clone());
        if std::mem::take(&mut self.parked) {
            // It stands in the line of every endpoint, and one was enough.
            self.endpoints.iter_mut().for_each(|endpoint| endpoint.strategy.unpark());
        }
        Routed { endpoint: share, number, index, pick: self.picks, set, token }
    }

    /// Whether so little is healthy that nobody is trusted to judge.
    fn panics(&self, ready_weight: u64) -> bool {
        self.panic_below.is_some_and(|fraction| (ready_weight as f64) < fraction * self.total() as f64)
    }

    /// The best answer of those that have a weight; nobody's is that only a change from outside can help.
    fn best(&self, mut ask: impl FnMut(&Endpoint<T, S>) -> Readiness) -> Readiness {
        let mut answer = None;
        for endpoint in self.endpoints.iter().filter(|endpoint| endpoint.turn.weight > 0) {
            answer = best(answer, ask(endpoint));
            if answer == Some(Readiness::Ready) {
                break;
            }
        }
        answer.unwrap_or(Readiness::OnChange)
    }

    /// Where the endpoint stands now, if it was not removed.
    fn find(&self, routed: &Routed<T, S::Token>) -> Option<usize> {
        let is_it = |index: usize| self.endpoints.get(index).is_some_and(|e| e.number == routed.number);
        if is_it(routed.index) {
            return Some(routed.index);
        }
        self.endpoints.binary_search_by_key(&routed.number, |endpoint| endpoint.number).ok()
    }
}

fn best(one: Option<Readiness>, other: Readiness) -> Option<Readiness> {
    Some(one.map_or(other, |one| one.min(other)))
}

/// Says at which endpoint a reason holds.
struct At<'a, T>(&'a T, &'a mut dyn Explain);

impl<T: fmt::Debug> Explain for At<'_, T> {
    fn reason(&mut self, strategy: &str, readiness: Readiness) {
        self.1.reason(&format!("{:?}: {strategy}", self.0), readiness);
    }
}
