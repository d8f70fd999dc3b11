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
    /// Those who wait for this result get it; if it is nobody's own and `true`, it is kept for the readers after that.
    Reply(Box<Replies<J, R, E>>, Done<J, R, E>, bool),
    /// A retry that the rule has allowed is not made.
    Rule(Box<dyn Retry<E> + Send>),
    /// Nobody wants this.
    Drop(Done<J, R, E>),
    /// A waker that nobody needs any more.
    Forget(Waker),
}

impl<J, R, E> Errand<J, R, E> {
    /// A result that is to be kept for the readers comes back.
    pub(crate) fn run(self) -> Option<Done<J, R, E>> {
        let mut kept = None;
        contain_drop(|| match self {
            Self::Kick(kick) => kick.kick(),
            Self::Wake(waker) => waker.wake(),
            Self::Cancel(token) => token.cancel(),
            Self::Reply(replies, done, is_kept) => kept = replies.send(done).filter(|_| is_kept),
            Self::Rule(mut rule) => rule.forgo(),
            Self::Drop(done) => drop(done),
            Self::Forget(waker) => drop(waker),
        });
        kept
    }
}
