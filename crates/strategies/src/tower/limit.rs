//! `Limit`: the service.

use super::{Classify, LimitError, LimitLayer, Limited, RequestOf, Usual};
use regatta_core::{Strategy, Time};
use std::fmt;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind a limiter; made by [`LimitLayer`]. Clones share the limit.
pub struct Limit<Svc, S: Strategy, Q = Usual, C = Usual> {
    inner: Svc,
    rules: LimitLayer<S, Q, C>,
}

impl<Svc, S: Strategy, Q, C> Limit<Svc, S, Q, C> {
    pub(super) fn new(inner: Svc, rules: LimitLayer<S, Q, C>) -> Self {
        Self { inner, rules }
    }

    /// The service behind the limiter.
    pub fn get_ref(&self) -> &Svc {
        &self.inner
    }

    /// The service behind the limiter.
    pub fn into_inner(self) -> Svc {
        self.inner
    }
}

impl<Svc, Req, S, Q, C> Service<Req> for Limit<Svc, S, Q, C>
where
    Svc: Service<Req> + Clone,
    S: Strategy<Token: Send + 'static> + Send + 'static,
    Q: RequestOf<Req>,
    C: Classify<Svc::Response, Svc::Error> + Clone,
{
    type Response = Svc::Response;
    type Error = LimitError<Svc::Error>;
    type Future = Limited<Svc, Req, Svc::Future, S, C>;

    /// Always ready. A permit that was taken here would be lost if the caller then didn't call.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, body: Req) -> Self::Future {
        let LimitLayer { limiter, request, classify, wait_max } = &self.rules;
        let deadline = wait_max.map_or(Time::MAX, |longest| limiter.now() + longest);
        let acquire = limiter.acquire_for_by(request.request_of(&body), deadline);
        Limited::new(acquire, self.inner.clone(), body, classify.clone())
    }
}

impl<Svc: Clone, S: Strategy, Q: Clone, C: Clone> Clone for Limit<Svc, S, Q, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: self.rules.clone() }
    }
}

impl<Svc: fmt::Debug, S: Strategy + fmt::Debug, Q, C> fmt::Debug for Limit<Svc, S, Q, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("inner", &self.inner).field("rules", &self.rules).finish()
    }
}
