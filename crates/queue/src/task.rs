//! `Task`: a queue of futures, each run once.

use crate::push::Push;
use crate::ticket::Submit;
use crate::{Builder, Ctx, NoRetry, Options, PushError, Queue, QueueEngine, Reader};
use futures_core::future::BoxFuture;
use regatta_core::{ConfigError, Strategy};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// A future as a job. It is run once, so such a queue has no retries; one allocation each.
pub struct Task<'a, R, E>(Mutex<Option<BoxFuture<'a, Result<R, E>>>>);

impl<'a, R, E> Task<'a, R, E> {
    /// This future as a job.
    pub fn new(future: impl Future<Output = Result<R, E>> + Send + 'a) -> Self {
        Self(Mutex::new(Some(Box::pin(future))))
    }

    fn take(&self) -> Option<BoxFuture<'a, Result<R, E>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The future, if it was never started.
    pub fn into_future(self) -> Option<BoxFuture<'a, Result<R, E>>> {
        self.take()
    }
}

/// A queue of futures.
pub type TaskQueue<'a, R, E> = Queue<Task<'a, R, E>, R, E>;

/// The engine of a queue of futures.
pub type TaskEngine<'a, R, E, St, Tok> =
    QueueEngine<Task<'a, R, E>, R, E, RunTask<'a, R, E>, TaskRun<'a, R, E>, St, Tok, NoRetry>;

type RunTask<'a, R, E> = fn(Arc<Task<'a, R, E>>, Ctx<Task<'a, R, E>, R, E>) -> TaskRun<'a, R, E>;

impl<'a, R, E> TaskQueue<'a, R, E> {
    /// A queue of futures of your own, with metadata if you like, each awaitable by a ticket.
    ///
    /// ```
    /// use regatta_queue::{Options, Queue};
    ///
    /// # smol::block_on(async {
    /// let (tasks, _results, mut engine) = Queue::of_tasks().workers(3)?.build_tasks()?;
    /// let (sum, _) = engine
    ///     .run_with(async {
    ///         let one = tasks.submit_task(async { Ok::<_, String>(1) }).await.map_err(|e| e.why)?;
    ///         let two = tasks.submit_task_with(async { Ok(2) }, Options::new().metadata("second"));
    ///         let two = two.await.map_err(|e| e.why)?.await;
    ///         assert_eq!(two.metadata::<&str>(), Some(&"second"));
    ///         Ok::<_, regatta_queue::Refusal>(one.await.result.unwrap() + two.result.unwrap())
    ///     })
    ///     .await;
    /// assert_eq!(sum, Ok(3));
    /// # Ok::<(), regatta_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn of_tasks() -> Builder<Task<'a, R, E>> {
        Builder::new()
    }

    /// Adds a future; as [`push`](Self::push).
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn push_task(
        &self,
        future: impl Future<Output = Result<R, E>> + Send + 'a,
    ) -> Push<'_, Task<'a, R, E>, R, E> {
        self.push(Task::new(future))
    }

    /// Adds a future at once; as [`try_push`](Self::try_push).
    ///
    /// # Errors
    ///
    /// A [`PushError`] with the future.
    pub fn try_push_task(
        &self,
        future: impl Future<Output = Result<R, E>> + Send + 'a,
    ) -> Result<crate::JobId, PushError<Task<'a, R, E>>> {
        self.try_push(Task::new(future))
    }

    /// Adds a future, and gives a ticket for its result; as [`submit`](Self::submit).
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn submit_task(
        &self,
        future: impl Future<Output = Result<R, E>> + Send + 'a,
    ) -> Submit<'_, Task<'a, R, E>, R, E> {
        self.submit(Task::new(future))
    }

    /// The same with [`Options`]: metadata, a priority, a class.
    ///
    /// # Cancel safety
    ///
    /// As [`push`](Self::push).
    pub fn submit_task_with(
        &self,
        future: impl Future<Output = Result<R, E>> + Send + 'a,
        options: Options,
    ) -> Submit<'_, Task<'a, R, E>, R, E> {
        self.submit_with(Task::new(future), options)
    }
}

impl<'a, R, E, St> Builder<Task<'a, R, E>, St, NoRetry> {
    /// A queue of futures: there is nothing more to say of how to run them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the workers were not set.
    #[expect(clippy::type_complexity, reason = "three sides, each with what it needs")]
    pub fn build_tasks<Tok>(
        self,
    ) -> Result<(TaskQueue<'a, R, E>, Reader<Task<'a, R, E>, R, E>, TaskEngine<'a, R, E, St, Tok>), ConfigError>
    where
        St: Strategy<Token = Tok>,
    {
        let run: RunTask<'a, R, E> = |task, _| TaskRun(task.take());
        self.build(run)
    }
}

/// A task on its way.
///
/// # Cancel safety
///
/// Dropping it drops the task.
#[must_use = "futures do nothing unless polled"]
pub struct TaskRun<'a, R, E>(Option<BoxFuture<'a, Result<R, E>>>);

impl<R, E> Future for TaskRun<'_, R, E> {
    type Output = Result<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().expect("a queue of tasks has no retries, so each is taken once").as_mut().poll(cx)
    }
}

impl<R, E> fmt::Debug for Task<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

impl<R, E> fmt::Debug for TaskRun<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskRun")
    }
}
