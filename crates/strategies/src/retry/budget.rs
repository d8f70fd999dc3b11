//! `RetryBudget`: retries stay a fraction of the work.

use regatta_core::{ConfigError, Retry, TaskError, Time};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one retry costs, in the units of the balance. A rate of one retry per second is then one unit per nanosecond, so
/// nothing is ever rounded.
const RETRY: u64 = 1_000_000_000;

/// Keeps the retries of many operations to a fraction of the operations, so that a server in trouble isn't sent a
/// multiple of its load. Clones share it, among tasks and threads.
///
/// Every operation that begins pays in the ratio; every retry takes out one. While there is less than one in it, no
/// retry is allowed, and failures stand at once. At any time
///
/// > retries ≤ reserve + ratio × operations begun + rate × time since the first of them.
///
/// What begins is an operation with all its attempts, whether it succeeds or fails; a retry pays in nothing. A retry
/// counts when its rule allows it, before its pause. Where another part of the rule then forbids it, it doesn't count; a
/// retry that is dropped in its pause does.
///
/// The account is in whole billionths of a retry, and a ratio with more digits is rounded down: 60 % never become 100 %.
///
/// # Defaults
///
/// A reserve of 10 retries; nothing per second; at most 100 retries are saved up.
///
/// # Cost
///
/// One atomic update per operation and one per retry, without a lock; two with a rate.
///
/// The retry budget of Twitter's Finagle, with gRPC's bound on what is saved up.
///
/// # Examples
///
/// ```
/// use regatta_core::{Backoff, Retry, TaskError, Time};
/// use regatta_strategies::{RetryBudget, RetryExt};
///
/// let budget = RetryBudget::new(0.5)?.reserve(1);
/// let mut retries = 0;
/// for _ in 0..10 {
///     let mut rule = Backoff::constant(std::time::Duration::ZERO).times(1).budget(&budget);
///     Retry::<&str>::begin(&mut rule, Time::ZERO);
///     retries += usize::from(rule.delay(Time::ZERO, 1, &TaskError::Failed("down")).is_some());
/// }
/// assert_eq!(retries, 6);
/// assert_eq!(budget.balance(), 0);
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Account>);

struct Account {
    terms: Terms,
    balance: AtomicU64,
    /// Until when the rate was paid in, plus one; 0 before the first operation.
    paid_until: AtomicU64,
}

/// What is paid in and kept, in units.
#[derive(Clone, Copy)]
struct Terms {
    ratio: u64,
    reserve: u64,
    /// Units per nanosecond, which is retries per second.
    rate: u64,
    max: u64,
}

impl RetryBudget {
    /// `ratio` retries per operation: 0.2 is one retry for five operations.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is a number from 0 to 10.
    pub fn new(ratio: f64) -> Result<Self, ConfigError> {
        if !(0.0..=10.0).contains(&ratio) {
            return Err(ConfigError::new("ratio", ratio, "must be a number from 0 to 10"));
        }
        let ratio = units(ratio);
        Ok(Self::open(Terms { ratio, reserve: 10 * RETRY, rate: 0, max: 100 * RETRY }))
    }

    /// So many retries may be made before anything was paid in. More than the most that is saved up raises that, too.
    ///
    /// Starts a new account, as all settings do: make them before you share it.
    #[must_use]
    pub fn reserve(self, retries: u32) -> Self {
        let reserve = u64::from(retries) * RETRY;
        let max = self.0.terms.max.max(reserve);
        Self::open(Terms { reserve, max, ..self.0.terms })
    }

    /// Pays in so many retries per second as well, so that rare operations may be retried at all. Measured from the
    /// first operation on.
    #[must_use]
    pub fn per_second(self, retries: u32) -> Self {
        Self::open(Terms { rate: retries.into(), ..self.0.terms })
    }

    /// At most so many retries are saved up, for a bad time after a long good one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is zero or less than the reserve.
    pub fn balance_max(self, retries: u32) -> Result<Self, ConfigError> {
        if retries == 0 {
            return Err(ConfigError::new("balance_max", retries, "must be at least 1"));
        }
        let max = u64::from(retries) * RETRY;
        if max < self.0.terms.reserve {
            return Err(ConfigError::new("balance_max", retries, "must be at least the reserve"));
        }
        Ok(Self::open(Terms { max, ..self.0.terms }))
    }

    /// How many retries could be made now, as of the latest operation or retry.
    pub fn balance(&self) -> u32 {
        u32::try_from(self.0.balance.load(Ordering::Relaxed) / RETRY).unwrap_or(u32::MAX)
    }

    fn open(terms: Terms) -> Self {
        let balance = AtomicU64::new(terms.reserve);
        Self(Arc::new(Account { terms, balance, paid_until: AtomicU64::new(0) }))
    }

    fn begin(&self, now: Time) {
        self.pay_rate(now);
        self.pay_in(self.0.terms.ratio);
    }

    /// Takes one retry out, if there is one.
    fn withdraw(&self, now: Time) -> bool {
        self.pay_rate(now);
        // One number that stands for nothing else: no order with other memory is needed, here and below.
        let take = |balance: u64| balance.checked_sub(RETRY);
        self.0.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn pay_in(&self, units: u64) {
        let max = self.0.terms.max;
        let add = |balance: u64| {
            let sum = balance.saturating_add(units).min(max);
            (sum != balance).then_some(sum)
        };
        // An error says that it was full already.
        let _ = self.0.balance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn pay_rate(&self, now: Time) {
        if self.0.terms.rate == 0 {
            return;
        }
        let now = now.as_nanos().saturating_add(1);
        // The greatest time wins, so each stretch of time is paid once, by whoever moved past it.
        let before = self.0.paid_until.fetch_max(now, Ordering::Relaxed);
        if before > 0 && before < now {
            self.pay_in((now - before).saturating_mul(self.0.terms.rate));
        }
    }
}

/// The ratio in units, never more than it is.
fn units(ratio: f64) -> u64 {
    let scale = RETRY as f64;
    let nearest = (ratio * scale).round();
    // The division gives back the very float, if that was written with so few digits.
    let units = if nearest / scale > ratio { nearest - 1.0 } else { nearest };
    units as u64
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget").field("balance", &self.balance()).finish_non_exhaustive()
    }
}

/// Retries while a shared budget lasts; made by [`RetryExt::budget`](super::RetryExt::budget).
#[derive(Clone, Debug)]
pub struct Budgeted<R> {
    inner: R,
    budget: RetryBudget,
}

impl<R> Budgeted<R> {
    pub(super) fn new(inner: R, budget: RetryBudget) -> Self {
        Self { inner, budget }
    }
}

impl<E, R: Retry<E>> Retry<E> for Budgeted<R> {
    fn begin(&mut self, now: Time) {
        self.budget.begin(now);
        self.inner.begin(now);
    }

    fn delay(&mut self, now: Time, attempts: u32, failure: &TaskError<E>) -> Option<Duration> {
        let pause = self.inner.delay(now, attempts, failure)?;
        if !self.budget.withdraw(now) {
            self.inner.forgo();
            return None;
        }
        Some(pause)
    }

    fn forgo(&mut self) {
        self.budget.pay_in(RETRY);
        self.inner.forgo();
    }

    fn deadline(&self) -> Time {
        self.inner.deadline()
    }

    fn timed(&self) -> bool {
        self.budget.0.terms.rate > 0 || self.inner.timed()
    }
}
