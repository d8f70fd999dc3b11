//! `Keyed`: a limit per class, for tenants and hosts.

mod admit;
mod bell;
mod candidates;
mod make;
mod mix;
mod places;

pub use admit::KeyedToken;

use bell::Bell;
use candidates::Candidates;
use make::Make;
use mix::Mix;
use regatta_core::{Class, ConfigError, Strategy, Time};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Where requests without a class stand.
const UNCLASSED: usize = 0;

/// A limit per class: each [`Class`](regatta_core::Class) has a strategy of its own, made when it first starts
/// something. Requests without a class share one more, which is not counted.
///
/// Memory is bounded. Up to [`capacity`](Keyed::capacity) classes are remembered; beyond that a new class takes the
/// place of one whose strategy is at [rest](Strategy::rest), which nobody notices, as a fresh one would answer the same.
/// A class that still limits is never forgotten: if all do, a new class has to wait, and the answer is the earliest that
/// any of them gives to `rest`. What a task of a forgotten class tells when it ends is heard by nobody.
///
/// Not everything comes to rest by itself. An [`Adaptive`](crate::Adaptive) doesn't once it has learned, and neither does
/// a [`Breaker`](crate::Breaker) that is open or remembers failures in a row or a window of counts. For these, let
/// `capacity` be more than there will ever be classes, or [`forget`](Keyed::forget) some by hand: with all places taken by
/// them, a new class waits without end.
///
/// Two are equal if all classes are: one that is unknown counts as fresh. What is changed from outside in the strategy
/// of one class kicks whoever asks; so a [`Gate`](crate::Gate) or a [`Pausable`](crate::Pausable) may be a member.
///
/// In the line of a [`Limiter`](regatta_core::Limiter) nobody passes the head, whatever its class. To have one class
/// wait without the others, ask with `try_acquire_for`, let an engine ask for each of its jobs, or keep a `Limiter` per
/// class.
///
/// # Defaults
///
/// - capacity: 10,000 classes
///
/// # Cost
///
/// One look-up per question and per start, none per finish. A class takes its strategy and about 120 bytes. While all
/// places are taken, a new class costs amortised O(log capacity).
///
/// # Examples
///
/// ```
/// use regatta_core::{Class, Readiness, Request, Strategy, Time};
/// use regatta_strategies::{Concurrency, Keyed};
///
/// let [alice, bob] = ["alice", "bob"].map(|tenant| Class::of(tenant));
/// let mut limit = Keyed::new(Concurrency::new(1)?);
/// limit.set(bob, Concurrency::new(5)?);
///
/// let (now, request) = (Time::ZERO, Request::new().class(alice));
/// let _running = limit.start(now, &request).expect("alice has nothing in flight");
/// assert_eq!(limit.ready(now, &request), Readiness::OnChange);
/// assert_eq!(limit.ready(now, &Request::new().class(bob)), Readiness::Ready);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
pub struct Keyed<S> {
    make: Make<S>,
    capacity: usize,
    /// Where each class stands.
    index: HashMap<Class, usize, Mix>,
    slots: Vec<Slot<S>>,
    /// How many classes were set by hand.
    kept: usize,
    /// Which classes may be forgotten. Questions lock it, too, to put it in order, and ask strategies under the lock,
    /// which never call back.
    candidates: Mutex<Candidates>,
    /// What was forgotten for the latest start, to be undone with it.
    undo: Option<Undo<S>>,
    bell: Arc<Bell>,
    /// How many strategies were made; numbers them.
    made: u64,
    parked: Option<(usize, u64)>,
    /// When something was last started.
    latest: Time,
}

struct Slot<S> {
    class: Option<Class>,
    /// Fences the tokens of whoever stood here before.
    number: u64,
    /// Set by hand, so never forgotten.
    is_kept: bool,
    strategy: S,
}

/// The slot, the number of the strategy that came, and what stood there.
struct Undo<S> {
    place: (usize, u64),
    former: Slot<S>,
}

impl<S: Strategy> Keyed<S> {
    /// A clone of `template` for each class. If clones of it share something, as those of a [`Gate`](crate::Gate) do,
    /// all classes share it.
    pub fn new(template: S) -> Self
    where
        S: Clone,
    {
        Self::made_by(Make::Clones { template, clone: S::clone })
    }

    /// What `make` makes for each class, and for requests without one, which is made at once. To answer for a class that
    /// is unknown, it may be asked more often than a class is remembered; it should always give the same.
    pub fn with(make: impl Fn(Option<Class>) -> S + Send + Sync + 'static) -> Self {
        Self::made_by(Make::By(Arc::new(make)))
    }

    fn made_by(make: Make<S>) -> Self {
        let bell = Bell::new();
        let mut strategy = make.one(None);
        strategy.attach(bell.kick());
        Self {
            make,
            capacity: 10_000,
            index: HashMap::default(),
            slots: vec![Slot { class: None, number: 0, is_kept: true, strategy }],
            kept: 0,
            candidates: Mutex::default(),
            undo: None,
            bell,
            made: 0,
            parked: None,
            latest: Time::ZERO,
        }
    }

    /// Remembers at most so many classes, those that were [`set`](Keyed::set) not counted.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `capacity` is zero.
    pub fn capacity(mut self, capacity: usize) -> Result<Self, ConfigError> {
        if capacity == 0 {
            return Err(ConfigError::new("capacity", capacity, "must be at least 1"));
        }
        self.capacity = capacity;
        Ok(self)
    }

    /// Gives `class`, or requests without one, this strategy, and makes those who wait ask again. The class is never
    /// forgotten from then on. What it has in flight counted for the former strategy, and is not known to this one.
    pub fn set(&mut self, class: impl Into<Option<Class>>, strategy: S) {
        let class = class.into();
        let place = self.find(class);
        if class.is_some() && place.is_none_or(|place| !self.slots[place].is_kept) {
            self.kept += 1;
        }
        self.undo = None;
        let place = place.unwrap_or(self.slots.len());
        self.lock().keep(place);
        // Dropped only after all is in order: it is foreign code.
        let former = self.put(place, class, true, strategy);
        drop(former);
        self.bell.ring();
    }

    /// The strategy of `class`, or of requests without one; `None` if the class is unknown, which is to say fresh.
    pub fn get(&self, class: impl Into<Option<Class>>) -> Option<&S> {
        self.find(class.into()).map(|place| &self.slots[place].strategy)
    }

    /// Changes the strategy of `class`, or of requests without one, where it stands; `None` if the class is unknown and
    /// there is no place for it.
    ///
    /// A change of settings lasts for as long as the class is remembered, at least until its strategy is at rest; what
    /// is to last for ever is [`set`](Keyed::set).
    pub fn update<R>(
        &mut self,
        class: impl Into<Option<Class>>,
        change: impl FnOnce(&mut S) -> R,
    ) -> Option<R> {
        let class = class.into();
        let place = match self.find(class) {
            Some(place) => place,
            None => self.enter(class, self.latest)?,
        };
        self.undo = None;
        let strategy = &mut self.slots[place].strategy;
        let result = change(strategy);
        // What `change` put in place may be attached to nobody.
        strategy.attach(self.bell.kick());
        if !self.slots[place].is_kept {
            self.lock().add(place);
        }
        Some(result)
    }

    /// Forgets what is known of `class`, and makes those who wait ask again; whether it was known. It is as fresh then,
    /// and what it has in flight is not known to it; also one that was [`set`](Keyed::set).
    ///
    /// For classes that come to rest only when somebody asks for them, such as those whose strategy learns.
    pub fn forget(&mut self, class: impl Into<Option<Class>>) -> bool {
        let class = class.into();
        let Some(place) = self.find(class) else { return false };
        if class.is_some() && self.slots[place].is_kept {
            self.kept -= 1;
        }
        self.undo = None;
        let fresh = self.make.one(class);
        let former = self.put(place, class, class.is_none(), fresh);
        if class.is_some() {
            self.lock().add(place);
        }
        drop(former);
        self.bell.ring();
        true
    }

    /// How many classes are remembered, those that were [`set`](Keyed::set) included.
    pub fn classes(&self) -> usize {
        self.index.len()
    }
}

impl<S: Strategy + Clone> Clone for Keyed<S> {
    /// The same limits in the same state, with a life of their own. Attached to nobody, and without a place in a line.
    fn clone(&self) -> Self {
        let bell = Bell::new();
        let slots = self.slots.iter().map(|slot| {
            let mut strategy = slot.strategy.clone();
            strategy.attach(bell.kick());
            Slot { strategy, ..*slot }
        });
        Self {
            make: self.make.clone(),
            capacity: self.capacity,
            index: self.index.clone(),
            slots: slots.collect(),
            kept: self.kept,
            candidates: Mutex::new(self.lock().clone()),
            undo: None,
            bell,
            made: self.made,
            parked: None,
            latest: self.latest,
        }
    }
}

impl<S: Strategy + PartialEq> PartialEq for Keyed<S> {
    fn eq(&self, other: &Self) -> bool {
        let is_same = |class: Option<Class>| match (self.slot(class), other.slot(class)) {
            (Some(own), Some(theirs)) => own.is_kept == theirs.is_kept && own.strategy == theirs.strategy,
            (Some(known), None) => !known.is_kept && other.make.look(class, |fresh| known.strategy == *fresh),
            (None, Some(known)) => !known.is_kept && self.make.look(class, |fresh| known.strategy == *fresh),
            (None, None) => self.make.look(class, |own| other.make.look(class, |theirs| own == theirs)),
        };
        let mut slots = self.slots.iter().chain(&other.slots);
        self.capacity == other.capacity && slots.all(|slot| is_same(slot.class))
    }
}

impl<S: fmt::Debug> fmt::Debug for Keyed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("capacity", &self.capacity)
            .field("classes", &self.index.len())
            .field("unclassed", &self.slots[UNCLASSED].strategy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
