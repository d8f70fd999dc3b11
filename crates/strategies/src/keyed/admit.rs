//! How `Keyed` is asked: it finds the class, and hands the question on.

use super::{Keyed, Slot, Undo};
use regatta_core::{Class, Explain, Hold, Kick, Outcome, Readiness, Request, Strategy, Time};

/// What a task in flight holds of a [`Keyed`]: the token of its class's strategy.
#[derive(Debug)]
#[must_use = "a token that is not finished stays in flight for ever"]
pub struct KeyedToken<T> {
    pub(super) place: usize,
    pub(super) number: u64,
    pub(super) inner: T,
}

impl<S: Strategy> Keyed<S> {
    /// Where a new class would stand, and its strategy.
    #[cold]
    fn newcomer(&self, now: Time, request: &Request) -> Result<(usize, S), Readiness> {
        match self.room(now) {
            Ok(place) => Ok((place, self.make.one(request.class))),
            Err(later) => {
                let fresh = self.make.look(request.class, |fresh| fresh.ready(now, request));
                Err(without_place(later, fresh))
            }
        }
    }

    /// Remembers a new class, which has started something. Its number.
    #[cold]
    fn remember(&mut self, class: Option<Class>, (place, strategy): (usize, S)) -> u64 {
        let former = self.put(place, class, false, strategy);
        self.lock().add(place);
        let number = self.made;
        self.undo = former.map(|former| Undo { place: (place, number), former });
        number
    }

    /// Whether it holds for any class that there is, or may come.
    fn any(&self, holds: impl Fn(&S) -> bool) -> bool {
        self.make.is_mixed()
            || self.make.look(None, &holds)
            || self.slots.iter().any(|slot| holds(&slot.strategy))
    }

    /// The slot of a token, unless its class was forgotten or set anew.
    pub(super) fn live(&mut self, place: usize, number: u64) -> Option<&mut Slot<S>> {
        self.slots.get_mut(place).filter(|slot| slot.number == number)
    }
}

impl<S: Strategy> Strategy for Keyed<S> {
    type Token = KeyedToken<S::Token>;

    #[inline]
    fn ready(&self, now: Time, request: &Request) -> Readiness {
        if let Some(place) = self.find(request.class) {
            return self.slots[place].strategy.ready(now, request);
        }
        let fresh = self.make.look(request.class, |fresh| fresh.ready(now, request));
        match self.room(now) {
            Ok(_) => fresh,
            Err(later) => without_place(later, fresh),
        }
    }

    #[inline]
    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness> {
        // One call for both, so that the token stays in registers: memory that a new class's start had filled would have
        // to be copied.
        let mut newcomer = None;
        let (place, strategy) = match self.find(request.class) {
            Some(place) => (place, &mut self.slots[place].strategy),
            None => {
                let (place, strategy) = newcomer.insert(self.newcomer(now, request)?);
                (*place, strategy)
            }
        };
        let inner = strategy.start(now, request)?;
        self.latest = now;
        let number = match newcomer {
            Some(newcomer) => self.remember(request.class, newcomer),
            None => {
                // From here on, what was forgotten before stays forgotten.
                if self.undo.is_some() {
                    self.undo = None;
                }
                self.slots[place].number
            }
        };
        Ok(KeyedToken { place, number, inner })
    }

    #[inline]
    fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome) {
        let KeyedToken { place, number, inner } = token;
        let Some(slot) = self.live(place, number) else { return };
        slot.strategy.finish(inner, now, outcome);
        if outcome != Outcome::Unused && !slot.strategy.finish_matters() {
            return;
        }
        if outcome == Outcome::Unused
            && let Some(undo) = self.undo.take_if(|undo| undo.place == (place, number))
        {
            let unused = self.swap(place, undo.former);
            self.lock().add(place);
            drop(unused);
            return;
        }
        let slot = &self.slots[place];
        if !slot.is_kept {
            let candidates = self.candidates.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            candidates.nearer(place, || slot.strategy.rest(now));
        }
    }

    fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
        let Some(slot) = self.live(token.place, token.number) else { return };
        slot.strategy.reconcile(&mut token.inner, now, actual);
        let slot = &self.slots[token.place];
        if !slot.is_kept {
            self.lock().nearer(token.place, || slot.strategy.rest(now));
        }
    }

    fn attach(&mut self, kick: Kick) {
        self.bell.attach(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        let known = self.find(request.class);
        // A new class that its own strategy refuses is remembered, to be kicked by it. If there is no place for it, it
        // waits for one instead.
        let place = known.or_else(|| self.enter(request.class, now));
        let parked = place.map(|place| (place, self.slots[place].number));
        if self.parked != parked {
            self.unpark();
        }
        let Some(place) = place else { return };
        self.parked = parked;
        let strategy = &mut self.slots[place].strategy;
        strategy.park(now, request);
        // It may have changed between the question and this, when nobody would have been kicked.
        if known.is_none() && strategy.ready(now, request).is_ready() {
            self.bell.ring();
        }
    }

    fn unpark(&mut self) {
        if let Some((place, number)) = self.parked.take()
            && let Some(slot) = self.live(place, number)
        {
            slot.strategy.unpark();
        }
    }

    /// What is made by a function may differ from class to class, so it counts as timed.
    fn timed(&self) -> bool {
        self.any(S::timed)
    }

    fn finish_timed(&self) -> bool {
        self.any(S::finish_timed)
    }

    fn finish_matters(&self) -> bool {
        self.any(S::finish_matters)
    }

    fn hold(&self, token: &Self::Token) -> Hold {
        match self.slots.get(token.place) {
            Some(slot) if slot.number == token.number => slot.strategy.hold(&token.inner),
            Some(_) | None => Hold::none(),
        }
    }

    /// At rest when all classes are.
    fn rest(&self, now: Time) -> Readiness {
        self.slots.iter().fold(Readiness::Ready, |all, slot| all.and(slot.strategy.rest(now)))
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        if let Some(place) = self.find(request.class) {
            return self.slots[place].strategy.explain(now, request, out);
        }
        if let Err(later) = self.room(now) {
            out.reason("keyed", later);
        }
        self.make.look(request.class, |fresh| fresh.explain(now, request, out));
    }
}

/// The answer to a new class for which there may be a place `later`.
fn without_place(later: Readiness, fresh: Readiness) -> Readiness {
    match fresh {
        // What can change it is not attached before it has a place, so whoever asks has to come for the place first.
        Readiness::OnChange => later,
        Readiness::Ready | Readiness::NotBefore(_) | Readiness::Rejected(_) => later.and(fresh),
    }
}
