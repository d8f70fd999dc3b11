//! `stream`: each item through an async function, results as a `Stream`, for code that needs one.

use crate::lazy::{Drive, Fallible, Judge, Sink};
use crate::settings::{lazy_settings, lazy_stop};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use regatta_core::{ConfigError, Kick, Strategy, TaskError};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once; a `Stream` of the results in the order in which the tasks end.
///
/// **Nobody polls the tasks between two calls of `next`.** While the code that reads the stream waits for something
/// else, they stand still: their timeouts don't fire, their connections go unanswered, and if it waits for a lock that
/// one of them holds, both wait for ever. [`for_each`](crate::for_each()) polls tasks and reader together and has none
/// of that; prefer it, unless something else wants a `Stream`. This is the place of `buffer_unordered`, with timeouts,
/// strategies and panics as results, and with borrows that compile inside a spawned task.
///
/// At most `limit` results wait to be read; then nothing more starts. After the last result comes `None`, and again
/// `None` for everybody who asks once more. A timeout, stop rule or cancel ends the tasks; their results are still
/// handed out, then the stream ends.
///
/// # Defaults
///
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace, no strategy; see the methods of [`Completions`].
///
/// # Cost
///
/// Memory: O(limit), however many items there are. One pass of the driver per call of `next`.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// Dropping a future of `next` takes no result. Dropping the stream drops what runs and what was not read; nothing else
/// was started.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
///
/// # async fn fetch(url: &str) -> Result<usize, std::io::Error> { Ok(url.len()) }
/// # smol::block_on(async {
/// let urls = ["a", "bb", "ccc"];
/// let lengths = regatta_runner::stream(&urls, 8, async |url| fetch(url).await)?;
/// let sum = lengths.fold(0, async |sum, length| sum + length.unwrap()).await;
/// assert_eq!(sum, 6);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn stream<I, G, F, T, E>(
    items: I,
    limit: usize,
    task: G,
) -> Result<Completions<I::IntoIter, G, F, T, E>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
{
    let drive = Drive::new(items.into_iter(), limit, task, Unread { limit, results: VecDeque::new() })?;
    Ok(Completions { drive, left: VecDeque::new(), complete: None })
}

/// A stream of results in the order in which the tasks end; made by [`stream`]. Between two calls of its `next`, nobody
/// polls its tasks.
///
/// # Cancel safety
///
/// Dropping a future of `next` takes no result. Dropping the stream drops what runs and what was not read; nothing else
/// was started.
#[must_use = "streams do nothing unless polled"]
pub struct Completions<It, G, F, T, E, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    drive: Drive<It, G, F, T, E, J, Unread<T, E>, St, Tok>,
    /// What was not read when the run ended.
    left: VecDeque<Result<T, TaskError<E>>>,
    /// `Some` once the run has ended; whether all items were through.
    complete: Option<bool>,
}

lazy_settings!(Completions<It, G, F, T, E, J>, |stream, strategy| {
    Completions { drive: stream.drive.strategy(strategy), left: stream.left, complete: stream.complete }
});
lazy_stop!(Completions<It, G, F, T, E, J>);

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> Completions<It, G, F, T, E, J, St, Tok> {
    /// Whether every item was run. `false` while tasks run, and if the run was stopped before it came to the end of the
    /// items.
    pub fn is_complete(&self) -> bool {
        self.complete == Some(true)
    }

    /// The result that has waited longest.
    #[inline]
    fn take(&mut self) -> Option<Result<T, TaskError<E>>> {
        match self.drive.sink() {
            Some(unread) => unread.results.pop_front(),
            None => self.left.pop_front(),
        }
    }
}

impl<It, G, F, O, T, E, J, St, Tok> Stream for Completions<It, G, F, T, E, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Item = Result<T, TaskError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // Taken before the pass, so that another task can start in its place while the reader is busy with it.
        let taken = this.take();
        if this.complete.is_none()
            && let Poll::Ready((source, _)) = this.drive.poll(cx)
        {
            let ended = source.finish();
            this.complete = Some(ended.complete);
            this.left = ended.sink.results;
        }
        match taken.or_else(|| this.take()) {
            None if this.complete.is_none() => Poll::Pending,
            next => Poll::Ready(next),
        }
    }
}

impl<It, G, F, O, T, E, J, St, Tok> FusedStream for Completions<It, G, F, T, E, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    fn is_terminated(&self) -> bool {
        self.complete.is_some() && self.left.is_empty()
    }
}

impl<It, G, F, T, E, J, St, Tok> Unpin for Completions<It, G, F, T, E, J, St, Tok> where
    St: Strategy<Token = Tok>
{
}

impl<It, G, F, T, E, J, St, Tok> fmt::Debug for Completions<It, G, F, T, E, J, St, Tok>
where
    St: Strategy<Token = Tok>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Completions").field(&self.drive).finish()
    }
}

/// Results that wait to be read.
struct Unread<T, E> {
    limit: usize,
    results: VecDeque<Result<T, TaskError<E>>>,
}

impl<T, E> Sink<T, E> for Unread<T, E> {
    /// Each running task has its place reserved. Who reads drives as well, so nobody needs to be told of room.
    #[inline]
    fn has_room(&mut self, running: usize) -> bool {
        running + self.results.len() < self.limit
    }

    #[inline]
    fn started(&mut self, _: usize) {}

    #[inline]
    fn put(&mut self, _: usize, result: Result<T, TaskError<E>>) {
        self.results.push_back(result);
    }

    #[inline]
    fn is_closed(&self) -> bool {
        false
    }

    fn end(&mut self, _: bool) {}

    fn attach(&mut self, _: Kick) {}
}
