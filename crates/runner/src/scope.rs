//! `scope`: a body that spawns tasks while others run, and reads their results.

mod handle;
mod hub;
mod source;
mod wait;

use crate::mode::{Local, Mode, Threads};
use crate::settings::run_settings;
use crate::watch::Watch;
pub use handle::Scope;
use hub::Hub;
use regatta_core::{BoxStrategy, BoxToken, Clock, ConfigError, Limit, Strategy};
use regatta_engine::{Engine, RunWith};
use source::Tasks;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
pub use wait::{NextDone, SpawnWhenFree};

/// Runs `body` together with the tasks that it spawns, at most `limit` at once; resolves to what the body returns, once
/// all of them have ended.
///
/// Body and tasks are polled in one future: tasks go on while the body waits for something else, and both may borrow,
/// also where the whole is spawned. Which tasks there are is decided on the way, by the body and by tasks (see
/// [`Scope`]). A body that returns `Ok` has its tasks joined; one that returns `Err` has them cancelled, and so has one
/// that panics, whose panic goes on to the caller. A panic in a task is its result.
///
/// A timeout, stop rule or cancel ends the tasks and closes the scope for more; the body reads their results and goes
/// on as it likes.
///
/// # Defaults
///
/// No timeouts, [`StopOn::Never`](crate::StopOn::Never), no grace; see the methods of [`ScopeRun`].
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cost
///
/// Two allocations per task at most.
///
/// # Cancel safety
///
/// Dropping the future drops the body and every task at once.
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// # async fn fetch(id: &u32) -> Result<u32, std::io::Error> { Ok(*id) }
/// # smol::block_on(async {
/// let ids = vec![1, 2, 3];
/// let sum = regatta_runner::scope(2, async |s| {
///     for id in &ids {
///         s.spawn(*id, fetch(id))?;
///     }
///     let mut sum = 0;
///     while let Some((_id, result)) = s.next().await {
///         sum += result?;
///     }
///     Ok::<_, Box<dyn Error>>(sum)
/// })?
/// .await?;
/// assert_eq!(sum, 6);
/// # Ok::<(), Box<dyn Error>>(())
/// # }).unwrap();
/// ```
pub fn scope<'env, K, T, E, S, B, R, X>(
    limit: usize,
    body: S,
) -> Result<ScopeRun<'env, K, T, E, B, R, X>, ConfigError>
where
    S: FnOnce(Scope<'env, K, T, E>) -> B,
    B: Future<Output = Result<R, X>>,
{
    ScopeRun::new(limit, body)
}

/// As [`scope`](scope()), for tasks that are not `Send`. The future that it returns isn't either.
///
/// # Errors
///
/// [`ConfigError`] if `limit` is zero.
///
/// # Cancel safety
///
/// Dropping the future drops the body and every task at once.
pub fn scope_local<'env, K, T, E, S, B, R, X>(
    limit: usize,
    body: S,
) -> Result<ScopeRun<'env, K, T, E, B, R, X, Local>, ConfigError>
where
    S: FnOnce(Scope<'env, K, T, E, Local>) -> B,
    B: Future<Output = Result<R, X>>,
{
    ScopeRun::new(limit, body)
}

/// Made by [`scope`](scope()) and [`scope_local`]; resolves to what the body returns.
///
/// # Cancel safety
///
/// Dropping it drops the body and every task at once.
#[must_use = "futures do nothing unless polled"]
pub struct ScopeRun<'env, K, T, E, B, R, X, M: Mode<'env, T, E> = Threads> {
    #[expect(clippy::type_complexity, reason = "every parameter is the caller's")]
    driver: RunWith<
        Tasks<K, T, E, M::Task>,
        Option<BoxStrategy<'env>>,
        M::Task,
        Option<BoxToken>,
        Body<K, T, E, M::Task, B>,
        Result<R, X>,
    >,
    watch: Watch,
}

type ScopeEngine<'env, K, T, E, Task> =
    Engine<Tasks<K, T, E, Task>, Option<BoxStrategy<'env>>, Task, Option<BoxToken>>;

impl<'env, K, T, E, B, R, X, M> ScopeRun<'env, K, T, E, B, R, X, M>
where
    B: Future<Output = Result<R, X>>,
    M: Mode<'env, T, E>,
{
    fn new<S>(limit: usize, body: S) -> Result<Self, ConfigError>
    where
        S: FnOnce(Scope<'env, K, T, E, M>) -> B,
    {
        let limit = Limit::count(limit)?;
        let hub = Arc::new(Hub::new(limit));
        let engine = Engine::new(Tasks::new(hub.clone()), None).limit(limit);
        let body = Body { future: Box::pin(body(Scope { hub: hub.clone() })), hub };
        Ok(Self { driver: engine.run_with(body), watch: Watch::default() })
    }
}

impl<'env, K, T, E, B, R, X, M: Mode<'env, T, E>> ScopeRun<'env, K, T, E, B, R, X, M> {
    run_settings!(|this| this.engine().source_mut().course, this.watch);

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.engine().set_clock(clock);
        self
    }

    /// Asks `strategy` before each start. Tasks start in the order of spawning, so one that must wait holds up those
    /// behind it. One that is rejected for good ends as [`Rejected`](regatta_core::TaskError::Rejected). Replaces an
    /// earlier one.
    pub fn strategy<S>(mut self, strategy: S) -> Self
    where
        S: Strategy<Token: Send> + Send + 'env,
    {
        self.engine().set_strategy(Some(BoxStrategy::new(strategy)));
        self
    }

    fn engine(&mut self) -> &mut ScopeEngine<'env, K, T, E, M::Task> {
        self.driver.engine_mut().expect("a future is not used after it has ended")
    }
}

impl<'env, K, T, E, B, R, X, M> Future for ScopeRun<'env, K, T, E, B, R, X, M>
where
    B: Future<Output = Result<R, X>>,
    M: Mode<'env, T, E>,
{
    type Output = Result<R, X>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.watch.poll(cx) {
            self.engine().source_mut().course.cancel();
        }
        Pin::new(&mut self.driver).poll(cx).map(|(output, _)| output)
    }
}

impl<'env, K, T, E, B, R, X, M: Mode<'env, T, E>> Unpin for ScopeRun<'env, K, T, E, B, R, X, M> {}

impl<'env, K, T, E, B, R, X, M: Mode<'env, T, E>> fmt::Debug for ScopeRun<'env, K, T, E, B, R, X, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopeRun").field(&self.driver).finish()
    }
}

/// The body, which tells the driver how it has ended.
struct Body<K, T, E, Task, B> {
    future: Pin<Box<B>>,
    hub: Arc<Hub<K, T, E, Task>>,
}

impl<K, T, E, Task, B, R, X> Future for Body<K, T, E, Task, B>
where
    B: Future<Output = Result<R, X>>,
{
    type Output = Result<R, X>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = std::task::ready!(self.future.as_mut().poll(cx));
        let wake = self.hub.lock().body_ended(result.is_ok());
        wake.now();
        Poll::Ready(result)
    }
}

impl<K, T, E, Task, B> Unpin for Body<K, T, E, Task, B> {}
