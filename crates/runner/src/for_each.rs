//! `for_each`: each item through an async function, and a body that reads the results as they come.

use crate::lazy::{Drive, Fallible, Judge, Lazy, Plain};
use crate::results::{Feed, Results};
use crate::settings::{lazy_settings, lazy_stop};
use regatta_core::{ConfigError, Strategy};
use regatta_engine::RunWith;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
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
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace, no strategy; see the methods of [`ForEach`].
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
    ForEach::new(items.into_iter(), limit, task, body)
}

/// As [`for_each`], for functions that return a plain value. What can still go wrong is a panic or a stop.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// As [`for_each`].
///
/// ```
/// # smol::block_on(async {
/// let sum = regatta_runner::for_each_ok(1..=3, 2, async |n| n * 2, async |mut done| {
///     let mut sum = 0;
///     while let Some(result) = done.next().await {
///         sum += result.unwrap();
///     }
///     sum
/// })?
/// .await;
/// assert_eq!(sum, 12);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn for_each_ok<I, G, F, T, S, B, R>(
    items: I,
    limit: usize,
    task: G,
    body: S,
) -> Result<ForEach<I::IntoIter, G, F, T, Infallible, B, R, Plain>, ConfigError>
where
    I: IntoIterator,
    G: FnOnce(I::Item) -> F + Clone,
    F: Future<Output = T>,
    S: FnOnce(Results<T, Infallible>) -> B,
    B: Future<Output = R>,
{
    ForEach::new(items.into_iter(), limit, task, body)
}

type Driver<It, G, F, T, E, B, R, J, St, Tok> = RunWith<Lazy<It, G, Feed<T, E>, T, E, J>, St, F, Tok, B, R>;

/// Made by [`for_each`] and [`for_each_ok`].
///
/// # Cancel safety
///
/// Dropping it drops the body and what runs; nothing else was started.
#[must_use = "futures do nothing unless polled"]
pub struct ForEach<It, G, F, T, E, B, R, J = Fallible, St: Strategy<Token = Tok> = (), Tok = ()> {
    /// Until the first poll; then it runs together with the engine.
    body: Option<B>,
    driver: Option<Driver<It, G, F, T, E, B, R, J, St, Tok>>,
    drive: Drive<It, G, F, T, E, J, Feed<T, E>, St, Tok>,
}

impl<It, G, F, T, E, B, R, J> ForEach<It, G, F, T, E, B, R, J> {
    fn new<S>(items: It, limit: usize, task: G, body: S) -> Result<Self, ConfigError>
    where
        S: FnOnce(Results<T, E>) -> B,
    {
        let (feed, results) = Feed::new(limit);
        let drive = Drive::new(items, limit, task, feed)?;
        Ok(Self { body: Some(body(results)), driver: None, drive })
    }
}

lazy_settings!(ForEach<It, G, F, T, E, B, R, J>, |each, strategy| {
    ForEach { body: each.body, driver: None, drive: each.drive.strategy(strategy) }
});
lazy_stop!(ForEach<It, G, F, T, E, B, R, J>);

impl<It, G, F, O, T, E, B, R, J, St, Tok> Future for ForEach<It, G, F, T, E, B, R, J, St, Tok>
where
    It: Iterator,
    G: FnOnce(It::Item) -> F + Clone,
    F: Future<Output = O>,
    B: Future<Output = R>,
    J: Judge<O, T, E>,
    St: Strategy<Token = Tok>,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        if let Some(body) = this.body.take() {
            this.driver = Some(this.drive.start().run_with(body));
        }
        let driver = this.driver.as_mut().expect("the first poll has made it");
        if this.drive.is_cancelled(cx) {
            let engine = driver.engine_mut().expect("a future is not polled after it has ended");
            engine.source_mut().course.cancel();
        }
        let went = !driver.is_body_over();
        if let Poll::Ready((output, source)) = Pin::new(&mut *driver).poll(cx) {
            drop(source.finish());
            return Poll::Ready(output);
        }
        // Its results may live on, in what the body has returned for instance: nobody reads them any more.
        if went && driver.is_body_over() {
            let engine = driver.engine_mut().expect("a driver that is pending has its engine");
            engine.source_mut().sink.close();
        }
        Poll::Pending
    }
}

impl<It, G, F, T, E, B, R, J, St, Tok> Unpin for ForEach<It, G, F, T, E, B, R, J, St, Tok> where
    St: Strategy<Token = Tok>
{
}

impl<It, G, F, T, E, B, R, J, St, Tok> fmt::Debug for ForEach<It, G, F, T, E, B, R, J, St, Tok>
where
    St: Strategy<Token = Tok>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("ForEach");
        match &self.driver {
            Some(driver) => tuple.field(driver).finish(),
            None => tuple.field(&self.drive).finish(),
        }
    }
}
