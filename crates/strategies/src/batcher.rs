//! `Batcher`: many callers hand in single items, one handler gets them in bulk, and each caller gets its own result.

mod call;
mod errands;
mod error;
mod failure;
mod flush;
mod settings;
mod shared;
mod state;
mod work;

pub use call::Call;
pub use error::BatchError;
pub use failure::{Failure, Judge, Repeat, Rule};
pub use flush::Flush;
pub use settings::WhenIdle;

use regatta_core::{BoxFuture, Clock, ConfigError};
use settings::{Answer, Settings, Weight};
use shared::Shared;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Collects the items of many callers and hands them to one handler in bulk. Clones share.
///
/// A batch goes when it is full by [`size`](Batcher::size) or [`weight`](Batcher::weight), when its oldest item has
/// [lingered](Batcher::linger) long enough, or on [`flush`](Batcher::flush); but never more than
/// [`in_flight`](Batcher::in_flight) at once. Items go in the order in which they came, and none passes another.
///
/// There is no task, thread or loop behind it: the callers that wait poll the batches, which belong to none of them. A
/// handler's wake wakes all callers of its batch and the oldest that waits for its place; whichever is polled first goes
/// on with it, and does whatever else there is to do. So it doesn't matter which of them is cancelled, and it works on
/// any executor.
///
/// If all callers of a running batch are gone, others who wait go on with it; if there are none, it stands still until
/// somebody calls or flushes, and is dropped with the last clone of the batcher. A handler that calls its own batcher
/// needs room for a second batch in flight; one that owns a clone of it is never dropped.
///
/// A failure of a whole batch is shared by its items, unless [`on_failure`](Batcher::on_failure) says how to find out
/// which of them are to blame. A panic in the handler is caught, and its batch gets [`BatchError::Panicked`].
///
/// The handler is cloned for each call. State belongs into an `Arc`: what it owns itself starts anew each time.
///
/// Options may be set at any time and through any clone. They hold for all clones, and for batches sent from then on.
///
/// # Defaults
///
/// - at most 100 items in a batch, of any weight
/// - an item lingers for 1 ms, also while no batch is in flight
/// - 1 batch in flight
/// - a failure is one for all of its batch
/// - the system's clock
///
/// # Cost
///
/// Handing in an item is O(log n) in those that wait, and takes about 200 bytes and two clones of a waker; a batch costs
/// a few allocations and one box for the handler's future. When the handler's future is woken k times, each of its
/// callers is polled up to k + 2 times; while batches wait for retries, their callers are also polled whenever the time of
/// one of them has come. There is one timer in all.
///
/// # Examples
///
/// ```
/// use regatta_strategies::Batcher;
///
/// // One query for all who ask at about the same time.
/// let names = Batcher::new(async |ids: Vec<u32>| {
///     println!("SELECT name FROM users WHERE id IN {ids:?}");
///     Ok::<_, std::io::Error>(ids.into_iter().map(|id| format!("user {id}")).collect())
/// })
/// .size(50)?;
///
/// smol::block_on(async {
///     let (ann, bob) = futures::join!(names.call(1), names.call(2));
///     assert_eq!((ann.unwrap(), bob.unwrap()), ("user 1".into(), "user 2".into()));
/// });
/// # Ok::<(), regatta_core::ConfigError>(())
/// ```
pub struct Batcher<T, R, E> {
    shared: Arc<Shared<T, R, E>>,
}

impl<T, R, E> Batcher<T, R, E>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
{
    /// A handler that succeeds or fails as a whole, with one result for each item, in the order of the items.
    ///
    /// Another number of results is [`BatchError::WrongCount`] for the whole batch.
    pub fn new<H, Fut>(handler: H) -> Self
    where
        H: FnOnce(Vec<T>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<R>, E>> + Send + 'static,
    {
        Self::with_handler(move |items| {
            let handler = handler.clone();
            Box::pin(async move { Answer::Whole(handler(items).await) })
        })
    }

    /// A handler that knows for each item whether it succeeded, in the order of the items.
    ///
    /// Another number of results is [`BatchError::WrongCount`] for the whole batch.
    ///
    /// ```
    /// use regatta_strategies::Batcher;
    ///
    /// let halves = Batcher::per_item(async |numbers: Vec<u32>| {
    ///     numbers.into_iter().map(|n| if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }).collect()
    /// });
    /// smol::block_on(async {
    ///     let (six, seven) = futures::join!(halves.call(6), halves.call(7));
    ///     assert_eq!(six.unwrap(), 3);
    ///     assert_eq!(seven.unwrap_err().failure(), Some(&"odd"));
    /// });
    /// ```
    pub fn per_item<H, Fut>(handler: H) -> Self
    where
        H: FnOnce(Vec<T>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Vec<Result<R, E>>> + Send + 'static,
    {
        Self::with_handler(move |items| {
            let handler = handler.clone();
            Box::pin(async move { Answer::Each(handler(items).await) })
        })
    }

    fn with_handler(
        handler: impl Fn(Vec<T>) -> BoxFuture<'static, Answer<R, E>> + Send + Sync + 'static,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(Settings::new(Arc::new(handler)))) }
    }

    /// Hands in `item`, and waits for its result.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its item was sent, it takes the item back out; dropped afterwards, the item stays in its batch, and
    /// nobody else notices.
    ///
    /// # Errors
    ///
    /// [`BatchError`]; also if the item is too heavy.
    pub fn call(&self, item: T) -> Call<T, R, E> {
        Call::new(self.shared.clone(), item)
    }

    /// Sends what waits without lingering, and waits until all that was handed in before is settled.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing. What it was to send still goes without lingering.
    pub fn flush(&self) -> Flush<T, R, E> {
        Flush::new(self.shared.clone())
    }
}

impl<T, R, E> Batcher<T, R, E> {
    /// At most this many items in a batch; then it is full, and goes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `size` is zero.
    pub fn size(self, size: usize) -> Result<Self, ConfigError> {
        at_least_one("size", size)?;
        Ok(self.set(|settings| settings.size = size))
    }

    /// At most this weight in a batch, as `of` weighs each item when it is handed in.
    ///
    /// A batch that weighs as much is full, and goes; so does one that would be too heavy with the next item. An item
    /// that is heavier on its own is refused with [`BatchError::TooHeavy`]: the maximum is usually one of the other side's.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `max` is zero.
    pub fn weight(
        self,
        max: u64,
        of: impl Fn(&T) -> u64 + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        at_least_one("weight", max)?;
        Ok(self.set(|settings| settings.weight = Some(Weight { max, of: Arc::new(of) })))
    }

    /// How long an item waits for others to come, counted from the oldest; zero sends whatever is there at each poll.
    /// `Duration::MAX` waits until a batch is full or flushed.
    #[must_use]
    pub fn linger(self, linger: Duration) -> Self {
        self.set(|settings| settings.linger = linger)
    }

    /// At most this many batches at once. Whoever comes meanwhile waits for the next.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `batches` is zero.
    pub fn in_flight(self, batches: usize) -> Result<Self, ConfigError> {
        at_least_one("in_flight", batches)?;
        Ok(self.set(|settings| settings.in_flight = batches))
    }

    /// Whether to linger while no batch is in flight.
    #[must_use]
    pub fn when_idle(self, when_idle: WhenIdle) -> Self {
        self.set(|settings| settings.when_idle = when_idle)
    }

    /// What happens to a batch that failed. Items are handed over again as clones.
    ///
    /// ```
    /// use regatta_strategies::Batcher;
    /// use regatta_strategies::batcher::{Failure, Repeat};
    /// # #[derive(Debug)] enum DbError { Constraint, Timeout }
    ///
    /// // All or nothing: one bad row, and none is written.
    /// let insert = async |rows: Vec<i32>| match rows.iter().any(|row| *row < 0) {
    ///     true => Err(DbError::Constraint),
    ///     false => Ok(rows.iter().map(|_| "written").collect()),
    /// };
    /// let rows = Batcher::new(insert)
    ///     .on_failure(Failure::Bisect(Repeat::unambiguous(|error| matches!(error, DbError::Constraint))));
    /// smol::block_on(async {
    ///     let (good, bad, fine) = futures::join!(rows.call(1), rows.call(-1), rows.call(2));
    ///     assert!(good.is_ok() && bad.is_err() && fine.is_ok());
    /// });
    /// ```
    #[must_use]
    pub fn on_failure(self, failure: Failure<E>) -> Self
    where
        T: Clone,
    {
        self.set(|settings| {
            settings.copy = failure.repeat().map(|_| T::clone as fn(&T) -> T);
            settings.failure = failure;
        })
    }

    /// Measures time with `clock`. To be chosen before the first call.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.set(|settings| settings.clock = clock)
    }

    /// How many items wait to be sent.
    pub fn len(&self) -> usize {
        self.shared.with(|state| state.waiting())
    }

    /// Whether no item waits to be sent; batches may be in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn set(self, change: impl FnOnce(&mut Settings<T, R, E>)) -> Self {
        self.shared.with(|state| state.set(change));
        self
    }
}

impl<T, R, E> Clone for Batcher<T, R, E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T, R, E> fmt::Debug for Batcher<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, unsettled) = self.shared.with(|state| (state.waiting(), state.unsettled()));
        f.debug_struct("Batcher").field("waiting", &waiting).field("unsettled", &unsettled).finish()
    }
}

fn at_least_one<N: PartialEq + Default>(field: &'static str, count: N) -> Result<(), ConfigError> {
    if count == N::default() { Err(ConfigError::new(field, 0, "must be at least 1")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
