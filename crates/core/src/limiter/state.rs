//! What a limiter decides, without clock, waker or lock: who is next in line, and who holds what.

use crate::{Kick, Outcome, Readiness, Rejection, Request, Strategy, Time};
use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

/// A place in line; places are handed out in order and never again.
pub(super) type Place = u64;

pub(super) struct State<S: Strategy> {
    pub(super) strategy: S,
    pub(super) closed: bool,
    grants: Vec<Option<Grant<S::Token>>>,
    free: Vec<usize>,
    next: Place,
    line: BTreeMap<Place, Waiter>,
    /// What became of waiting tasks that have not looked yet.
    answers: HashMap<Place, Result<usize, Rejection>>,
    /// To be woken once the lock is released.
    pub(super) wakes: Vec<Waker>,
    pub(super) kicks: Vec<Kick>,
}

/// A token that was given out, and how many hold it: its permit, and the holds of spawned tasks.
struct Grant<Tok> {
    token: Tok,
    holders: usize,
    outcome: Outcome,
}

struct Waiter {
    request: Request,
    who: Who,
    /// What the waiter was last told; it is woken only for news.
    told: Option<Readiness>,
}

enum Who {
    Task(Waker),
    Engine(Kick),
}

/// What a task that waits should do now.
pub(super) enum Turn {
    Granted(usize),
    Refused(Rejection),
    Wait,
    WaitUntil(Time),
}

impl<S: Strategy> State<S> {
    pub(super) fn new(strategy: S) -> Self {
        Self {
            strategy,
            closed: false,
            grants: Vec::new(),
            free: Vec::new(),
            next: 0,
            line: BTreeMap::new(),
            answers: HashMap::new(),
            wakes: Vec::new(),
            kicks: Vec::new(),
        }
    }

    /// Whether a request could start now: only the head of the line may, and nobody may pass it.
    pub(super) fn ready(&self, now: Time, request: &Request, place: Option<Place>) -> Readiness {
        if self.closed {
            return Readiness::Rejected(Rejection::Closed);
        }
        match self.line.first_key_value() {
            Some((head, _)) if Some(*head) != place => {
                // A refusal for good does not wait for its turn.
                Readiness::OnChange.and(self.rejection(now, request))
            }
            _ => self.strategy.ready(now, request),
        }
    }

    fn rejection(&self, now: Time, request: &Request) -> Readiness {
        match self.strategy.ready(now, request) {
            rejected @ Readiness::Rejected(_) => rejected,
            Readiness::Ready | Readiness::NotBefore(_) | Readiness::OnChange => Readiness::Ready,
        }
    }

    /// Takes a token at once, or says why not. Leaves the line if the caller stood in it.
    pub(super) fn start(
        &mut self,
        now: Time,
        request: &Request,
        place: Option<Place>,
    ) -> Result<usize, Readiness> {
        match self.ready(now, request, place) {
            Readiness::Ready => {}
            refusal => return Err(refusal),
        }
        let token = self.strategy.start(now, request)?;
        let grant = self.grant(token);
        if let Some(place) = place {
            self.leave(place, now);
        }
        Ok(grant)
    }

    /// Gives a holder's share back; the last one ends the grant.
    pub(super) fn release(&mut self, grant: usize, now: Time, outcome: Option<Outcome>) {
        let Some(entry) = self.grants[grant].as_mut() else { return };
        entry.holders -= 1;
        if let Some(outcome) = outcome {
            entry.outcome = outcome;
        }
        if entry.holders > 0 {
            return;
        }
        if let Some(entry) = self.grants[grant].take() {
            self.free.push(grant);
            self.strategy.finish(entry.token, now, entry.outcome);
        }
        self.advance(now);
    }

    pub(super) fn retain(&mut self, grant: usize) {
        if let Some(entry) = self.grants[grant].as_mut() {
            entry.holders += 1;
        }
    }

    pub(super) fn reconcile(&mut self, grant: usize, now: Time, actual: u32) {
        if let Some(entry) = self.grants[grant].as_mut() {
            self.strategy.reconcile(&mut entry.token, now, actual);
        }
        self.advance(now);
    }

    pub(super) fn issued(&self) -> usize {
        self.grants.len() - self.free.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Queues a task at the end of the line.
    pub(super) fn enqueue_task(&mut self, request: Request, waker: Waker) -> Place {
        self.enqueue(request, Who::Task(waker))
    }

    /// Queues an engine, or keeps its place; kicks it if it may come at once or must watch the clock.
    pub(super) fn park(&mut self, now: Time, request: &Request, kick: &Kick, place: Option<Place>) -> Place {
        let place = match place.and_then(|place| Some((place, self.line.get_mut(&place)?))) {
            Some((place, waiter)) => {
                waiter.request = *request;
                place
            }
            None => self.enqueue(*request, Who::Engine(kick.clone())),
        };
        self.advance(now);
        place
    }

    fn enqueue(&mut self, request: Request, who: Who) -> Place {
        let place = self.next;
        self.next += 1;
        self.line.insert(place, Waiter { request, who, told: None });
        place
    }

    /// What a queued task finds when it looks.
    pub(super) fn turn(&mut self, place: Place, now: Time, waker: &Waker) -> Turn {
        if let Some(waiter) = self.line.get_mut(&place) {
            if let Who::Task(own) = &mut waiter.who {
                own.clone_from(waker);
            }
            if self.line.first_key_value().is_some_and(|(head, _)| *head == place) {
                self.advance(now);
            }
        }
        match self.answers.remove(&place) {
            Some(Ok(grant)) => return Turn::Granted(grant),
            Some(Err(rejection)) => return Turn::Refused(rejection),
            None => {}
        }
        match self.line.get(&place).and_then(|waiter| waiter.told) {
            Some(Readiness::NotBefore(time)) => Turn::WaitUntil(time),
            _ => Turn::Wait,
        }
    }

    /// Leaves the line, or gives an unseen grant back unused.
    pub(super) fn leave(&mut self, place: Place, now: Time) {
        match self.answers.remove(&place) {
            Some(Ok(grant)) => self.release(grant, now, Some(Outcome::Unused)),
            Some(Err(_)) => {}
            None => {
                self.line.remove(&place);
                self.advance(now);
            }
        }
    }

    /// Refuses everybody from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for (place, waiter) in std::mem::take(&mut self.line) {
            match waiter.who {
                Who::Task(waker) => {
                    self.answers.insert(place, Err(Rejection::Closed));
                    self.wakes.push(waker);
                }
                Who::Engine(kick) => self.kicks.push(kick),
            }
        }
    }

    /// Serves the line from its head, for as long as the strategy allows.
    ///
    /// A task is handed its grant here, in order, so nobody can slip in between waking and running. An engine is only
    /// kicked: it takes its token itself, and until it does or leaves, nobody passes it.
    pub(super) fn advance(&mut self, now: Time) {
        while let Some(mut entry) = self.line.first_entry() {
            let place = *entry.key();
            let waiter = entry.get_mut();
            let readiness = self.strategy.ready(now, &waiter.request);
            let news = waiter.told != Some(readiness) && readiness != Readiness::OnChange;
            waiter.told = Some(readiness);
            match (&waiter.who, readiness) {
                (Who::Task(_), Readiness::Ready) => {
                    let Ok(token) = self.strategy.start(now, &entry.get().request) else { return };
                    self.answer(place, Some(token), None);
                }
                (Who::Task(_), Readiness::Rejected(rejection)) => self.answer(place, None, Some(rejection)),
                (Who::Task(waker), Readiness::NotBefore(_)) => {
                    if news {
                        self.wakes.push(waker.clone());
                    }
                    return;
                }
                (Who::Engine(kick), Readiness::Ready | Readiness::NotBefore(_)) => {
                    if news {
                        self.kicks.push(kick.clone());
                    }
                    return;
                }
                (Who::Engine(kick), Readiness::Rejected(_)) => {
                    // It will learn of the refusal when it asks; meanwhile it must not hold up the line.
                    self.kicks.push(kick.clone());
                    entry.remove();
                }
                (Who::Task(_) | Who::Engine(_), Readiness::OnChange) => return,
            }
        }
    }

    fn answer(&mut self, place: Place, token: Option<S::Token>, refused: Option<Rejection>) {
        let grant = token.map(|token| self.grant(token));
        if let Some(Waiter { who: Who::Task(waker), .. }) = self.line.remove(&place) {
            self.wakes.push(waker);
        }
        let answer = match (grant, refused) {
            (Some(grant), _) => Ok(grant),
            (None, refused) => Err(refused.unwrap_or(Rejection::Closed)),
        };
        self.answers.insert(place, answer);
    }

    fn grant(&mut self, token: S::Token) -> usize {
        let entry = Some(Grant { token, holders: 1, outcome: Outcome::Cancelled });
        if let Some(index) = self.free.pop() {
            self.grants[index] = entry;
            return index;
        }
        self.grants.push(entry);
        self.grants.len() - 1
    }
}
