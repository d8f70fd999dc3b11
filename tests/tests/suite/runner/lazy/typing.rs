//! The borrowing shapes inside a spawned task, for each face over an iterator, with and without a strategy.

use crate::runner::support::Fault;
use futures::StreamExt;
use regatta::strategies::{Concurrency, Spacing};
use regatta::{for_each, for_each_ok, for_each_sync, map, race, stream, try_map};
use std::thread;
use std::time::Duration;

/// Spawns `future` on tokio with several threads, and on smol: it must be `Send`.
fn spawned<F: Future<Output: Send + 'static> + Send + 'static>(future: impl Fn() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(runtime.spawn(future())).unwrap();
    let executor = smol::Executor::new();
    let task = executor.spawn(future());
    thread::scope(|scope| scope.spawn(|| smol::block_on(executor.run(task))).join().unwrap())
}

async fn try_io(n: usize) -> Result<usize, Fault> {
    tokio::task::yield_now().await;
    Ok(n)
}

#[expect(clippy::ptr_arg, reason = "the items are of this type, and the function is used as it stands")]
async fn try_len(text: &String) -> Result<usize, Fault> {
    try_io(text.len()).await
}

fn names() -> Vec<String> {
    vec![String::from("ann"), String::from("bob")]
}

/// Something of the user's that is not `Copy`.
#[derive(Clone)]
struct Client(String);

impl Client {
    async fn get(&self, n: usize) -> Result<usize, Fault> {
        try_io(self.0.len() + n).await
    }
}

/// Seven shapes and one more, each run by the macro `$run!(items, task)`, which tells how many results there were.
macro_rules! shapes {
    ($name:ident, $run:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn owned() {
                let count = spawned(|| async {
                    let base = 1;
                    $run!(vec![1, 2], async |n| try_io(n + base).await)
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn fn_item_ref() {
                let count = spawned(|| async {
                    let names = names();
                    $run!(&names, try_len)
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn async_closure_ref() {
                let count = spawned(|| async {
                    let (names, base) = (names(), 1);
                    $run!(&names, async |name| try_io(name.len() + base).await)
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn closure_ref() {
                let count = spawned(|| async {
                    let names = names();
                    $run!(&names, |name| async move { try_io(name.len()).await })
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn result_ref() {
                let count = spawned(|| async {
                    let names = names();
                    $run!(&names, |name| async move {
                        try_io(name.len()).await?;
                        Ok::<_, Fault>(name)
                    })
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn iter_map() {
                let count = spawned(|| async {
                    let names = names();
                    $run!(names.iter().map(|name| name.len()), try_io)
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn iter_map_ref() {
                let count = spawned(|| async {
                    let names = names();
                    $run!(names.iter().filter(|name| !name.is_empty()).enumerate(), |(_, name)| try_len(name))
                });
                assert_eq!(count, 2);
            }

            #[test]
            fn owned_capture() {
                let count = spawned(|| async {
                    let (names, client) = (names(), Client("abc".into()));
                    $run!(&names, async move |name| client.get(name.len()).await)
                });
                assert_eq!(count, 2);
            }
        }
    };
}

macro_rules! run_try_map {
    ($items:expr, $task:expr) => {
        try_map($items, 8, $task).unwrap().await.unwrap().len()
    };
}

macro_rules! run_race {
    ($items:expr, $task:expr) => {
        race($items, 8, $task).unwrap().await.map(|_| 2).unwrap()
    };
}

macro_rules! run_stream {
    ($items:expr, $task:expr) => {{
        let mut done = stream($items, 8, $task).unwrap();
        let mut seen = Vec::new();
        while let Some(result) = done.next().await {
            tokio::task::yield_now().await;
            seen.push(result.unwrap());
        }
        seen.len()
    }};
}

macro_rules! run_for_each_sync {
    ($items:expr, $task:expr) => {{
        let mut seen = Vec::new();
        for_each_sync($items, 8, $task, |result| seen.push(result.unwrap())).unwrap().await;
        seen.len()
    }};
}

macro_rules! run_results {
    ($items:expr, $task:expr) => {{
        let mut seen = Vec::new();
        let each = for_each($items, 8, $task, async |done| {
            let mut done = done.map(|result| result.unwrap());
            while let Some(value) = done.next().await {
                tokio::task::yield_now().await;
                seen.push(value);
            }
        });
        each.unwrap().await;
        seen.len()
    }};
}

macro_rules! run_strategy {
    ($items:expr, $task:expr) => {{
        let strategy = (Concurrency::new(2).unwrap(), Spacing::new(Duration::from_nanos(1)).unwrap());
        let duration = Duration::from_secs(60);
        map($items, 8, $task).unwrap().strategy(strategy).timeout(duration).await.len()
    }};
}

macro_rules! run_strategy_in_stream {
    ($items:expr, $task:expr) => {{
        let mut done = stream($items, 8, $task).unwrap().strategy(Concurrency::new(2).unwrap());
        let mut seen = 0;
        while let Some(result) = done.next().await {
            result.unwrap();
            seen += 1;
        }
        seen
    }};
}

macro_rules! run_strategy_in_for_each {
    ($items:expr, $task:expr) => {{
        let each = for_each($items, 8, $task, async |done| done.count().await);
        each.unwrap().strategy(Concurrency::new(2).unwrap()).await
    }};
}

shapes!(in_try_map, run_try_map);
shapes!(in_race, run_race);
shapes!(in_stream, run_stream);
shapes!(in_for_each_sync, run_for_each_sync);
shapes!(in_results_as_a_stream, run_results);
shapes!(with_a_strategy, run_strategy);
shapes!(with_a_strategy_in_stream, run_strategy_in_stream);
shapes!(with_a_strategy_in_for_each, run_strategy_in_for_each);

#[test]
fn plain_outputs_in_for_each() {
    let count = spawned(|| async {
        let (names, mut seen) = (names(), vec![]);
        let each = for_each_ok(
            &names,
            8,
            async |name: &String| name.as_str(),
            async |mut done| {
                while let Some(result) = done.next().await {
                    tokio::task::yield_now().await;
                    seen.push(result.unwrap());
                }
            },
        );
        each.unwrap().await;
        seen.len()
    });
    assert_eq!(count, 2);
}

#[test]
fn one_inside_the_other() {
    let total = spawned(|| async {
        let names = names();
        let outer = try_map(&names, 2, async |name: &String| {
            let letters = stream(name.chars(), 2, async |_| try_io(name.len()).await).unwrap();
            let sum = letters.fold(0, async |sum, n| sum + n.unwrap()).await;
            race([sum, sum], 2, try_io).unwrap().await.map_err(|_| "nobody")
        });
        outer.unwrap().await.unwrap().into_iter().sum::<usize>()
    });
    assert_eq!(total, 18);
}
