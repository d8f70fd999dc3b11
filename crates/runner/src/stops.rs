//! `Stops`: the tasks of a run that were asked to stop, and how long each may take to do so.

use crate::ctx::Ctx;
use regatta_core::{CancelToken, Time};
use regatta_engine::{Retrying, contain_drop};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Pure but for the tokens, whose cancelling wakes tasks.
pub(crate) struct Stops {
    /// Of the running tasks that have a [`Ctx`]; in order, so that the same run goes the same way.
    tokens: BTreeMap<usize, CancelToken>,
    /// Tasks that were cancelled one by one and have not ended yet.
    asked: HashSet<usize>,
    /// When their grace is over.
    due: Retrying<usize>,
    /// All were asked. Nothing starts after that, so once is enough.
    all_asked: bool,
}

impl Stops {
    pub(crate) fn new() -> Self {
        Self { tokens: BTreeMap::new(), asked: HashSet::new(), due: Retrying::new(), all_asked: false }
    }

    /// The context of this task's next attempt.
    pub(crate) fn ctx(&mut self, index: usize, attempt: u32) -> Ctx {
        let token = CancelToken::new();
        self.tokens.insert(index, token.clone());
        Ctx::new(attempt, token)
    }

    /// Asks one task to stop; it has its grace. Again changes nothing.
    pub(crate) fn ask(&mut self, index: usize, now: Time, grace: Duration) {
        if self.asked.insert(index) {
            self.due.push(now + grace, index);
            // Without a grace it is told as it is dropped: a word before would be a poll, and with it a grace.
            if grace > Duration::ZERO {
                cancel(self.tokens.get(&index));
            }
        }
    }

    /// Asks all of them.
    pub(crate) fn ask_all(&mut self) {
        if std::mem::replace(&mut self.all_asked, true) {
            return;
        }
        for token in self.tokens.values() {
            cancel(Some(token));
        }
    }

    #[inline]
    pub(crate) fn was_asked(&self, index: usize) -> bool {
        !self.asked.is_empty() && self.asked.contains(&index)
    }

    /// A task whose grace is over and that still runs.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<usize> {
        while let Some(index) = self.due.pop_due(now) {
            if self.asked.contains(&index) {
                return Some(index);
            }
        }
        None
    }

    /// When the next grace is over.
    pub(crate) fn next_due(&self) -> Time {
        self.due.next_due().unwrap_or(Time::MAX)
    }

    /// An attempt has ended by itself, or was dropped: then what it left elsewhere should stop too.
    #[inline]
    pub(crate) fn attempt_ended(&mut self, index: usize, by_itself: bool) {
        if self.tokens.is_empty() {
            return;
        }
        let token = self.tokens.remove(&index);
        if !by_itself {
            cancel(token.as_ref());
        }
    }

    /// The task has its outcome.
    #[inline]
    pub(crate) fn forget(&mut self, index: usize) {
        if !self.asked.is_empty() && self.asked.remove(&index) && self.due.len() > 2 * self.asked.len() + 32 {
            // Now and then, so that memory stays with those that still run, at O(1) each.
            let asked = &self.asked;
            self.due.retain(|index| asked.contains(index));
        }
    }
}

/// Whom it wakes is foreign code where a task has handed its token on.
fn cancel(token: Option<&CancelToken>) {
    if let Some(token) = token {
        contain_drop(|| token.cancel());
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.all_asked = false;
        self.ask_all();
    }
}
