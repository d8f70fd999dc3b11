//! Where workers run: two executors, each on one thread and on two.

use smol::Executor;
use std::future::{Future, pending};
use std::sync::{LazyLock, Once};
use std::thread;
use tokio::runtime::{Builder, Runtime};

/// An executor with its threads.
pub(super) trait World: 'static {
    /// Runs the caller and all that it spawns, until the caller is done.
    fn block_on<F>(runtime: &Runtime, caller: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static;

    /// Starts something beside the caller.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);
}

/// tokio on the caller's thread.
pub(super) struct Tokio;

impl World for Tokio {
    fn block_on<F>(runtime: &Runtime, caller: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        runtime.block_on(caller)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

/// tokio on two threads. The caller is a task on one of them; the thread that waits for it sleeps.
pub(super) struct TokioTwo;

static TOKIO_TWO: LazyLock<Runtime> = LazyLock::new(|| {
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    two.expect("a runtime needs threads and an event queue of the system")
});

impl World for TokioTwo {
    fn block_on<F>(_: &Runtime, caller: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        TOKIO_TWO.block_on(TOKIO_TWO.spawn(caller)).expect("no caller panics")
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        TOKIO_TWO.spawn(task);
    }
}

/// smol on the caller's thread.
pub(super) struct Smol;

static SMOL: Executor<'static> = Executor::new();

impl World for Smol {
    fn block_on<F>(_: &Runtime, caller: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        smol::block_on(SMOL.run(caller))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        SMOL.spawn(task).detach();
    }
}

/// smol on two threads, as its own global executor runs them. The caller is a task there too.
pub(super) struct SmolTwo;

static SMOL_TWO: Executor<'static> = Executor::new();
static THREADS: Once = Once::new();

impl World for SmolTwo {
    fn block_on<F>(_: &Runtime, caller: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        THREADS.call_once(|| {
            for _ in 0..2 {
                thread::spawn(|| smol::block_on(SMOL_TWO.run(pending::<()>())));
            }
        });
        // Waits without turning the reactor, which would be a third thread.
        smol::future::block_on(SMOL_TWO.spawn(caller))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        SMOL_TWO.spawn(task).detach();
    }
}
