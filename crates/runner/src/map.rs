//! `map`: each item through an async function, results in the order of the items.

use crate::lazy::{Fallible, Judge, Lazy, Plain, Sink};
use crate::settings::run_settings;
use crate::watch::Watch;
use regatta_core::{Clock, ConfigError, Kick, Limit, NotStarted, TaskError};
use regatta_engine::Engine;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace; see the methods of [`Map`].
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

/// So many results get their room before the first item.
const RESERVE_MAX: usize = 1 << 16;

/// More items that were never started are not worth their memory.
const REST_MAX: usize = 1 << 24;

type MapEngine<It, G, F, T, E, J> = Engine<Lazy<It, G, InOrder<T, E>, T, E, J>, (), F, ()>;

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
pub struct Map<It, G, F, T, E, J = Fallible> {
    engine: Option<MapEngine<It, G, F, T, E, J>>,
    watch: Watch,
}

impl<It, G, F, O, T, E, J> Map<It, G, F, T, E, J>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
{
    fn new(items: It, limit: usize, task: G) -> Result<Self, ConfigError> {
        // A hint, and some iterators hint at more than fits into memory.
        let expected = items.size_hint().0.min(RESERVE_MAX);
        let source = Lazy::new(items, task, InOrder(Vec::with_capacity(expected)));
        let engine = Engine::new(source, ()).limit(Limit::count(limit)?);
        Ok(Self { engine: Some(engine), watch: Watch::default() })
    }
}

impl<It, G, F, T, E, J> Map<It, G, F, T, E, J> {
    run_settings!(|this| this.engine().source_mut().course, this.watch);

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.engine().set_clock(clock);
        self
    }

    fn engine(&mut self) -> &mut MapEngine<It, G, F, T, E, J> {
        self.engine.as_mut().expect("a future is not used after it has ended")
    }
}

impl<It, G, F, O, T, E, J> Future for Map<It, G, F, T, E, J>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    J: Judge<O, T, E>,
{
    type Output = Vec<Result<T, TaskError<E>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.watch.poll(cx) {
            this.engine().source_mut().course.cancel();
        }
        if this.engine().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let source = this.engine.take().expect("it was here a line ago").into_source();
        let rest = source.rest();
        let (mut course, InOrder(mut results)) = source.finish();
        if (1..=REST_MAX).contains(&rest) {
            course.left_over();
            let why = course.reason().not_started();
            results.extend((0..rest).map(|_| Err(TaskError::NotStarted(why))));
        }
        Poll::Ready(results)
    }
}

impl<It, G, F, T, E, J> Unpin for Map<It, G, F, T, E, J> {}

impl<It, G, F, T, E, J> fmt::Debug for Map<It, G, F, T, E, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.engine).finish()
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
