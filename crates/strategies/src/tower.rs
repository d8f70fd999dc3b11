//! A [`Limiter`] as a layer of a tower stack (feature `tower`): [`LimitLayer`].

mod error;
mod limit;
mod limited;
mod parts;

pub use error::LimitError;
pub use limit::Limit;
pub use limited::Limited;
pub use parts::{Classify, RequestOf, Usual};

use regatta_core::{Limiter, Outcome, Request, Strategy};
use std::fmt;
use std::time::Duration;
use tower_layer::Layer;

/// Lets calls of a tower service through as a [`Limiter`] permits, and tells it how they went.
///
/// Everything that shares the limiter shares the limit: other clones of the service, other services, tasks and engines.
/// A call waits in the limiter's line for its permit, then for the inner service to be ready, and is called; the permit
/// is completed with the classified result. What the limiter refuses for good is [`LimitError::Rejected`].
///
/// The service is always ready, and readiness takes nothing: who asks and then doesn't call takes nobody's place. In
/// return, its readiness says nothing about load: callers wait in the call. To shed load instead, give calls a
/// [`wait_max`](LimitLayer::wait_max). The inner service is cloned for each call, so it must be `Clone`.
///
/// # Defaults
///
/// Cost 1, priority 0, no class; `Ok` is a [`Success`](Outcome::Success), `Err` a [`Failure`](Outcome::Failure); a call
/// waits as long as it takes.
///
/// # Cost
///
/// One permit per call, and one clone of the inner service; no allocation of its own.
///
/// # Examples
///
/// ```
/// use regatta_core::{Limiter, Outcome, Request};
/// use regatta_strategies::Concurrency;
/// use regatta_strategies::tower::{LimitError, LimitLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # smol::block_on(async {
/// let limiter = Limiter::new(Concurrency::new(8)?);
/// let service = ServiceBuilder::new()
///     .layer(
///         LimitLayer::new(limiter.clone())
///             .request(|body: &String| Request::new().cost(if body.len() > 1_000 { 4 } else { 1 }))
///             .classify(|result: &Result<usize, String>| match result {
///                 Ok(_) => Outcome::Success,
///                 Err(error) if error == "slow down" => Outcome::Overload,
///                 Err(_) => Outcome::Failure,
///             }),
///     )
///     .service(service_fn(async |body: String| Ok::<_, String>(body.len())));
///
/// assert_eq!(service.clone().oneshot("hello".to_owned()).await?, 5);
/// limiter.close();
/// assert!(matches!(service.oneshot("late".to_owned()).await, Err(LimitError::Rejected(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct LimitLayer<S: Strategy, Q = Usual, C = Usual> {
    limiter: Limiter<S>,
    request: Q,
    classify: C,
    wait_max: Option<Duration>,
}

impl<S: Strategy> LimitLayer<S> {
    /// Lets calls through as `limiter` permits.
    pub fn new(limiter: Limiter<S>) -> Self {
        Self { limiter, request: Usual, classify: Usual, wait_max: None }
    }
}

impl<S: Strategy, Q, C> LimitLayer<S, Q, C> {
    /// What each call asks for: its cost, its priority, its class.
    #[must_use]
    pub fn request<Req, F: Fn(&Req) -> Request>(self, request: F) -> LimitLayer<S, F, C> {
        let Self { limiter, classify, wait_max, .. } = self;
        LimitLayer { limiter, request, classify, wait_max }
    }

    /// What the limiter hears of each call's result.
    #[must_use]
    pub fn classify<Res, Err, F>(self, classify: F) -> LimitLayer<S, Q, F>
    where
        F: Fn(&Result<Res, Err>) -> Outcome,
    {
        let Self { limiter, request, wait_max, .. } = self;
        LimitLayer { limiter, request, classify, wait_max }
    }

    /// Refuses a call, with [`Rejection::TooLate`](regatta_core::Rejection::TooLate), that is not permitted within
    /// `longest` of being made: at once where that is known. Zero means that no call waits.
    #[must_use]
    pub fn wait_max(mut self, longest: Duration) -> Self {
        self.wait_max = Some(longest);
        self
    }
}

impl<Svc, S: Strategy, Q: Clone, C: Clone> Layer<Svc> for LimitLayer<S, Q, C> {
    type Service = Limit<Svc, S, Q, C>;

    fn layer(&self, inner: Svc) -> Self::Service {
        Limit::new(inner, self.clone())
    }
}

impl<S: Strategy, Q: Clone, C: Clone> Clone for LimitLayer<S, Q, C> {
    fn clone(&self) -> Self {
        let Self { limiter, request, classify, wait_max } = self;
        Self {
            limiter: limiter.clone(),
            request: request.clone(),
            classify: classify.clone(),
            wait_max: *wait_max,
        }
    }
}

impl<S: Strategy + fmt::Debug, Q, C> fmt::Debug for LimitLayer<S, Q, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitLayer")
            .field("limiter", &self.limiter)
            .field("wait_max", &self.wait_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
