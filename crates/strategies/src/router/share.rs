//! `Share`: what an endpoint got.

use super::Endpoint;
use std::sync::Arc;

/// What one endpoint of a [`Router`](super::Router) got so far.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Share<T> {
    /// The endpoint.
    pub endpoint: Arc<T>,
    /// Its weight; 0 while it is drained.
    pub weight: u32,
    /// How many requests were started there. Those that were undone as unused don't count.
    pub started: u64,
    /// How many of them have not ended yet.
    pub in_flight: usize,
}

impl<T> Share<T> {
    pub(super) fn of<S>(endpoint: &Endpoint<T, S>) -> Self {
        Self {
            endpoint: endpoint.value.clone(),
            weight: endpoint.turn.weight,
            started: endpoint.started,
            in_flight: endpoint.in_flight,
        }
    }
}
