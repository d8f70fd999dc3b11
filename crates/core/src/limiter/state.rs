//! What a limiter decides, without clock or lock: who is next in line, and who holds what.

use super::errands::Errand;
use crate::{Kick, Outcome, Readiness, Rejection, Request, Strategy, Time};
use slab::Slab;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Waker;

/// A place in line; places are handed out in order and never again.
pub(super) type Place = u64;

pub(super) struct State<S: Strategy> {
    pub(super) strategy: S,
    pub(super) closed: bool,
    grants: Slab<Grant<S::Token>>,
    next: Place,
    line: BTreeMap<Place, Waiter>,
    /// What became of waiting tasks that have not looked yet.
    pub(super) answers: HashMap<Place, Result<usize, Rejection>>,
    /// The strategy may keep a place for the head in a line of its own.
    parked: bool,
    /// To be done once the lock is released.
    pub(super) errands: Vec<Errand>,
}

/// A token that was given out, and how many hold it: its permit, and the holds of spawned tasks.
struct Grant<Tok> {
    token: Tok,
    start: Time,
    holders: usize,
    outcome: Outcome,
}

struct Waiter {
    request: Request,
    who: Who,
    /// What the waiter was last told; it is woken only for news.
    told: Option<Readiness>,
}

pub(super) enum Who {
    /// `None` while the task is woken and has not looked yet.
    Task(Option<Waker>),
    Engine(Arc<Kick>),
}

/// What a task that waits should do now.
pub(super) enum Turn {
    Granted(usize),
    Refused(Rejection),
    Wait,
    WaitUntil(Time),
    /// Ask again with a waker of its own. Cloning one is foreign code, which doesn't run under the lock.
    BringWaker,
}

impl<S: Strategy> State<S> {
    pub(super) fn new(strategy: S) -> Self {
        Self {
            strategy,
            closed: false,
            grants: Slab::new(),
            next: 0,
            line: BTreeMap::new(),
            answers: HashMap::new(),
            parked: false,
            errands: Vec::new(),
        }
    }

    /// Whether a request could start now: only the head of the line may, and nobody may pass it.
    pub(super) fn ready(&self, now: Time, request: &Request, place: Option<Place>) -> Readiness {
        if self.closed {
            return Readiness::Rejected(Rejection::Closed);
        }
        let readiness = self.strategy.ready(now, request);
        // A refusal for good does not wait for its turn.
        if self.is_behind(place) { readiness.and(Readiness::OnChange) } else { readiness }
    }

    /// Whether somebody else is at the head of the line.
    #[inline]
    pub(super) fn is_behind(&self, place: Option<Place>) -> bool {
        self.line.first_key_value().is_some_and(|(head, _)| Some(*head) != place)
    }

    /// Takes a token at once, or says why not. Leaves the line if the caller stood in it.
    #[inline]
    pub(super) fn start(
        &mut self,
        now: Time,
        request: &Request,
        place: Option<Place>,
    ) -> Result<usize, Readiness> {
        if self.closed || self.is_behind(place) {
            return Err(self.ready(now, request, place));
        }
        let token = self.strategy.start(now, request)?;
        let grant = self.grant(token, now);
        if let Some(place) = place {
            self.leave(place, now);
        }
        Ok(grant)
    }

    /// Gives a holder's share back; the last one ends the grant, and lets others in.
    pub(super) fn release(&mut self, grant: usize, now: Time, outcome: Option<Outcome>) {
        if self.let_go(grant, Some(now), outcome) {
            self.advance(now, None);
        }
    }

    /// The same without a look at the clock, if nobody waits for it. The strategy doesn't mind the time of a finish.
    #[inline]
    pub(super) fn release_unwatched(&mut self, grant: usize, outcome: Option<Outcome>) -> bool {
        let waited_for = !self.line.is_empty() || self.parked;
        if !waited_for {
            self.let_go(grant, None, outcome);
        }
        !waited_for
    }

    /// A holder has let go of what its strategy doesn't miss.
    #[inline]
    pub(super) fn end(&mut self, grant: usize, outcome: Outcome) {
        self.let_go(grant, None, Some(outcome));
    }

    /// Whether the grant has ended. Without a time it ends at that of its start.
    #[inline]
    fn let_go(&mut self, grant: usize, now: Option<Time>, outcome: Option<Outcome>) -> bool {
        let Some(entry) = self.grants.get_mut(grant) else { return false };
        if entry.holders > 1 {
            entry.holders -= 1;
            entry.outcome = outcome.unwrap_or(entry.outcome);
            return false;
        }
        // Free before the call, which is user code: a panic in it loses no place.
        let Grant { token, start, outcome: told, .. } = self.grants.remove(grant);
        self.strategy.finish(token, now.unwrap_or(start), outcome.unwrap_or(told));
        true
    }

    pub(super) fn retain(&mut self, grant: usize) {
        if let Some(entry) = self.grants.get_mut(grant) {
            entry.holders += 1;
        }
    }

    pub(super) fn reconcile(&mut self, grant: usize, now: Time, actual: u32) {
        if let Some(entry) = self.grants.get_mut(grant) {
            self.strategy.reconcile(&mut entry.token, now, actual);
        }
        self.advance(now, None);
    }

    pub(super) fn token(&self, grant: usize) -> Option<&S::Token> {
        self.grants.get(grant).map(|entry| &entry.token)
    }

    /// A closed limiter stays closed, and who waits must not be forgotten.
    pub(super) fn rest(&self, now: Time) -> Readiness {
        if self.closed || !self.line.is_empty() { Readiness::OnChange } else { self.strategy.rest(now) }
    }

    pub(super) fn issued(&self) -> usize {
        self.grants.len()
    }

    /// Whether nobody stands in line, and nobody is to be told of anything.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.line.is_empty() && self.errands.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// What a task finds that has no place yet: a grant, a refusal, or a place at the end of the line.
    pub(super) fn join(
        &mut self,
        now: Time,
        request: &Request,
        deadline: Time,
        fresh: &mut Option<Waker>,
    ) -> Result<Place, Turn> {
        match self.start(now, request, None) {
            Ok(grant) => return Err(Turn::Granted(grant)),
            Err(Readiness::Rejected(rejection)) => return Err(Turn::Refused(rejection)),
            Err(Readiness::Ready | Readiness::NotBefore(_) | Readiness::OnChange) => {}
        }
        // A lower bound holds for those further back, too.
        if matches!(self.strategy.ready(now, request), Readiness::NotBefore(time) if time > deadline) {
            return Err(Turn::Refused(Rejection::TooLate));
        }
        let waker = fresh.take().ok_or(Turn::BringWaker)?;
        Ok(self.enqueue(*request, Who::Task(Some(waker))))
    }

    /// What a queued task finds when it looks.
    pub(super) fn turn(
        &mut self,
        place: Place,
        now: Time,
        current: &Waker,
        fresh: &mut Option<Waker>,
    ) -> Turn {
        if !self.is_behind(Some(place)) {
            self.advance(now, Some(place));
        }
        match self.answers.remove(&place) {
            Some(Ok(grant)) => return Turn::Granted(grant),
            Some(Err(rejection)) => return Turn::Refused(rejection),
            None => {}
        }
        let Some(Waiter { who: Who::Task(own), told, .. }) = self.line.get_mut(&place) else {
            unreachable!("a task that has a place stands in line or has an answer")
        };
        if !own.as_ref().is_some_and(|own| own.will_wake(current)) {
            if fresh.is_none() {
                return Turn::BringWaker;
            }
            // The old one goes back to the caller, who drops it outside the lock.
            std::mem::swap(own, fresh);
        }
        match *told {
            Some(Readiness::NotBefore(time)) => Turn::WaitUntil(time),
            Some(Readiness::Ready | Readiness::OnChange | Readiness::Rejected(_)) | None => Turn::Wait,
        }
    }

    /// What an engine has just heard about the request it waits with. A change before it parks again is news then.
    pub(super) fn heard(&mut self, place: Option<Place>, request: &Request, answer: Readiness) {
        if let Some(waiter) = place.and_then(|place| self.line.get_mut(&place))
            && waiter.request == *request
        {
            waiter.told = Some(answer);
        }
    }

    /// Queues an engine, or keeps its place; kicks it if it may come at once or must watch the clock. There is no
    /// place to keep in a closed limiter.
    pub(super) fn park(
        &mut self,
        now: Time,
        request: &Request,
        kick: &Arc<Kick>,
        place: Option<Place>,
    ) -> Option<Place> {
        if self.closed {
            return None;
        }
        let place = match place.and_then(|place| Some((place, self.line.get_mut(&place)?))) {
            Some((place, waiter)) => {
                waiter.request = *request;
                // It could not use its turn, so the next one is news, also if nobody saw the turn go.
                waiter.told.take_if(|told| told.is_ready());
                place
            }
            None => self.enqueue(*request, Who::Engine(kick.clone())),
        };
        self.advance(now, None);
        Some(place)
    }

    fn enqueue(&mut self, request: Request, who: Who) -> Place {
        let place = self.next;
        self.next += 1;
        self.line.insert(place, Waiter { request, who, told: None });
        place
    }

    /// Leaves the line, or gives an unseen grant back unused.
    pub(super) fn leave(&mut self, place: Place, now: Time) {
        match self.answers.remove(&place) {
            Some(Ok(grant)) => self.release(grant, now, Some(Outcome::Unused)),
            Some(Err(_)) => {}
            None => {
                self.errands.extend(self.line.remove(&place).map(|waiter| Errand::Forget(waiter.who)));
                self.advance(now, None);
            }
        }
    }

    /// Refuses everybody from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
        while let Some(head) = self.line.first_entry() {
            let place = *head.key();
            self.answer(place, Err(Rejection::Closed), None);
        }
        self.leave_inner_line();
    }

    /// Serves the line from its head, for as long as the strategy allows. Whoever is `asking` hears from the caller.
    ///
    /// A task is handed its grant here, in order, so nobody can slip in between waking and running. An engine is only
    /// kicked: it takes its token itself, and until it does or leaves, nobody passes it.
    pub(super) fn advance(&mut self, now: Time, asking: Option<Place>) {
        while let Some((&place, waiter)) = self.line.first_key_value() {
            let request = waiter.request;
            let mut readiness = self.strategy.ready(now, &request);
            if readiness.is_ready() && matches!(waiter.who, Who::Task(_)) {
                readiness = match self.strategy.start(now, &request) {
                    Ok(token) => {
                        let grant = self.grant(token, now);
                        self.answer(place, Ok(grant), asking);
                        continue;
                    }
                    // A strategy that is shared further in, and somebody else was faster.
                    Err(refusal) => refusal,
                };
            }
            match readiness {
                // An engine learns of the refusal when it asks; meanwhile it must not hold up the line.
                Readiness::Rejected(rejection) => self.answer(place, Err(rejection), asking),
                Readiness::Ready => return self.tell(place, readiness, asking),
                Readiness::NotBefore(_) | Readiness::OnChange => {
                    self.tell(place, readiness, asking);
                    // Towards a limiter inside its strategy, a limiter is an engine.
                    self.parked = true;
                    return self.strategy.park(now, &request);
                }
            }
        }
        self.leave_inner_line();
    }

    fn leave_inner_line(&mut self) {
        if std::mem::take(&mut self.parked) {
            self.strategy.unpark();
        }
    }

    /// Wakes the head if there is news for it.
    fn tell(&mut self, place: Place, readiness: Readiness, asking: Option<Place>) {
        let Some(waiter) = self.line.get_mut(&place) else { return };
        let known = waiter.told.replace(readiness) == Some(readiness) || asking == Some(place);
        if !known && readiness != Readiness::OnChange {
            self.errands.extend(waiter.who.call());
        }
    }

    /// Takes the head out of the line.
    fn answer(&mut self, place: Place, answer: Result<usize, Rejection>, asking: Option<Place>) {
        let Some(mut waiter) = self.line.remove(&place) else { return };
        if let Who::Task(_) = waiter.who {
            self.answers.insert(place, answer);
        }
        if asking != Some(place) {
            self.errands.extend(waiter.who.call());
        }
        self.errands.push(Errand::Forget(waiter.who));
    }

    #[inline]
    fn grant(&mut self, token: S::Token, start: Time) -> usize {
        self.grants.insert(Grant { token, start, holders: 1, outcome: Outcome::Cancelled })
    }
}

impl Who {
    /// To be woken once the lock is released. A woken task brings a new waker when it looks.
    fn call(&mut self) -> Option<Errand> {
        match self {
            Self::Task(waker) => waker.take().map(Errand::Wake),
            Self::Engine(kick) => Some(Errand::Kick(kick.clone())),
        }
    }
}
