//! `map` and `for_each`: a queue whose jobs are the items of an iterator or a stream.

use crate::feed::{Both, Feed, Feeding, Items};
use crate::run::{CloseAfter, RunWith};
use crate::{Builder, Ctx, Done, Finished, NoRetry, Queue, Reader};
use futures_core::Stream;
use regatta_core::{ConfigError, Panic, Retry, Strategy};
use regatta_engine::StopReason;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Calls `handler` with each item, `workers` at once, and resolves to what became of each, in the order of the items.
/// Items are pulled as there are places for them, at most `2 * workers` ahead.
///
/// For retries, limits and all else, [`Builder::map`].
///
/// # Errors
///
/// [`ConfigError`] if `workers` is zero.
///
/// # Cancel safety
///
/// Dropping the future drops what runs.
///
/// ```
/// # smol::block_on(async {
/// let done = regatta_queue::map(1..=3, 2, async |n, _ctx| Ok::<_, String>(*n * 2))?.await;
/// let doubled: Vec<i32> = done.into_iter().filter_map(|done| done.result.ok()).collect();
/// assert_eq!(doubled, [2, 4, 6]);
/// # Ok::<(), regatta_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn map<I, J, R, E, H, F>(
    items: I,
    workers: usize,
    handler: H,
) -> Result<MapOnly<Items<I::IntoIter>, J, R, E, H, F, (), (), NoRetry>, ConfigError>
where
    I: IntoIterator<Item = J>,
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
{
    let builder = Queue::<J>::builder().workers(workers)?.capacity(workers)?;
    Ok(MapOnly(builder.map(items, handler)?))
}

impl<J, St, Rt> Builder<J, St, Rt> {
    /// A run over the items of an iterator, with every option of this builder. Resolves to what became of each, in the
    /// order of the items; those that handlers push come in between, in the order in which they were pushed.
    ///
    /// Items are pulled as there are places for them: at most the capacity and the workers ahead. All results are kept,
    /// also if the builder was told otherwise.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops what runs.
    pub fn map<I, R, E, H, F, Tok>(
        self,
        items: I,
        handler: H,
    ) -> Result<Map<Items<I::IntoIter>, J, R, E, H, F, St, Tok, Rt>, ConfigError>
    where
        I: IntoIterator<Item = J>,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
    {
        self.map_all(Items(items.into_iter()), handler)
    }

    /// The same over the items of a stream.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    ///
    /// # Cancel safety
    ///
    /// As [`map`](Self::map).
    pub fn map_stream<S, R, E, H, F, Tok>(
        self,
        items: S,
        handler: H,
    ) -> Result<Map<Pin<Box<S>>, J, R, E, H, F, St, Tok, Rt>, ConfigError>
    where
        S: Stream<Item = J>,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
    {
        self.map_all(Box::pin(items), handler)
    }

    fn map_all<S, R, E, H, F, Tok>(
        self,
        items: S,
        handler: H,
    ) -> Result<Map<S, J, R, E, H, F, St, Tok, Rt>, ConfigError>
    where
        S: Stream<Item = J> + Unpin,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
    {
        let (queue, reader, engine) = self.keep_results().build(handler)?;
        let feed = Feed::new(queue.hub, items);
        Ok(Map { run: engine.into_run_with(Feeding { feed }), reader })
    }

    /// A run over the items of an iterator, while `body` reads the results in the order in which they come. Resolves to
    /// what the body gave, and the run.
    ///
    /// Where results are [collected](crate::Results::Collect), as they are unless told otherwise, only as many are kept
    /// here as there are workers: a slow body slows the work, and memory stays small however many items there are. A body
    /// that ends before the items do stops the run.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and what runs.
    ///
    /// ```
    /// use regatta_queue::Queue;
    ///
    /// # smol::block_on(async {
    /// let (sum, finished) = Queue::<u32>::builder()
    ///     .workers(4)?
    ///     .for_each(1..=100, async |n, _ctx| Ok::<_, String>(*n), async |mut results| {
    ///         let mut sum = 0;
    ///         while let Some(done) = results.next().await {
    ///             sum += done.result.unwrap_or(0);
    ///         }
    ///         sum
    ///     })?
    ///     .await;
    /// assert_eq!((sum, finished.stats.ok), (5050, 100));
    /// # Ok::<(), regatta_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn for_each<I, R, E, H, F, Tok, S, B, T>(
        self,
        items: I,
        handler: H,
        body: S,
    ) -> Result<ForEach<Items<I::IntoIter>, J, R, E, H, F, St, Tok, Rt, B, T>, ConfigError>
    where
        I: IntoIterator<Item = J>,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
        S: FnOnce(Reader<J, R, E>) -> B,
        B: Future<Output = T>,
    {
        self.for_all(Items(items.into_iter()), handler, body)
    }

    /// The same over the items of a stream.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    ///
    /// # Cancel safety
    ///
    /// As [`for_each`](Self::for_each).
    pub fn for_each_stream<I, R, E, H, F, Tok, S, B, T>(
        self,
        items: I,
        handler: H,
        body: S,
    ) -> Result<ForEach<Pin<Box<I>>, J, R, E, H, F, St, Tok, Rt, B, T>, ConfigError>
    where
        I: Stream<Item = J>,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
        S: FnOnce(Reader<J, R, E>) -> B,
        B: Future<Output = T>,
    {
        self.for_all(Box::pin(items), handler, body)
    }

    fn for_all<I, R, E, H, F, Tok, S, B, T>(
        self,
        items: I,
        handler: H,
        body: S,
    ) -> Result<ForEach<I, J, R, E, H, F, St, Tok, Rt, B, T>, ConfigError>
    where
        I: Stream<Item = J> + Unpin,
        H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
        F: Future<Output = Result<R, E>>,
        St: Strategy<Token = Tok>,
        Rt: Retry<E> + Clone + Send + 'static,
        S: FnOnce(Reader<J, R, E>) -> B,
        B: Future<Output = T>,
    {
        let (queue, reader, engine) = self.bound_results().build(handler)?;
        let both = Both::new(Feed::new(queue.hub.clone(), items), body(reader), queue.hub);
        Ok(ForEach { run: engine.into_run_with(both) })
    }
}

type Body<S, J, R, E> = CloseAfter<Feeding<S, J, R, E>, J, R, E>;

/// A run over items, results in their order; made by [`Builder::map`].
///
/// # Cancel safety
///
/// Dropping it drops what runs. What was pulled and not started is dropped too, and tickets that left it learn so.
#[must_use = "futures do nothing unless polled"]
pub struct Map<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> {
    run: RunWith<J, R, E, H, F, St, Tok, Rt, Body<S, J, R, E>, Option<Panic>>,
    reader: Reader<J, R, E>,
}

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> Unpin for Map<S, J, R, E, H, F, St, Tok, Rt> {}

impl<S, J, R, E, H, F, St, Tok, Rt> Future for Map<S, J, R, E, H, F, St, Tok, Rt>
where
    S: Stream<Item = J> + Unpin,
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    St: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    type Output = Mapped<J, R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (panic, finished) = std::task::ready!(Pin::new(&mut self.run).poll(cx));
        let mut results = self.reader.drain();
        results.sort_unstable_by_key(|done| done.id);
        Poll::Ready(Mapped { results, finished: broken(finished, panic) })
    }
}

/// Items that panicked are why the run stopped.
fn broken<J>(mut finished: Finished<J>, panic: Option<Panic>) -> Finished<J> {
    if let Some(panic) = panic {
        finished.stop = StopReason::Panicked(panic);
    }
    finished
}

/// What became of the items of a run.
pub struct Mapped<J, R, E> {
    /// Each that was started, in the order of the items.
    pub results: Vec<Done<J, R, E>>,
    /// The run: why it stopped, and what was pulled and never ran. If it stopped because the items panicked, that is
    /// said here.
    pub finished: Finished<J>,
}

/// A run over items, results in their order and nothing else; made by [`map`].
///
/// # Cancel safety
///
/// Dropping it drops what runs. What was pulled and not started is dropped too, and tickets that left it learn so.
#[must_use = "futures do nothing unless polled"]
pub struct MapOnly<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt>(Map<S, J, R, E, H, F, St, Tok, Rt>);

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> Unpin for MapOnly<S, J, R, E, H, F, St, Tok, Rt> {}

impl<S, J, R, E, H, F, St, Tok, Rt> Future for MapOnly<S, J, R, E, H, F, St, Tok, Rt>
where
    S: Stream<Item = J> + Unpin,
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    St: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    type Output = Vec<Done<J, R, E>>;

    /// # Panics
    ///
    /// With the panic of the items, if they panicked: nobody else could tell of it.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Mapped { results, finished } = std::task::ready!(Pin::new(&mut self.0).poll(cx));
        if let StopReason::Panicked(panic) = finished.stop {
            panic.resume();
        }
        Poll::Ready(results)
    }
}

type BothBodies<S, J, R, E, B, T> = CloseAfter<Both<S, J, R, E, B, T>, J, R, E>;

/// A run over items, with a body that reads; made by [`Builder::for_each`].
///
/// # Cancel safety
///
/// Dropping it drops the body and what runs. What was pulled and not started is dropped too, and tickets that left it learn so.
#[must_use = "futures do nothing unless polled"]
pub struct ForEach<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt, B, T> {
    run: RunWith<J, R, E, H, F, St, Tok, Rt, BothBodies<S, J, R, E, B, T>, (T, Option<Panic>)>,
}

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt, B, T> Unpin
    for ForEach<S, J, R, E, H, F, St, Tok, Rt, B, T>
{
}

impl<S, J, R, E, H, F, St, Tok, Rt, B, T> Future for ForEach<S, J, R, E, H, F, St, Tok, Rt, B, T>
where
    S: Stream<Item = J> + Unpin,
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    St: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
    B: Future<Output = T>,
{
    type Output = (T, Finished<J>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ((output, panic), finished) = std::task::ready!(Pin::new(&mut self.run).poll(cx));
        Poll::Ready((output, broken(finished, panic)))
    }
}

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> fmt::Debug for Map<S, J, R, E, H, F, St, Tok, Rt> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map")
    }
}

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> fmt::Debug
    for MapOnly<S, J, R, E, H, F, St, Tok, Rt>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapOnly")
    }
}

impl<S, J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt, B, T> fmt::Debug
    for ForEach<S, J, R, E, H, F, St, Tok, Rt, B, T>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForEach")
    }
}

impl<J: fmt::Debug, R: fmt::Debug, E: fmt::Debug> fmt::Debug for Mapped<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("results", &self.results).field("finished", &self.finished).finish()
    }
}
