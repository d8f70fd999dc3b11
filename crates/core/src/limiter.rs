//! `Limiter`: one strategy for many: tasks that wait for a permit, and engines that ask for their tasks.

mod acquire;
mod errands;
mod mailbox;
mod permit;
mod shared;
mod state;

pub use acquire::Acquire;
pub use permit::Permit;

use crate::{
    Clock, Explain, Hold, Kick, Outcome, Readiness, Rejection, Request, Strategy, SystemClock, Time,
};
use shared::Shared;
use state::{Place, State};
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

/// Shares one strategy: among tasks, which [`acquire`](Limiter::acquire) permits, and among engines, because a
/// `Limiter` is a [`Strategy`] itself. Clones share.
///
/// Everybody who waits stands in one line, first come, first served, and nobody passes the head, so a costly request
/// doesn't starve. A task at the head is handed its grant directly; an engine at the head is kicked and takes its
/// token itself. One timer at most is armed, by the head; a deadline has its own. A task that was handed a grant and is
/// never polled again keeps it, as with every fair lock.
///
/// The strategy is asked under the limiter's lock. It may contain another `Limiter`, in whose line this one then stands
/// like an engine; never the same one.
///
/// Within one strategy, a limiter may stand once: not twice in a tuple, and not beside another limiter that contains it.
/// With two places in one line, neither of which is any use alone, the strategy would wait for itself.
///
/// # Examples
///
/// ```
/// use regatta_core::{Limiter, Outcome};
/// # use regatta_core::{Readiness, Request, Strategy, Time};
/// # struct One(bool);
/// # impl Strategy for One {
/// #     type Token = ();
/// #     fn ready(&self, _: Time, _: &Request) -> Readiness { if self.0 { Readiness::OnChange } else { Readiness::Ready } }
/// #     fn start(&mut self, n: Time, r: &Request) -> Result<(), Readiness> { match self.ready(n, r) { Readiness::Ready => { self.0 = true; Ok(()) } no => Err(no) } }
/// #     fn finish(&mut self, (): (), _: Time, _: Outcome) { self.0 = false }
/// # }
/// # let one_at_a_time = One(false);
/// let limiter = Limiter::new(one_at_a_time);
/// smol::block_on(async {
///     let permit = limiter.acquire().await.expect("open");
///     assert!(limiter.try_acquire().is_err());
///     permit.complete(Outcome::Success);
///     assert!(limiter.try_acquire().is_ok());
/// });
/// ```
pub struct Limiter<S: Strategy> {
    shared: Arc<Shared<S>>,
    /// Set when an engine owns this handle.
    kick: Arc<Kick>,
    place: Option<Place>,
    /// The engine tried to wait after the limiter was closed, and was kicked to learn so.
    heard_closed: bool,
}

impl<S> Limiter<S>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    /// Shares `strategy`, on the default clock.
    pub fn new(strategy: S) -> Self {
        Self::with_clock(strategy, SystemClock::shared())
    }

    /// Shares `strategy` on `clock`. Engines that ask it must use the same clock.
    pub fn with_clock(strategy: S, clock: Arc<dyn Clock>) -> Self {
        Self::handle(Shared::new(strategy, clock))
    }

    /// Waits for a permit of cost 1.
    ///
    /// # Errors
    ///
    /// Resolves to a [`Rejection`] if the strategy refuses for good or the limiter is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; a grant that was not seen yet is given back unused.
    pub fn acquire(&self) -> Acquire<S> {
        self.acquire_for(Request::new())
    }

    /// Waits for a permit for `request`.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Limiter::acquire).
    pub fn acquire_for(&self, request: Request) -> Acquire<S> {
        Acquire::new(self.shared.clone(), request, Time::MAX)
    }

    /// Waits for a permit until `deadline`; refused at once with [`Rejection::TooLate`] if the strategy already knows
    /// that it can't be met.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Limiter::acquire).
    pub fn acquire_by(&self, deadline: Time) -> Acquire<S> {
        self.acquire_for_by(Request::new(), deadline)
    }

    /// Waits for a permit for `request` until `deadline`; as [`acquire_by`](Limiter::acquire_by).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Limiter::acquire).
    pub fn acquire_for_by(&self, request: Request, deadline: Time) -> Acquire<S> {
        Acquire::new(self.shared.clone(), request, deadline)
    }

    /// A permit of cost 1, if there is one now and nobody waits for it.
    ///
    /// # Errors
    ///
    /// What would have to happen first.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit, Readiness> {
        self.try_acquire_for(&Request::new())
    }

    /// A permit for `request`, if there is one now and nobody waits for it.
    ///
    /// # Errors
    ///
    /// What would have to happen first.
    #[inline]
    pub fn try_acquire_for(&self, request: &Request) -> Result<Permit, Readiness> {
        let now = self.shared.clock.now();
        let grant = self.shared.start(now, request)?;
        Ok(Permit::new(self.shared.clone(), grant))
    }

    /// Acquires, runs `work`, and completes the permit with what `classify` says of the output.
    ///
    /// # Errors
    ///
    /// A [`Rejection`]; `work` has not been polled then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `work` and then counts it as `Cancelled`; so does a panic in `work`.
    pub async fn run<F, T, C>(&self, work: F, classify: C) -> Result<T, Rejection>
    where
        F: Future<Output = T>,
        C: FnOnce(&T) -> Outcome,
    {
        let permit = self.acquire().await?;
        let output = work.await;
        permit.complete(classify(&output));
        Ok(output)
    }
}

impl<S: Strategy> Limiter<S> {
    fn handle(shared: Arc<Shared<S>>) -> Self {
        Self { shared, kick: Arc::new(Kick::none()), place: None, heard_closed: false }
    }

    /// Changes the strategy where it stands, then serves those who can start under the new rule.
    ///
    /// `change` runs under the limiter's lock: it must not block, and must not use this limiter. If it panics, the
    /// panic goes on to the caller and the strategy stays as `change` left it.
    ///
    /// The strategy is [attached](Strategy::attach) again afterwards, so what `change` put in place can wake those who
    /// wait. Tokens of what it took away are finished in what stands there then: a limit of what is in flight is better
    /// set than replaced.
    pub fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        self.shared.update(change).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Looks at the strategy, under the limiter's lock: `look` must not block, and must not use this limiter.
    pub fn peek<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.shared.with(|state| look(&state.strategy))
    }

    /// The present on this limiter's clock, for a `change` that needs it: `limiter.update(|s| s.trip(now))`.
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// The clock that this limiter reads, for those who wait beside it.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Looks at what `permit` took, under the limiter's lock; `None` if the permit is another limiter's.
    ///
    /// `look` must not block, and must not use this limiter.
    pub fn look_into<R>(&self, permit: &Permit, look: impl FnOnce(&S::Token) -> R) -> Option<R> {
        let grant = permit.grant_of(Arc::as_ptr(&self.shared).cast())?;
        self.shared.with(|state| state.token(grant).map(look))
    }

    /// How many permits and tokens are out.
    pub fn issued(&self) -> usize {
        self.shared.with(|state| state.issued())
    }

    /// How many tasks and engines stand in line.
    pub fn waiting(&self) -> usize {
        self.shared.with(|state| state.waiting())
    }

    /// Refuses everybody who waits or will come, with [`Rejection::Closed`]. Permits that are out stay good.
    pub fn close(&self) {
        self.shared.with(State::close);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.with(|state| state.closed)
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            let now = self.shared.clock.now();
            self.shared.with(|state| state.leave(place, now));
        }
    }
}

impl<S: Strategy> Clone for Limiter<S> {
    /// A handle of its own on the same strategy; a place in line is not cloned.
    fn clone(&self) -> Self {
        Self::handle(self.shared.clone())
    }
}

impl<S: Strategy> Drop for Limiter<S> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<S: Strategy + fmt::Debug> fmt::Debug for Limiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.with(|state| {
            f.debug_struct("Limiter")
                .field("strategy", &state.strategy)
                .field("issued", &state.issued())
                .field("waiting", &state.waiting())
                .finish()
        })
    }
}

/// How an engine asks: it stands in the same line as the tasks.
impl<S> Strategy for Limiter<S>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    type Token = Permit;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.shared.with(|state| {
            let readiness = state.ready(now, request, self.place);
            state.heard(self.place, request, readiness);
            readiness
        })
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Permit, Readiness> {
        let grant = self.shared.with(|state| {
            let result = state.start(now, request, self.place);
            if let Err(refusal) = result {
                state.heard(self.place, request, refusal);
            }
            result
        })?;
        self.place = None;
        Ok(Permit::new(self.shared.clone(), grant))
    }

    fn finish(&mut self, token: Permit, now: Time, outcome: Outcome) {
        token.settle(now, outcome);
    }

    fn reconcile(&mut self, token: &mut Permit, now: Time, actual: u32) {
        token.reconcile_at(now, actual);
    }

    fn attach(&mut self, kick: Kick) {
        self.kick = Arc::new(kick);
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.place = self.shared.with(|state| state.park(now, request, &self.kick, self.place));
        // Closed between the question and this: the engine has to ask again to learn of it, but only once.
        if self.place.is_none() && !std::mem::replace(&mut self.heard_closed, true) {
            self.kick.kick();
        }
    }

    fn unpark(&mut self) {
        self.leave();
    }

    fn hold(&self, token: &Permit) -> Hold {
        Hold::from(token.share())
    }

    // `finish_timed` is what a strategy says unless told otherwise, whatever the inner one says: the time of a finish is
    // also that of the next start, of whoever waits in this line and can't be seen from the outer one.

    fn rest(&self, now: Time) -> Readiness {
        self.shared.with(|state| state.rest(now))
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        // Collected first, because `out` is foreign code and must not run under the lock.
        let mut reasons = Vec::new();
        self.shared.with(|state| {
            if state.closed {
                reasons.reason("limiter", Readiness::Rejected(Rejection::Closed));
            } else if state.is_behind(self.place) {
                reasons.reason("limiter", Readiness::OnChange);
            }
            state.strategy.explain(now, request, &mut reasons);
        });
        for (strategy, readiness) in reasons {
            out.reason(&strategy, readiness);
        }
    }
}

#[cfg(test)]
mod tests;
