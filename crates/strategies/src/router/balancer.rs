//! `Balancer`: a router that many tasks share.

use super::{Router, Share};
use regatta_core::{Clock, Limiter, Outcome, Permit, Readiness, Rejection, Request, Strategy};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Hands out endpoints: a [`Router`] shared through a [`Limiter`], whose permits know where they lead.
///
/// Everybody who waits stands in one line, first come, first served. Clones share.
///
/// # Examples
///
/// ```
/// use regatta_core::Outcome;
/// use regatta_strategies::{Balancer, Concurrency, Router};
///
/// # smol::block_on(async {
/// let balancer = Balancer::new(
///     Router::new()
///         .endpoint("10.0.0.1:80", 2, Concurrency::new(8)?)?
///         .endpoint("10.0.0.2:80", 1, Concurrency::new(4)?)?,
/// );
/// let pick = balancer.acquire().await?;
/// println!("asking {}", pick.endpoint());
/// pick.complete(Outcome::Success);
///
/// // Or, in one go:
/// let length = balancer
///     .run(|endpoint| async move { endpoint.len() }, |_| Outcome::Success)
///     .await?;
/// assert_eq!(length, 11);
///
/// // To be restarted: nothing new goes there.
/// balancer.update(|router| router.set_weight(&"10.0.0.1:80", 0))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Balancer<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    limiter: Limiter<Router<T, S>>,
}

/// Leave to send one request to an endpoint. Dropping it counts as [`Outcome::Cancelled`].
#[must_use = "dropping a pick gives it back at once"]
pub struct Pick<T> {
    endpoint: Arc<T>,
    permit: Permit,
}

impl<T, S> Balancer<T, S>
where
    T: PartialEq + fmt::Debug + Send + Sync + 'static,
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    /// Shares `router`, on the default clock.
    pub fn new(router: Router<T, S>) -> Self {
        Self { limiter: Limiter::new(router) }
    }

    /// Shares `router` on `clock`.
    pub fn with_clock(router: Router<T, S>, clock: Arc<dyn Clock>) -> Self {
        Self { limiter: Limiter::with_clock(router, clock) }
    }

    /// Waits for an endpoint for a request of cost 1.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] if all endpoints refuse for good, or the limiter is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line; an endpoint that was not seen yet is given back unused.
    pub async fn acquire(&self) -> Result<Pick<T>, Rejection> {
        self.acquire_for(Request::new()).await
    }

    /// Waits for an endpoint for `request`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Balancer::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Balancer::acquire).
    pub async fn acquire_for(&self, request: Request) -> Result<Pick<T>, Rejection> {
        let permit = self.limiter.acquire_for(request).await?;
        Ok(self.pick(permit))
    }

    /// An endpoint, if there is one now and nobody waits for it.
    ///
    /// # Errors
    ///
    /// What would have to happen first.
    pub fn try_acquire(&self) -> Result<Pick<T>, Readiness> {
        Ok(self.pick(self.limiter.try_acquire()?))
    }

    /// Waits for an endpoint, hands it to `work`, runs that, and reports what `classify` says of the output.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Balancer::acquire); `work` has not been called then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work and then counts it as `Cancelled`; so does a panic in it.
    pub async fn run<W, F, C>(&self, work: W, classify: C) -> Result<F::Output, Rejection>
    where
        W: FnOnce(Arc<T>) -> F,
        F: Future,
        C: FnOnce(&F::Output) -> Outcome,
    {
        let pick = self.acquire().await?;
        let output = work(pick.share()).await;
        pick.complete(classify(&output));
        Ok(output)
    }

    fn pick(&self, permit: Permit) -> Pick<T> {
        let endpoint = self.limiter.look_into(&permit, super::Routed::share);
        Pick { endpoint: endpoint.expect("the permit is this limiter's, and out"), permit }
    }
}

impl<T, S> Balancer<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    /// Changes the router where it stands, then serves those who can start now.
    ///
    /// `change` runs under the limiter's lock: it must not block, and must not use this balancer.
    pub fn update<R>(&self, change: impl FnOnce(&mut Router<T, S>) -> R) -> R {
        self.limiter.update(change)
    }

    /// Who got how much so far.
    pub fn shares(&self) -> Vec<Share<T>> {
        self.limiter.peek(Router::shares)
    }

    /// The limiter behind it, for what is not here: deadlines, `close`, or to hand it to an engine.
    pub fn limiter(&self) -> &Limiter<Router<T, S>> {
        &self.limiter
    }
}

impl<T> Pick<T> {
    /// Where the request goes.
    pub fn endpoint(&self) -> &T {
        &self.endpoint
    }

    /// The same, to be kept.
    pub fn share(&self) -> Arc<T> {
        self.endpoint.clone()
    }

    /// The request has ended like this.
    pub fn complete(self, outcome: Outcome) {
        self.permit.complete(outcome);
    }
}

impl<T, S> Clone for Balancer<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    /// Another handle on the same router.
    fn clone(&self) -> Self {
        Self { limiter: self.limiter.clone() }
    }
}

impl<T, S> fmt::Debug for Balancer<T, S>
where
    T: PartialEq + fmt::Debug,
    S: Strategy + fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limiter.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Pick<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pick").field(&self.endpoint).finish()
    }
}
