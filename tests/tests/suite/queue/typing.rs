//! What compiles: jobs, items, handlers, bodies and results may borrow inside a spawned task.

mod built;
mod items;
mod local;
mod send;
mod tasks;

use regatta::queue::{Ctx, Done};
use std::fmt;
use std::sync::Arc;
use std::thread;

/// Spawns `future` on tokio with several threads, and on smol: it must be `Send`.
fn spawned<F: Future<Output: Send + 'static> + Send + 'static>(future: impl Fn() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(runtime.spawn(future())).unwrap();
    let executor = smol::Executor::new();
    let task = executor.spawn(future());
    thread::scope(|scope| scope.spawn(|| smol::block_on(executor.run(task))).join().unwrap())
}

/// An error of the user's.
#[derive(Debug)]
struct Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fault")
    }
}

async fn io(n: usize) -> Result<usize, Fault> {
    tokio::task::yield_now().await;
    Ok(n)
}

/// A handler as a function, of owned jobs.
async fn number(job: Arc<usize>, _: Ctx<usize, usize, Fault>) -> Result<usize, Fault> {
    io(*job).await
}

/// A handler as a function, of borrowed jobs.
#[expect(clippy::redundant_allocation, reason = "a borrowed job is handed out as every job is")]
async fn length<'a>(job: Arc<&'a String>, _: Ctx<&'a String, usize, Fault>) -> Result<usize, Fault> {
    io(job.len()).await
}

fn names() -> Vec<String> {
    vec![String::from("ann"), String::from("bob")]
}

/// The sum of what succeeded.
fn sum<J>(done: impl IntoIterator<Item = Done<J, usize, Fault>>) -> usize {
    done.into_iter().map(|done| done.result.unwrap()).sum()
}

/// Something of the user's that is not `Copy`: an HTTP client, a pool of connections.
#[derive(Clone)]
struct Client(String);

impl Client {
    async fn get(&self, n: usize) -> Result<usize, Fault> {
        io(self.0.len() + n).await
    }
}
