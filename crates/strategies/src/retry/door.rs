//! `Door`: a limiter that every attempt has to pass, without the type of its strategy.

use regatta_core::{BoxFuture, Limiter, Permit, Readiness, Rejection, Request, Strategy, Time};

pub(super) trait Door: Send + Sync {
    /// A permit, if there is one now and nobody waits for it.
    fn try_pass(&self) -> Result<Permit, Readiness>;

    /// Waits for a permit; refused if there is none before `deadline`.
    fn pass(&self, deadline: Time) -> BoxFuture<'static, Result<Permit, Rejection>>;
}

pub(super) struct Through<S: Strategy> {
    pub(super) limiter: Limiter<S>,
    pub(super) request: Request,
}

impl<S> Door for Through<S>
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    fn try_pass(&self) -> Result<Permit, Readiness> {
        self.limiter.try_acquire_for(&self.request)
    }

    fn pass(&self, deadline: Time) -> BoxFuture<'static, Result<Permit, Rejection>> {
        Box::pin(self.limiter.acquire_for_by(self.request, deadline))
    }
}
