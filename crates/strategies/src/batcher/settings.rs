//! `Settings`: what the user chose, the handler included.

use super::Failure;
use regatta_core::{BoxFuture, Clock, SystemClock};
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Settings<T, R, E> {
    pub(super) handler: Arc<Handler<T, R, E>>,
    pub(super) size: usize,
    pub(super) weight: Option<Weight<T>>,
    pub(super) linger: Duration,
    pub(super) in_flight: usize,
    pub(super) when_idle: WhenIdle,
    pub(super) failure: Failure<E>,
    /// Known as soon as items are to be handed over more than once.
    pub(super) copy: Option<fn(&T) -> T>,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) type Handler<T, R, E> = dyn Fn(Vec<T>) -> BoxFuture<'static, Answer<R, E>> + Send + Sync;

/// What a handler answered.
pub(super) enum Answer<R, E> {
    Whole(Result<Vec<R>, E>),
    Each(Vec<Result<R, E>>),
}

pub(super) struct Weight<T> {
    pub(super) max: u64,
    pub(super) of: Arc<dyn Fn(&T) -> u64 + Send + Sync>,
}

/// What a batch that is not full does while no other is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum WhenIdle {
    /// It lingers all the same, so that callers who come at about the same time go together.
    #[default]
    Linger,
    /// It goes at once. The first caller waits for nobody, and batches grow with the load: whoever comes while one is in
    /// flight goes with the next.
    Send,
}

impl<T, R, E> Settings<T, R, E> {
    pub(super) fn new(handler: Arc<Handler<T, R, E>>) -> Self {
        Self {
            handler,
            size: 100,
            weight: None,
            linger: Duration::from_millis(1),
            in_flight: 1,
            when_idle: WhenIdle::Linger,
            failure: Failure::All,
            copy: None,
            clock: SystemClock::shared(),
        }
    }
}

// By hand, because neither items nor results need to be `Clone`.
impl<T, R, E> Clone for Settings<T, R, E> {
    fn clone(&self) -> Self {
        let weight = self.weight.as_ref().map(|weight| Weight { max: weight.max, of: weight.of.clone() });
        Self {
            handler: self.handler.clone(),
            weight,
            failure: self.failure.clone(),
            clock: self.clock.clone(),
            ..*self
        }
    }
}
