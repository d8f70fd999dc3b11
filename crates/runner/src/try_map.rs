//! `try_map`: each item through an async function, all values or the first failure.

use crate::StopOn;
use crate::lazy::{Drive, Ended, Fallible, Judge, Sink, discard, room};
use crate::settings::lazy_settings;
use regatta_core::{ConfigError, Kick, Strategy, TaskError};
use regatta_engine::contain_drop;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once, and resolves to all values in the items' order, or to the first
/// failure.
///
/// It stops at the first task that does not succeed, be it by an error, a panic, its timeout, or because a strategy
/// refuses it for good: nothing more starts, what runs is dropped, and that failure is the result. Of several that fail
/// in the same pass of the driver, the one that was woken first is told. The values that are there already are dropped.
///
/// A run that is cancelled, or whose time is up, before every item has its value, is a failure too: `Cancelled` or
/// `TimedOut` if anything was running, and [`NotStarted`](TaskError::NotStarted) with the reason if nothing was. An
/// iterator that doesn't know its length is not at its end before it has said so.
///
/// Otherwise as [`map`](crate::map()): items are pulled as they start, nothing is boxed, everything may borrow, also inside
/// a spawned task.
///
/// # Defaults
///
/// No timeouts, no grace, no strategy; see the methods of [`TryMap`].
///
/// # Cost
///
/// Memory: the values, plus O(limit). Their room is set aside as [`map`](crate::map()) does it.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero. The future's own error is the [`TaskError`] of the first failure.
///
/// # Cancel safety
///
/// Dropping the future drops what runs, and the values; nothing else was started.
///
/// # Examples
///
/// ```
/// # async fn fetch(url: &str) -> Result<usize, String> {
/// #     if url.is_empty() { Err(String::from("no url")) } else { Ok(url.len()) }
/// # }
/// # smol::block_on(async {
/// let lengths = regatta_runner::try_map(["a", "bb", "ccc"], 8, async |url| fetch(url).await)?.await?;
/// assert_eq!(lengths, [1, 2, 3]);
///
/// let failed = regatta_runner::try_map(["a", "", "ccc"], 8, async |url| fetch(url).await)?.await;
/// assert_eq!(failed.unwrap_err().failure().unwrap(), "no url");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub fn try_map<I, G, F, T, E>(
    items: I,
    limit: usize,
    task: G,
) -> Result<TryMap<I::IntoIter, G, F, T, E>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
{
    let items = items.into_iter();
    let values = AllOk { values: room(items.size_hint().0), error: None };
    let mut drive = Drive::new(items, limit, task, values)?;
    drive.source().course.settings.stop_on = StopOn::FirstError;
    Ok(TryMap { drive })
}

/// Made by [`try_map`]; resolves to all values, or to the first failure.
///
/// # Cancel safety
///
/// Dropping it drops what runs, and the values; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct TryMap<It, G, F, T, E, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    drive: Drive<It, G, F, T, E, J, AllOk<T, E>, St, Tok>,
}

lazy_settings!(TryMap<It, G, F, T, E, J>, |map, strategy| TryMap { drive: map.drive.strategy(strategy) });

impl<It, G, F, O, T, E, J, St, Tok> Future for TryMap<It, G, F, T, E, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Output = Result<Vec<T>, TaskError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.drive.poll(cx).map(|(source, _)| all_or_none(source.finish()))
    }
}

fn all_or_none<T, E>(ended: Ended<AllOk<T, E>, E>) -> Result<Vec<T>, TaskError<E>> {
    let Ended { sink: AllOk { values, error }, reason, complete, .. } = ended;
    let error = error.or_else(|| (!complete).then(|| TaskError::NotStarted(reason.not_started())));
    if let Some(error) = error {
        discard(values);
        return Err(error);
    }
    Ok(values.into_iter().map(|value| value.expect("a task without an error has left its value")).collect())
}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> Unpin for TryMap<It, G, F, T, E, J, St, Tok> {}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> fmt::Debug for TryMap<It, G, F, T, E, J, St, Tok> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryMap").field(&self.drive).finish()
    }
}

/// Values by item, until one fails.
struct AllOk<T, E> {
    values: Vec<Option<T>>,
    /// How the first one failed.
    error: Option<TaskError<E>>,
}

impl<T, E> Sink<T, E> for AllOk<T, E> {
    #[inline]
    fn has_room(&mut self, _: usize) -> bool {
        true
    }

    #[inline]
    fn started(&mut self, _: usize) {
        self.values.push(None);
    }

    #[inline]
    fn put(&mut self, index: usize, result: Result<T, TaskError<E>>) {
        match result {
            Ok(value) => self.values[index] = Some(value),
            Err(error) if self.error.is_none() => self.error = Some(error),
            Err(error) => contain_drop(|| drop(error)),
        }
    }

    #[inline]
    fn is_closed(&self) -> bool {
        false
    }

    fn end(&mut self, _: bool) {}

    fn attach(&mut self, _: Kick) {}
}
