//! `SimExecutor`: spawns onto a simulation from anywhere.

use crate::tasks::Tasks;
use regatta_core::{BoxFuture, Executor};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// The executor of a [`Sim`](crate::Sim), made by [`Sim::executor`](crate::Sim::executor). Clones spawn onto the same
/// simulation, before a run, during one, from inside tasks and from other threads.
///
/// Spawning never polls; the task is polled by the current or the next [`Sim::run`](crate::Sim::run). Once the `Sim` is
/// dropped, tasks that are spawned are dropped at once, as by any executor that has shut down. A task costs a map entry
/// and a few small allocations.
#[derive(Clone)]
pub struct SimExecutor(pub(crate) Arc<Tasks>);

impl SimExecutor {
    /// Spawns `future` as a task called `name`. Several tasks may share a name; they are counted together then.
    pub fn spawn_named(&self, name: impl Into<Arc<str>>, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(Some(name.into()), Box::pin(future));
    }
}

impl Executor for SimExecutor {
    /// Spawns a task called `task n`, the n-th one spawned.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(None, task);
    }
}

impl fmt::Debug for SimExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimExecutor")
    }
}
