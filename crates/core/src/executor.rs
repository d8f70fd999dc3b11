//! `Executor`: the one line that joins Regatta to whatever runs the program's futures.

use futures_core::future::BoxFuture;
use std::sync::Arc;

/// Something that runs a boxed future to its end.
///
/// Every closure that takes the future is one:
///
/// ```
/// use regatta_core::Executor;
///
/// fn takes(_: impl Executor + 'static) {}
/// takes(|task| smol::spawn(task).detach());
/// takes(|task| { tokio::spawn(task); });
/// ```
///
/// The closure returns `()` on purpose: `|task| smol::spawn(task)` would drop the handle, which cancels the task at
/// once, and does not compile here.
///
/// A closure that panics (tokio's does outside a runtime) is contained: that task ends as
/// [`NotStarted`](crate::TaskError::NotStarted).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't run tasks",
    label = "not an executor",
    note = "pass a closure that spawns a boxed future: `|task| {{ tokio::spawn(task); }}` or `|task| smol::spawn(task).detach()`"
)]
pub trait Executor: Send + Sync {
    /// Starts `task` and returns without waiting for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl<F> Executor for F
where
    F: Fn(BoxFuture<'static, ()>) + Send + Sync,
{
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self(task);
    }
}

impl<E: Executor + ?Sized> Executor for Arc<E> {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        (**self).spawn(task);
    }
}
