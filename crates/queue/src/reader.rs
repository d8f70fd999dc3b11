//! `Reader`: the results, in the order in which jobs end.

use crate::Done;
use crate::errand::Errand;
use crate::hub::Hub;
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The results of a queue, in the order in which its jobs end; those of jobs with a [ticket](crate::Ticket) go there.
///
/// They stay readable after the run. A reader that is dropped leaves them, and all that come, to nobody.
///
/// It is a `Stream` too. Jobs go on while nobody reads: an engine has a driver of its own.
pub struct Reader<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
}

impl<J, R, E> Reader<J, R, E> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>) -> Self {
        Self { hub }
    }

    /// Waits for the next result; `None` once the run is over and all were read. Before a run it waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator can't wait; the word is what a stream has, too"
    )]
    pub fn next(&mut self) -> Next<'_, J, R, E> {
        Next { reader: self }
    }

    /// A result, if there is one now.
    #[inline]
    pub fn try_next(&mut self) -> Option<Done<J, R, E>> {
        self.hub.with(|ledger| {
            let done = ledger.results.pop_front()?;
            ledger.was_read();
            Some(done)
        })
    }

    /// All results that there are now, at the cost of one.
    pub fn drain(&mut self) -> Vec<Done<J, R, E>> {
        let results = self.hub.with(|ledger| {
            for _ in 0..ledger.results.len() {
                ledger.was_read();
            }
            std::mem::take(&mut ledger.results)
        });
        results.into()
    }

    /// Moves all results that there are now to the end of `results`, at the cost of one and without an allocation of its
    /// own: for those who read often.
    pub fn drain_into(&mut self, results: &mut Vec<Done<J, R, E>>) {
        self.hub.with(|ledger| {
            for _ in 0..ledger.results.len() {
                ledger.was_read();
            }
            results.extend(ledger.results.drain(..));
        });
    }

    /// How many results there are now.
    pub fn len(&self) -> usize {
        self.hub.with(|ledger| ledger.results.len())
    }

    /// Whether there is none now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands each result to `each`, until the run is over. To be polled beside the run: as the body of
    /// [`run_with`](crate::QueueEngine::run_with), or spawned.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing that `each` has not got; but the reader goes with it.
    pub async fn for_each(mut self, mut each: impl FnMut(Done<J, R, E>)) {
        while let Some(done) = self.next().await {
            each(done);
        }
    }

    #[inline]
    fn poll_result(&mut self, cx: &Context<'_>) -> Poll<Option<Done<J, R, E>>> {
        if let Some(done) = self.try_next() {
            return Poll::Ready(Some(done));
        }
        let waker = cx.waker().clone();
        self.hub.with(|ledger| {
            let answer = match ledger.results.pop_front() {
                Some(done) => {
                    ledger.was_read();
                    Poll::Ready(Some(done))
                }
                None if ledger.is_through() => Poll::Ready(None),
                None => Poll::Pending,
            };
            let old = match answer {
                Poll::Pending => ledger.reader.waker.replace(waker),
                Poll::Ready(_) => Some(waker),
            };
            ledger.errands.extend(old.map(Errand::Forget));
            answer
        })
    }
}

impl<J, R, E> Stream for Reader<J, R, E> {
    type Item = Done<J, R, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_result(cx)
    }
}

impl<J, R, E> Drop for Reader<J, R, E> {
    fn drop(&mut self) {
        let dropped = self.hub.with(|ledger| {
            ledger.reader.is_gone = true;
            let waker = ledger.reader.waker.take();
            ledger.errands.extend(waker.map(Errand::Forget));
            // Jobs that waited for a place for their results need none any more.
            ledger.call_everybody();
            std::mem::take(&mut ledger.results)
        });
        for done in dropped {
            regatta_engine::contain_drop(|| drop(done));
        }
    }
}

/// The next result; made by [`Reader::next`].
///
/// # Cancel safety
///
/// Dropping it loses nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, J, R, E> {
    reader: &'a mut Reader<J, R, E>,
}

impl<J, R, E> Future for Next<'_, J, R, E> {
    type Output = Option<Done<J, R, E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.reader.poll_result(cx)
    }
}

impl<J, R, E> fmt::Debug for Reader<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("len", &self.len()).finish()
    }
}

impl<J, R, E> fmt::Debug for Next<'_, J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}
