//! Retry rules that are put together, and `retry`, which tries one operation until its rule says stop.

mod attempts;
mod budget;
mod deadline;
mod door;
mod extras;
mod hint;
mod when;

pub use attempts::{Attempts, retry};
pub use budget::{Budgeted, RetryBudget};
pub(crate) use deadline::in_time;
pub use deadline::{Until, Within};
pub use hint::Hinted;
pub use when::When;

use regatta_core::{Backoff, Retry, RetryFn, Time};
use std::time::Duration;

/// Narrows a retry rule down: to some errors, a deadline, a budget; and lets the other side lengthen a pause.
///
/// For a [`Backoff`], a [`retry_fn`](regatta_core::retry_fn), a boxed rule, and what these
/// methods return; for a rule of your own, say `impl RetryExt for MyRule {}`.
///
/// Each part only ever stops earlier or waits longer, so the order in which they stand doesn't matter: a retry that one
/// part allows and another forbids takes nothing from a budget, and a hint never leads past a deadline, whichever is
/// further out. A rule of your own around others keeps it that way if it hands on
/// [`forgo`](regatta_core::Retry::forgo) and [`deadline`](regatta_core::Retry::deadline).
///
/// # Examples
///
/// ```
/// use regatta_core::{Backoff, Jitter};
/// use regatta_strategies::{RetryBudget, RetryExt};
/// use std::time::Duration;
///
/// # #[derive(Debug)]
/// enum Fault {
///     Missing,
///     Busy { retry_after: Option<Duration> },
/// }
///
/// // Kept by the client, and shared by all its operations.
/// let budget = RetryBudget::new(0.2)?;
///
/// let rule = Backoff::exponential(Duration::from_millis(50))
///     .jitter(Jitter::Full)
///     .when(|fault: &Fault| !matches!(fault, Fault::Missing))
///     .hint(|fault: &Fault| match fault {
///         Fault::Busy { retry_after } => *retry_after,
///         Fault::Missing => None,
///     })
///     .within(Duration::from_secs(10))
///     .budget(&budget);
/// # fn is_rule<R: regatta_core::Retry<Fault>>(_: R) {}
/// # is_rule(rule);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
pub trait RetryExt: Sized {
    /// Retries only the errors that `wanted` says yes to; write the error's type at its parameter.
    ///
    /// Asked of the task's own errors. What becomes of timeouts and the like stays with the inner rule. After an
    /// unwanted error the inner rule is not asked at all.
    fn when<E, F: FnMut(&E) -> bool>(self, wanted: F) -> When<Self, F> {
        When::new(self, wanted)
    }

    /// Waits for as long as the error says, where that is longer than the pause: `Retry-After` and the like.
    ///
    /// The longer of both counts, so a hint may exceed the cap of the inner rule, and a short one doesn't undo its jitter
    /// or growth. A hint that leads to a deadline or beyond stops at once.
    fn hint<E, H: FnMut(&E) -> Option<Duration>>(self, hint: H) -> Hinted<Self, H> {
        Hinted::new(self, hint)
    }

    /// No retry at or after `total` from the start of the first attempt. A pause that would end then or later is not
    /// waited for: the failure stands at once.
    ///
    /// Nothing that runs is stopped. Zero means no retries, [`Duration::MAX`] no deadline.
    fn within(self, total: Duration) -> Within<Self> {
        Within::new(self, total)
    }

    /// No retry at or after `deadline`; otherwise as [`within`](RetryExt::within). [`Time::MAX`] is no deadline.
    fn until(self, deadline: Time) -> Until<Self> {
        Until::new(self, deadline)
    }

    /// Retries only while the shared `budget` lasts.
    fn budget(self, budget: &RetryBudget) -> Budgeted<Self> {
        Budgeted::new(self, budget.clone())
    }
}

// Not for all types: a method that takes `self` would hide a type's own method of that name that takes `&self`.
impl RetryExt for Backoff {}
impl<E, F> RetryExt for RetryFn<E, F> {}
impl<E> RetryExt for Box<dyn Retry<E> + Send + '_> {}
impl<R, F> RetryExt for When<R, F> {}
impl<R, H> RetryExt for Hinted<R, H> {}
impl<R> RetryExt for Within<R> {}
impl<R> RetryExt for Until<R> {}
impl<R> RetryExt for Budgeted<R> {}

#[cfg(test)]
mod tests;
