//! `map`: each item through an async function, results in the order of the items.

use crate::lazy::{Drive, Ended, Fallible, Judge, Plain, Sink, room};
use crate::settings::{lazy_settings, lazy_stop};
use regatta_core::{ConfigError, Kick, NotStarted, Strategy, TaskError, Time};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once, and resolves to one result per item, in the items' order.
///
/// Items are pulled as they start, so the iterator may be long. Nothing is boxed: once warm, a task costs no
/// allocation. Items, function and results may borrow, also inside a spawned task. The function is cloned per item;
/// async closures and plain closures that return a future will do. A panic in it, or in its future, is that item's
/// result; a panic in the iterator is the last result.
///
/// # Defaults
///
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace, no strategy; see the methods of [`Map`].
///
/// # Cost
///
/// Memory: the results, plus O(limit). The room for as many results as the iterator promises by the lower end of its
/// size hint is set aside before the first item, up to 1 GiB of it; beyond that the results grow as they come.
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
/// let urls = vec!["a", "bb", "ccc"];
/// let lengths = regatta_runner::map(&urls, 8, async |url| fetch(url).await)?.await;
/// assert_eq!(lengths.into_iter().map(Result::unwrap).sum::<usize>(), 6);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn map<I, G, F, T, E>(
    items: I,
    limit: usize,
    task: G,
) -> Result<Map<I::IntoIter, G, F, T, E>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
{
    Map::new(items.into_iter(), limit, task)
}

/// As [`map`], for functions that return a plain value. What can still go wrong is a panic or a stop.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// As [`map`].
///
/// ```
/// # smol::block_on(async {
/// let doubled = regatta_runner::map_ok(1..=3, 2, async |n| n * 2)?.await;
/// assert_eq!(doubled.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [2, 4, 6]);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn map_ok<I, G, F, T>(
    items: I,
    limit: usize,
    task: G,
) -> Result<Map<I::IntoIter, G, F, T, Infallible, Plain>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = T>,
{
    Map::new(items.into_iter(), limit, task)
}

/// More items that were never started are not worth their memory.
const REST_MAX: usize = 1 << 24;

/// Made by [`map`] and [`map_ok`]; resolves to a `Vec` of results in the order of the items.
///
/// If the run is stopped before its end, nothing more is pulled from the iterator. If it says exactly how many items
/// are left (a vector, a slice, a range, also mapped), and they are at most 2²⁴, there is a `NotStarted` for each of
/// them; otherwise the results end with the last item that was started.
///
/// # Cancel safety
///
/// Dropping it drops what runs; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct Map<It, G, F, T, E, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    drive: Drive<It, G, F, T, E, J, InOrder<T, E>, St, Tok>,
}

impl<It: Iterator, G, F, T, E, J> Map<It, G, F, T, E, J> {
    fn new(items: It, limit: usize, task: G) -> Result<Self, ConfigError> {
        let results = InOrder(room(items.size_hint().0));
        Ok(Self { drive: Drive::new(items, limit, task, results)? })
    }
}

lazy_settings!(Map<It, G, F, T, E, J>, |map, strategy| Map { drive: map.drive.strategy(strategy) });
lazy_stop!(Map<It, G, F, T, E, J>);

impl<It, G, F, O, T, E, J, St, Tok> Future for Map<It, G, F, T, E, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Output = Vec<Result<T, TaskError<E>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.drive.poll(cx).map(|(source, now)| all(source.finish(), now))
    }
}

/// The results, and one more for each item that is known to be left.
fn all<T, E>(ended: Ended<InOrder<T, E>, E>, now: Time) -> Vec<Result<T, TaskError<E>>> {
    let Ended { sink: InOrder(mut results), reason, pulled, rest, mut listeners, .. } = ended;
    if (1..=REST_MAX).contains(&rest) {
        let why = reason.not_started();
        results.reserve(rest);
        for index in pulled..pulled + rest {
            let result = Err(TaskError::NotStarted(why));
            if listeners.is_any() {
                listeners.finished(index, &index, now, 0, &result);
            }
            results.push(result);
        }
    }
    results
}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> Unpin for Map<It, G, F, T, E, J, St, Tok> {}

impl<It, G, F, T, E, J, St: Strategy<Token = Tok>, Tok> fmt::Debug for Map<It, G, F, T, E, J, St, Tok> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.drive).finish()
    }
}

/// Results by item.
struct InOrder<T, E>(Vec<Result<T, TaskError<E>>>);

impl<T, E> Sink<T, E> for InOrder<T, E> {
    #[inline]
    fn has_room(&mut self, _: usize) -> bool {
        true
    }

    #[inline]
    fn started(&mut self, _: usize) {
        // A place, until the result is there.
        self.0.push(Err(TaskError::NotStarted(NotStarted::Cancelled)));
    }

    #[inline]
    fn put(&mut self, index: usize, result: Result<T, TaskError<E>>) {
        self.0[index] = result;
    }

    #[inline]
    fn is_closed(&self) -> bool {
        false
    }

    fn end(&mut self, _: bool) {}

    fn attach(&mut self, _: Kick) {}
}
