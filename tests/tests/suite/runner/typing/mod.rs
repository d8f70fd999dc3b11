//! What compiles: tasks, items, functions and results may borrow inside a spawned task. And what must not.

mod for_each;
mod map;
mod runner;
mod scope;
mod send;
mod ui;

use crate::runner::support::Fault;
use std::thread;

/// Spawns `future` on tokio with several threads, and on smol: it must be `Send`.
fn spawned<F: Future<Output: Send + 'static> + Send + 'static>(future: impl Fn() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(runtime.spawn(future())).unwrap();
    let executor = smol::Executor::new();
    let task = executor.spawn(future());
    thread::scope(|scope| scope.spawn(|| smol::block_on(executor.run(task))).join().unwrap())
}

async fn io(n: usize) -> usize {
    tokio::task::yield_now().await;
    n
}

#[expect(clippy::ptr_arg, reason = "the items are of this type, and the function is used as it stands")]
async fn len(text: &String) -> usize {
    io(text.len()).await
}

async fn try_io(n: usize) -> Result<usize, Fault> {
    Ok(io(n).await)
}

async fn try_len(text: &String) -> Result<usize, Fault> {
    Ok(len(text).await)
}

fn names() -> Vec<String> {
    vec![String::from("ann"), String::from("bob")]
}

/// Something of the user's that is not `Copy`: an HTTP client, a pool of connections.
#[derive(Clone)]
struct Client(String);

impl Client {
    async fn get(&self, n: usize) -> Result<usize, Fault> {
        try_io(self.0.len() + n).await
    }
}
