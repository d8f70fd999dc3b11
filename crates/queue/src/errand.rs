//! `Errand`: what is to be done once a queue's lock is released, because it runs foreign code.

use crate::Done;
use crate::ledger::Replies;
use regatta_core::{CancelToken, Kick, Retry};
use regatta_engine::contain_drop;
use std::task::Waker;

pub(crate) enum Errand<J, R, E> {
    Kick(Kick),
    Wake(Waker),
    Cancel(CancelToken),
    /// Those who wait for this result get it.
    Reply(Box<Reply<J, R, E>>),
    /// A retry that the rule has allowed is not made.
    Forgo(Box<dyn Retry<E> + Send>),
    /// The rule of a job that has its end.
    Retire(Box<dyn Retry<E> + Send>),
    /// Nobody wants this.
    Drop(Box<Done<J, R, E>>),
    /// A waker that nobody needs any more.
    Forget(Waker),
}

/// A result and those who wait for it.
pub(crate) struct Reply<J, R, E> {
    pub(crate) replies: Box<Replies<J, R, E>>,
    pub(crate) done: Done<J, R, E>,
    /// If it is nobody's own, it is kept for the readers.
    pub(crate) is_kept: bool,
}

/// Most looks at a ledger leave one errand or none; that one costs no allocation.
pub(crate) struct Errands<J, R, E> {
    first: Option<Errand<J, R, E>>,
    more: Vec<Errand<J, R, E>>,
}

impl<J, R, E> Errands<J, R, E> {
    pub(crate) const fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub(crate) fn push(&mut self, errand: Errand<J, R, E>) {
        if self.first.is_none() {
            self.first = Some(errand);
        } else {
            self.more.push(errand);
        }
    }

    #[inline]
    pub(crate) fn extend(&mut self, errands: impl IntoIterator<Item = Errand<J, R, E>>) {
        for errand in errands {
            self.push(errand);
        }
    }

    /// All of them, in their order.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Errand<J, R, E>> + use<J, R, E> {
        self.first.take().into_iter().chain(std::mem::take(&mut self.more))
    }
}

impl<J, R, E> Errand<J, R, E> {
    /// A result that is to be kept for the readers comes back.
    pub(crate) fn run(self) -> Option<Done<J, R, E>> {
        let mut kept = None;
        contain_drop(|| match self {
            Self::Kick(kick) => kick.kick(),
            Self::Wake(waker) => waker.wake(),
            Self::Cancel(token) => token.cancel(),
            Self::Reply(reply) => {
                let Reply { replies, done, is_kept } = *reply;
                kept = replies.send(done).filter(|_| is_kept);
            }
            Self::Forgo(mut rule) => rule.forgo(),
            Self::Retire(rule) => drop(rule),
            Self::Drop(done) => drop(done),
            Self::Forget(waker) => drop(waker),
        });
        kept
    }
}
