//! `Limited`: one call, from the line to its response.

use super::{Classify, LimitError};
use pin_project_lite::pin_project;
use regatta_core::{Acquire, Outcome, Permit, Strategy};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// The response of a [`Limit`](super::Limit).
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the line; or gives the permit back unused, if the inner service was not called yet; or drops the
    /// call, which then counts as cancelled.
    #[must_use = "futures do nothing unless polled"]
    pub struct Limited<Svc, Req, Fut, S, C>
    where
        S: Strategy,
    {
        classify: C,
        #[pin]
        state: State<Svc, Req, Fut, S>,
    }
}

pin_project! {
    #[project = Now]
    enum State<Svc, Req, Fut, S>
    where
        S: Strategy,
    {
        InLine { acquire: Acquire<S>, call: Option<(Svc, Req)> },
        Permitted { call: Option<(Svc, Req)>, permit: Unsent },
        // What is dropped midway is dropped before its permit.
        Called { #[pin] response: Fut, permit: Option<Permit> },
        Over,
    }
}

impl<Svc, Req, Fut, S: Strategy, C> Limited<Svc, Req, Fut, S, C> {
    pub(super) fn new(acquire: Acquire<S>, inner: Svc, body: Req, classify: C) -> Self {
        Self { classify, state: State::InLine { acquire, call: Some((inner, body)) } }
    }
}

impl<Svc, Req, Fut, S, C, Res, Err> Future for Limited<Svc, Req, Fut, S, C>
where
    Svc: Service<Req, Response = Res, Error = Err, Future = Fut>,
    Fut: Future<Output = Result<Res, Err>>,
    S: Strategy<Token: Send + 'static> + Send + 'static,
    C: Classify<Res, Err>,
{
    type Output = Result<Res, LimitError<Err>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (result, permit) = loop {
            match this.state.as_mut().project() {
                Now::InLine { acquire, call } => {
                    let permit = match ready!(Pin::new(acquire).poll(cx)) {
                        Ok(permit) => permit,
                        Err(rejection) => {
                            this.state.set(State::Over);
                            return Poll::Ready(Err(LimitError::Rejected(rejection)));
                        }
                    };
                    let call = call.take();
                    this.state.set(State::Permitted { call, permit: Unsent(Some(permit)) });
                }
                Now::Permitted { call, permit } => {
                    let Some((inner, _)) = call else { unreachable!("a call is made once") };
                    let readiness = ready!(inner.poll_ready(cx));
                    let (call, permit) = (call.take(), permit.0.take());
                    // If the inner service panics, this is over.
                    this.state.set(State::Over);
                    if let Err(error) = readiness {
                        break (Err(error), permit);
                    }
                    let Some((mut inner, body)) = call else { unreachable!("a call is made once") };
                    let response = inner.call(body);
                    this.state.set(State::Called { response, permit });
                }
                Now::Called { response, permit } => {
                    let result = ready!(response.poll(cx));
                    let permit = permit.take();
                    this.state.set(State::Over);
                    break (result, permit);
                }
                Now::Over => panic!("`Limited` was polled after it had ended"),
            }
        };
        if let Some(permit) = permit {
            permit.complete(this.classify.classify(&result));
        }
        Poll::Ready(result.map_err(LimitError::Inner))
    }
}

/// The permit of a call that was not made yet. Dropped, it is given back unused: nobody has seen it.
struct Unsent(Option<Permit>);

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.complete(Outcome::Unused);
        }
    }
}

impl<Svc, Req, Fut, S: Strategy, C> fmt::Debug for Limited<Svc, Req, Fut, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::InLine { .. } => "Limited(in line)",
            State::Permitted { .. } => "Limited(permitted)",
            State::Called { .. } => "Limited(called)",
            State::Over => "Limited(over)",
        })
    }
}
