//! `Admission`: how a source asks the strategy about a candidate, and commits to one.

use crate::contain::contain_drop;
use regatta_core::{Hold, Outcome, Readiness, Request, Strategy, Time};
use std::cell::Cell;
use std::fmt;

/// The strategy, as a source sees it during one [`Source::next`](crate::Source::next).
pub struct Admission<'a>(&'a mut dyn Gate);

impl<'a> Admission<'a> {
    /// What the strategy says of `request`. Changes nothing.
    #[inline]
    pub fn ready(&self, request: &Request) -> Readiness {
        self.0.ready(request)
    }

    /// Takes what `request` needs of all strategies.
    ///
    /// # Errors
    ///
    /// What the strategy says instead; nothing was taken. Answer [`Next::Blocked`](crate::Next::Blocked) with it.
    #[inline]
    pub fn start(self, request: &Request) -> Result<Admitted<'a>, Readiness> {
        self.0.start(request)?;
        Ok(Admitted(self.0))
    }
}

impl fmt::Debug for Admission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

/// Leave to start one job. If it isn't handed back with a job, what was taken is given back unused.
///
/// It can't be kept for later: it lives only as long as the call that it was given in.
#[must_use = "hand it back in `Next::Start`"]
pub struct Admitted<'a>(&'a mut dyn Gate);

impl Admitted<'_> {
    /// Keeps what was taken of shared strategies until the hold is dropped, should the engine end first. For tasks
    /// that run elsewhere.
    pub fn hold(&self) -> Hold {
        self.0.hold()
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admitted")
    }
}

/// The strategy without its type, for the length of one question.
trait Gate {
    fn ready(&self, request: &Request) -> Readiness;
    fn start(&mut self, request: &Request) -> Result<(), Readiness>;
    fn hold(&self) -> Hold;
}

/// One question's worth of state: what was taken, and which request was refused first.
pub(crate) struct Desk<'s, St: Strategy> {
    strategy: &'s mut St,
    now: Time,
    taken: Option<St::Token>,
    refused: Cell<Option<Request>>,
}

impl<'s, St: Strategy> Desk<'s, St> {
    #[inline]
    pub(crate) fn open(strategy: &'s mut St, now: Time) -> Self {
        Self { strategy, now, taken: None, refused: Cell::new(None) }
    }

    #[inline]
    pub(crate) fn admission(&mut self) -> Admission<'_> {
        Admission(self)
    }

    /// The token of the job that starts.
    #[inline]
    pub(crate) fn token(mut self) -> St::Token {
        self.taken.take().expect("an `Admitted` exists only after its gate has taken a token")
    }

    /// The request that was refused first.
    pub(crate) fn refused(&self) -> Option<Request> {
        self.refused.get()
    }

    #[inline]
    fn note(&self, request: &Request, readiness: Readiness) -> Readiness {
        if !readiness.is_ready() && self.refused.get().is_none() {
            self.refused.set(Some(*request));
        }
        readiness
    }
}

/// No job starts, be it that the source answers otherwise or that it panics: what was taken is given back.
impl<St: Strategy> Drop for Desk<'_, St> {
    fn drop(&mut self) {
        if let Some(token) = self.taken.take() {
            contain_drop(|| self.strategy.finish(token, self.now, Outcome::Unused));
        }
    }
}

impl<St: Strategy> Gate for Desk<'_, St> {
    #[inline]
    fn ready(&self, request: &Request) -> Readiness {
        self.note(request, self.strategy.ready(self.now, request))
    }

    #[inline]
    fn start(&mut self, request: &Request) -> Result<(), Readiness> {
        match self.strategy.start(self.now, request) {
            Ok(token) => {
                self.taken = Some(token);
                Ok(())
            }
            Err(refusal) => Err(self.note(request, refusal)),
        }
    }

    fn hold(&self) -> Hold {
        self.taken.as_ref().map_or_else(Hold::none, |token| self.strategy.hold(token))
    }
}
