//! `for_each_sync`: each item through an async function, and a plain function that is called with each result.

use crate::lazy::{Drive, Fallible, Judge, Sink};
use crate::settings::{lazy_settings, lazy_stop};
use regatta_core::{ConfigError, Kick, Panic, Strategy, TaskError};
use regatta_engine::{StopReason, contain, contain_drop};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once, and `each` with each result as it comes; resolves to why the run
/// ended.
///
/// `each` is called by the driver, between two polls of tasks, so it must not block: the tasks wait meanwhile. Nothing
/// is kept, and no result waits. It may borrow mutably what it writes to, also inside a spawned task. What needs to
/// await something with a result, such as a log to be written to, takes [`for_each`](crate::for_each()).
///
/// A panic in `each` goes on to the caller: it is not called again, nothing more starts, what runs is dropped, and then
/// the future panics with the same payload. A panic in a task is its result; one in the iterator is the last result, and
/// [`StopReason::Panicked`] with its message.
///
/// The run is [`Completed`](StopReason::Completed) if every item was run, whatever came of it.
///
/// # Defaults
///
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace, no strategy; see the methods of [`ForEachSync`].
///
/// # Cost
///
/// Memory: O(limit), however many items there are.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// Dropping the future drops what runs; nothing else was started.
///
/// # Examples
///
/// ```
/// # async fn fetch(url: &str) -> Result<usize, std::io::Error> { Ok(url.len()) }
/// # smol::block_on(async {
/// let urls = ["a", "bb", "ccc"];
/// let mut sum = 0;
/// let run = regatta_runner::for_each_sync(&urls, 8, async |url| fetch(url).await, |length| sum += length.unwrap())?;
/// let end = run.await;
/// assert!(matches!(end, regatta_runner::StopReason::Completed));
/// assert_eq!(sum, 6);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn for_each_sync<I, G, F, T, E, S>(
    items: I,
    limit: usize,
    task: G,
    each: S,
) -> Result<ForEachSync<I::IntoIter, G, F, T, E, S>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
    S: FnMut(Result<T, TaskError<E>>),
{
    Ok(ForEachSync { drive: Drive::new(items.into_iter(), limit, task, Call { each, panic: None })? })
}

/// Made by [`for_each_sync`]; resolves to why the run ended.
///
/// # Cancel safety
///
/// Dropping it drops what runs; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct ForEachSync<It, G, F, T, E, S, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    drive: Drive<It, G, F, T, E, J, Call<S>, St, Tok>,
}

lazy_settings!(ForEachSync<It, G, F, T, E, S, J>, |each, strategy| {
    ForEachSync { drive: each.drive.strategy(strategy) }
});
lazy_stop!(ForEachSync<It, G, F, T, E, S, J>);

impl<It, G, F, O, T, E, S, J, St, Tok> Future for ForEachSync<It, G, F, T, E, S, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    S: FnMut(Result<T, TaskError<E>>),
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Output = StopReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StopReason> {
        let (source, _) = std::task::ready!(self.drive.poll(cx));
        let ended = source.finish();
        let Call { each, panic } = ended.sink;
        contain_drop(|| drop(each));
        match panic {
            Some(panic) => panic.resume(),
            None => Poll::Ready(ended.reason),
        }
    }
}

impl<It, G, F, T, E, S, J, St, Tok> Unpin for ForEachSync<It, G, F, T, E, S, J, St, Tok> where
    St: Strategy<Token = Tok>
{
}

impl<It, G, F, T, E, S, J, St, Tok> fmt::Debug for ForEachSync<It, G, F, T, E, S, J, St, Tok>
where
    St: Strategy<Token = Tok>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForEachSync").field(&self.drive).finish()
    }
}

/// The user's function, and its panic: the run ends with it.
struct Call<S> {
    each: S,
    panic: Option<Panic>,
}

impl<S: FnMut(Result<T, TaskError<E>>), T, E> Sink<T, E> for Call<S> {
    #[inline]
    fn has_room(&mut self, _: usize) -> bool {
        // The run is only closed by the next control.
        self.panic.is_none()
    }

    #[inline]
    fn started(&mut self, _: usize) {}

    #[inline]
    fn put(&mut self, _: usize, result: Result<T, TaskError<E>>) {
        if self.panic.is_some() {
            contain_drop(|| drop(result));
            return;
        }
        self.panic = contain(|| (self.each)(result)).err();
    }

    #[inline]
    fn is_closed(&self) -> bool {
        self.panic.is_some()
    }

    fn end(&mut self, _: bool) {}

    fn attach(&mut self, _: Kick) {}
}
