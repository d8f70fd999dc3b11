//! `Strategy`: may one more task start now? And the words it is asked and answered in.

use crate::{Hold, Kick, Rejection, Time};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What wants to start: how much it counts, how urgent it is, and to whom it belongs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Request {
    /// How much of a limit it uses up; 1 unless told otherwise.
    pub cost: u32,
    /// Higher is more urgent; 0 unless told otherwise.
    pub priority: i32,
    /// The host, tenant or user it belongs to, for limits per class.
    pub class: Option<Class>,
}

impl Request {
    /// Cost 1, priority 0, no class.
    pub const fn new() -> Self {
        Self { cost: 1, priority: 0, class: None }
    }

    /// The same with another cost.
    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// The same with another priority.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The same, belonging to `class`.
    pub const fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

/// The 64-bit identity of a host, tenant or user.
///
/// Two keys may share one by accident, once in about 2⁶⁴ pairs; they would then share their limits, nothing worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Class(u64);

impl Class {
    /// The identity of `key`; equal keys give equal classes within one process.
    pub fn of<K: Hash + ?Sized>(key: &K) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// A class made from a number of your own.
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Whether a request could start now, and if not, what has to happen first.
///
/// The order is the order of composition: of several answers the greatest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Readiness {
    /// It can start.
    Ready,
    /// Not before this time; a lower bound, later than the `now` that was asked about.
    NotBefore(Time),
    /// Only after something else has changed: a task that ends, a gate that opens.
    OnChange,
    /// Never.
    Rejected(Rejection),
}

impl Readiness {
    /// Whether it can start.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ready)
    }

    /// `Ok` if it can start, otherwise itself as the error: how a [`start`](Strategy::start) begins.
    ///
    /// # Errors
    ///
    /// The readiness, unless it is `Ready`.
    #[inline]
    pub fn check(self) -> Result<(), Self> {
        if self.is_ready() { Ok(()) } else { Err(self) }
    }

    /// Both must agree: the worse of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

/// What a strategy learns about a task that it admitted.
///
/// Sources classify their own results. Unless they say otherwise, `Ok` is a `Success`; an `Err`, a panic and a timeout
/// are a `Failure`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It went well.
    Success,
    /// It went wrong.
    Failure,
    /// The other side said that it has too much to do.
    Overload,
    /// It says nothing about the other side.
    Neutral,
    /// It was stopped, so nobody knows.
    Cancelled,
    /// It was admitted and then never started: as if it had never been asked.
    Unused,
}

/// Decides whether one more task may start now: a limit, a rate, a breaker, a gate, or a tuple of them.
///
/// A strategy is a plain synchronous state machine. It is handed the time, never reads a clock, never waits and never
/// calls back. Tuples (up to eight), `Vec`, `Option` and `Box` of strategies are strategies too, and `()` admits
/// everything; all members must agree, and the order in which they stand never matters.
///
/// # Laws
///
/// - [`ready`](Strategy::ready) is pure: asking changes nothing. `NotBefore(t)` has `t > now` and is a lower bound.
///   `OnChange` is answered only if something is in flight or can change from outside (and then kicks).
/// - [`start`](Strategy::start) refuses only where `ready` would not say `Ready`, with the same answer.
/// - [`finish`](Strategy::finish) with [`Outcome::Unused`] right after `start` restores an equal state.
/// - A token of an earlier episode changes nothing but what it holds.
/// - No method panics, whatever `now` is; also when it is earlier than one before.
///
/// # Examples
///
/// ```
/// use regatta_core::{Outcome, Readiness, Request, Strategy, Time};
///
/// /// At most one task per tick of a counter that somebody else moves.
/// struct OddOnly;
///
/// impl Strategy for OddOnly {
///     type Token = ();
///     fn ready(&self, now: Time, _: &Request) -> Readiness {
///         if now.as_nanos() % 2 == 1 { Readiness::Ready } else { Readiness::NotBefore(Time::from_nanos(now.as_nanos() + 1)) }
///     }
///     fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
///         self.ready(now, request).check()
///     }
///     fn finish(&mut self, (): (), _: Time, _: Outcome) {}
/// }
/// assert_eq!((OddOnly, ()).ready(Time::from_nanos(2), &Request::new()), Readiness::NotBefore(Time::from_nanos(3)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a strategy",
    note = "strategies are `()`, the types of `regatta-strategies`, a `Limiter`, tuples, `Vec` and `Option` of them, or your own `impl Strategy`"
)]
pub trait Strategy {
    /// What was taken by `start`, to be given back by `finish`.
    type Token;

    /// Whether `request` could start at `now`. Changes nothing.
    fn ready(&self, now: Time, request: &Request) -> Readiness;

    /// Takes what `request` needs.
    ///
    /// # Errors
    ///
    /// The readiness, if it is not `Ready`; then nothing was taken.
    fn start(&mut self, now: Time, request: &Request) -> Result<Self::Token, Readiness>;

    /// Gives back what `start` took, and tells how it went.
    fn finish(&mut self, token: Self::Token, now: Time, outcome: Outcome);

    /// Corrects the cost of a running request, where it is known only after the call.
    fn reconcile(&mut self, token: &mut Self::Token, now: Time, actual: u32) {
        let _ = (token, now, actual);
    }

    /// Keeps `kick`, to be called whenever a change from outside could make a refused request ready.
    fn attach(&mut self, kick: Kick) {
        let _ = kick;
    }

    /// An engine now waits because this strategy refused `request`; a shared strategy queues it.
    fn park(&mut self, now: Time, request: &Request) {
        let _ = (now, request);
    }

    /// The engine no longer waits.
    fn unpark(&mut self) {}

    /// Whether the exact time of each start and finish matters. If so, the engine reads the clock again after each
    /// poll that ended a task. Asked once, when the strategy is attached.
    fn timed(&self) -> bool {
        true
    }

    /// Whether the exact time of a finish matters. If not, a [`Limiter`](crate::Limiter) saves a look at the clock and
    /// finishes with the time of the start.
    fn finish_timed(&self) -> bool {
        true
    }

    /// Whether it matters to this strategy that and how a task ends. `false` is a promise: unless the outcome is
    /// [`Outcome::Unused`], [`finish`](Strategy::finish) changes nothing, neither for this strategy nor for anybody else,
    /// and neither does the drop of a token. A [`Limiter`](crate::Limiter) may then tell it of such a finish later, when
    /// the limiter is used again, and lets nobody in because of it. Asked when the limiter is made and after each
    /// [`update`](crate::Limiter::update).
    fn finish_matters(&self) -> bool {
        true
    }

    /// A handle that keeps what `token` took, even after the token itself was finished or dropped, until the handle
    /// is dropped too. Only a shared strategy has something to keep; see [`Hold`].
    fn hold(&self, token: &Self::Token) -> Hold {
        let _ = token;
        Hold::none()
    }

    /// When this could be replaced by a fresh one without anybody noticing: now (`Ready`), by time alone, or, which is
    /// the answer unless told otherwise, only after something else has changed. Limits per class forget a class then.
    fn rest(&self, now: Time) -> Readiness {
        let _ = now;
        Readiness::OnChange
    }

    /// Says which member holds `request` back, and until when.
    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        let _ = (now, request, out);
    }
}

/// Receives the reasons that strategies give in [`Strategy::explain`].
pub trait Explain {
    /// `strategy` currently answers `readiness` to the request.
    fn reason(&mut self, strategy: &str, readiness: Readiness);
}

impl Explain for Vec<(String, Readiness)> {
    fn reason(&mut self, strategy: &str, readiness: Readiness) {
        self.push((strategy.to_owned(), readiness));
    }
}
