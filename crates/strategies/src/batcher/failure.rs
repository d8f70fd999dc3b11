//! `Failure`: what happens to a batch that failed. And `Repeat`: when its items may be handed over a second time.

use crate::retry::in_time;
use regatta_core::{Clock, Retry, TaskError, Time};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens when a batch fails.
///
/// Items that are handed over again belong to the same batch still: it takes its place among those in flight, except
/// while it waits for a retry. No variant tries again what [`Repeat`] doesn't allow.
///
/// With a handler of [`per_item`](super::Batcher::per_item) results, `Retry` and `OneByOne` hand over only the items that
/// failed, and `Bisect` has nothing to find: each item's own result stands.
pub enum Failure<E> {
    /// All items of the batch get its error.
    All,
    /// The whole batch is tried again, as often as the rule says; then all of its items get the last error.
    Retry(Rule<E>, Repeat<E>),
    /// Each item is tried once more, alone.
    OneByOne(Repeat<E>),
    /// Halves are tried, then the failing half's halves, until the items that fail alone are found; all others succeed.
    ///
    /// Made for handlers that do all or nothing, such as a transaction or a multi-row `INSERT`: there a failed batch has
    /// left no trace. A batch of n items, p of which are poison, costs at most `1 + 2·p·⌈log₂ n⌉` calls, and never more
    /// than `2n − 1`: a call is made only for the two halves of a batch that failed, and on each of the `⌈log₂ n⌉` levels
    /// at most p of them contain poison.
    Bisect(Repeat<E>),
}

impl<E> Failure<E> {
    /// `Retry` by `rule`, which each batch begins anew. It is asked about [`TaskError::Failed`], and about
    /// [`TaskError::Panicked`] if the handler is idempotent. Of [`per_item`](super::Batcher::per_item) results, it is
    /// asked about each that failed, so each takes its own part of a budget; they go together after the longest pause.
    ///
    /// A batch that finds no place in flight before the rule's [deadline](Retry::deadline) keeps its failure.
    pub fn retry(rule: impl Retry<E> + Clone + Send + Sync + 'static, repeat: Repeat<E>) -> Self {
        Self::Retry(Rule(Arc::new(move || Box::new(rule.clone()))), repeat)
    }

    /// When items may be handed over again; `None` if they never are.
    pub(super) fn repeat(&self) -> Option<&Repeat<E>> {
        match self {
            Self::All => None,
            Self::Retry(_, repeat) | Self::OneByOne(repeat) | Self::Bisect(repeat) => Some(repeat),
        }
    }
}

// By hand, because an error needs to be neither `Clone` nor `Debug`.
impl<E> Clone for Failure<E> {
    fn clone(&self) -> Self {
        match self {
            Self::All => Self::All,
            Self::Retry(rule, repeat) => Self::Retry(rule.clone(), repeat.clone()),
            Self::OneByOne(repeat) => Self::OneByOne(repeat.clone()),
            Self::Bisect(repeat) => Self::Bisect(repeat.clone()),
        }
    }
}

impl<E> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::Retry(_, repeat) => f.debug_tuple("Retry").field(repeat).finish(),
            Self::OneByOne(repeat) => f.debug_tuple("OneByOne").field(repeat).finish(),
            Self::Bisect(repeat) => f.debug_tuple("Bisect").field(repeat).finish(),
        }
    }
}

/// When an item may be handed over again, although its batch has been tried before.
///
/// A failure is ambiguous if nobody knows whether the batch took effect: a timeout, a broken connection, a panic.
/// Trying again after one may do things twice.
pub enum Repeat<E> {
    /// Always: handing an item over twice does no more than once.
    Idempotent,
    /// Only after errors that say that nothing of the batch took effect; never after a panic. Made by
    /// [`Repeat::unambiguous`].
    Unambiguous(Judge<E>),
}

impl<E> Repeat<E> {
    /// Only after errors of which `nothing_happened` is true.
    pub fn unambiguous(nothing_happened: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self::Unambiguous(Judge(Arc::new(nothing_happened)))
    }

    pub(super) fn allows(&self, failure: &TaskError<E>) -> bool {
        match self {
            Self::Idempotent => true,
            Self::Unambiguous(judge) => failure.failure().is_some_and(|error| (judge.0)(error)),
        }
    }
}

impl<E> Clone for Repeat<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Idempotent => Self::Idempotent,
            Self::Unambiguous(judge) => Self::Unambiguous(judge.clone()),
        }
    }
}

impl<E> fmt::Debug for Repeat<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idempotent => "Idempotent",
            Self::Unambiguous(_) => "Unambiguous",
        })
    }
}

/// Tells unambiguous errors from others; see [`Repeat::unambiguous`].
pub struct Judge<E>(Arc<dyn Fn(&E) -> bool + Send + Sync>);

impl<E> Clone for Judge<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Judge<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

/// A retry rule, from which each batch gets one of its own; see [`Failure::retry`].
pub struct Rule<E>(Arc<dyn Fn() -> Box<dyn Retry<E> + Send> + Send + Sync>);

impl<E> Clone for Rule<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Rule<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rule")
    }
}

/// The rule as one batch follows it.
pub(super) struct Attempts<E> {
    rule: Option<Box<dyn Retry<E> + Send>>,
    count: u32,
    /// How often the rule has allowed the next one.
    allowed: usize,
}

impl<E> Attempts<E> {
    pub(super) fn none() -> Self {
        Self { rule: None, count: 0, allowed: 0 }
    }

    /// One more attempt starts.
    pub(super) fn begin(&mut self, now: Time, rule: &Rule<E>) {
        self.count = self.count.saturating_add(1);
        self.allowed = 0;
        self.rule.get_or_insert_with(|| {
            let mut rule = (rule.0)();
            rule.begin(now);
            rule
        });
    }

    pub(super) fn delay(&mut self, now: Time, failure: &TaskError<E>) -> Option<Duration> {
        let pause = self.rule.as_mut().and_then(|rule| rule.delay(now, self.count, failure))?;
        self.allowed += 1;
        Some(pause)
    }

    /// Whether the time for another one is over.
    pub(super) fn is_late(&self, clock: &dyn Clock) -> bool {
        let deadline = self.rule.as_ref().map_or(Time::MAX, |rule| rule.deadline());
        deadline != Time::MAX && !in_time(clock.now(), deadline)
    }

    /// The next one, which the rule has allowed, is not made.
    pub(super) fn forgo(&mut self) {
        for _ in 0..std::mem::take(&mut self.allowed) {
            self.rule.iter_mut().for_each(|rule| rule.forgo());
        }
    }
}
