//! `for_each`: each item through an async function, and a body that reads the results as they come.

use crate::lazy::{Fallible, Judge, Lazy};
use crate::results::{Feed, Results};
use crate::settings::run_settings;
use crate::watch::Watch;
use regatta_core::{Clock, ConfigError, Limit};
use regatta_engine::{Engine, RunWith};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Calls `task` with each item, at most `limit` at once, while `body` reads the results; resolves to what the body
/// returns.
///
/// Tasks and body are polled in one future, so the tasks go on while the body waits for something, even for a lock
/// that one of them holds. (A `Stream` can't do that: between two calls of its `next`, nobody polls its tasks.)
///
/// A timeout, stop rule or cancel ends the tasks; the body sees the end of its results and goes on as it likes.
///
/// At most `limit` results wait to be read; then nothing more starts. A body that returns early, or drops its
/// [`Results`], cancels what runs. A panic in the body goes on to the caller; a panic in a task is its result.
///
/// # Defaults
///
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace; see the methods of [`ForEach`].
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// Dropping the future drops the body and what runs; nothing else was started.
///
/// # Examples
///
/// ```
/// # async fn fetch(url: &str) -> Result<usize, std::io::Error> { Ok(url.len()) }
/// # smol::block_on(async {
/// let urls = ["a", "bb", "ccc"];
/// let mut lengths = Vec::new();
/// regatta_runner::for_each(&urls, 8, async |url| fetch(url).await, async |mut done| {
///     while let Some(result) = done.next().await {
///         lengths.push(result.unwrap());
///     }
/// })?
/// .await;
/// assert_eq!(lengths.iter().sum::<usize>(), 6);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn for_each<I, G, F, T, E, S, B, R>(
    items: I,
    limit: usize,
    task: G,
    body: S,
) -> Result<ForEach<I::IntoIter, G, F, T, E, B, R>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = Result<T, E>>,
    S: FnOnce(Results<T, E>) -> B,
    B: Future<Output = R>,
{
    let count = Limit::count(limit)?;
    let (feed, results) = Feed::new(limit);
    let engine = Engine::new(Lazy::new(items.into_iter(), task, feed), ()).limit(count);
    Ok(ForEach { driver: engine.run_with(body(results)), watch: Watch::default() })
}

type FeedEngine<It, G, F, T, E, J> = Engine<Lazy<It, G, Feed<T, E>, T, E, J>, (), F, ()>;

/// Made by [`for_each`].
///
/// # Cancel safety
///
/// Dropping it drops the body and what runs; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct ForEach<It, G, F, T, E, B, R, J = Fallible> {
    driver: RunWith<Lazy<It, G, Feed<T, E>, T, E, J>, (), F, (), B, R>,
    watch: Watch,
}

impl<It, G, F, T, E, B, R, J> ForEach<It, G, F, T, E, B, R, J> {
    run_settings!(|this| this.engine().source_mut().course, this.watch);

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.engine().set_clock(clock);
        self
    }

    fn engine(&mut self) -> &mut FeedEngine<It, G, F, T, E, J> {
        self.driver.engine_mut().expect("a future is not used after it has ended")
    }
}

impl<It, G, F, O, T, E, B, R, J> Future for ForEach<It, G, F, T, E, B, R, J>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    B: Future<Output = R>,
    J: Judge<O, T, E>,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        if self.watch.poll(cx) {
            self.engine().source_mut().course.cancel();
        }
        Pin::new(&mut self.driver).poll(cx).map(|(output, source)| {
            source.finish();
            output
        })
    }
}

impl<It, G, F, T, E, B, R, J> Unpin for ForEach<It, G, F, T, E, B, R, J> {}

impl<It, G, F, T, E, B, R, J> fmt::Debug for ForEach<It, G, F, T, E, B, R, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForEach").field(&self.driver).finish()
    }
}
