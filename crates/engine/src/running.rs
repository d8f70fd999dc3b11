//! `Running`: the tasks of an engine with what their strategy gave them, and how both are given up.

use crate::contain::contain_drop;
use crate::task_set::TaskSet;
use regatta_core::{Outcome, Strategy, Time};

/// What must come down in order when a driver is dropped: first the tasks, then their tokens.
pub(crate) struct Running<St: Strategy<Token = Tok>, F, Tok> {
    pub(crate) tasks: TaskSet<F, Tenant<Tok>>,
    pub(crate) strategy: St,
    /// How many tasks have their outcome and still use their slot.
    pub(crate) stopping: usize,
    /// The time of the last pass, for the tokens of tasks that are dropped.
    pub(crate) now: Time,
}

/// Who lives in a slot.
pub(crate) struct Tenant<Tok> {
    pub(crate) key: usize,
    pub(crate) token: Tok,
    /// Its outcome was delivered; the task itself still has to go.
    pub(crate) stopping: Option<Outcome>,
}

impl<St: Strategy<Token = Tok>, F, Tok> Running<St, F, Tok> {
    pub(crate) fn new(strategy: St) -> Self {
        Self { tasks: TaskSet::new(), strategy, stopping: 0, now: Time::ZERO }
    }

    /// Hands the strategy its kick. Whether it wants exact times.
    pub(crate) fn attach(&mut self) -> bool {
        self.strategy.attach(self.tasks.kick());
        self.strategy.timed()
    }
}

impl<St: Strategy<Token = Tok>, F, Tok> Drop for Running<St, F, Tok> {
    fn drop(&mut self) {
        let ids: Vec<_> = self.tasks.ids().collect();
        let tenants: Vec<_> = ids.into_iter().filter_map(|id| self.tasks.remove(id)).collect();
        for Tenant { token, stopping, .. } in tenants {
            let outcome = stopping.unwrap_or(Outcome::Cancelled);
            contain_drop(|| self.strategy.finish(token, self.now, outcome));
        }
    }
}

/// Finishes a token, also if the source panics while it judges the outcome.
pub(crate) struct Finish<'a, St: Strategy> {
    strategy: &'a mut St,
    token: Option<St::Token>,
    now: Time,
    /// A failure, until the source has said otherwise.
    pub(crate) outcome: Outcome,
}

impl<St: Strategy> Drop for Finish<'_, St> {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            // This may run while a panic of the source unwinds, and a second one would end the process.
            contain_drop(|| self.strategy.finish(token, self.now, self.outcome));
        }
    }
}

impl<'a, St: Strategy> Finish<'a, St> {
    pub(crate) fn new(strategy: &'a mut St, token: St::Token, now: Time) -> Self {
        Self { strategy, token: Some(token), now, outcome: Outcome::Failure }
    }
}
