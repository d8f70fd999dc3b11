//! On real threads and real executors: nothing is lost between a wake, a poll and a drop.

use crate::Batcher;
use crate::batcher::{Failure, Repeat};
use futures::future::{self, Either, join_all};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Ends when it was polled so many times.
async fn yields(times: usize) {
    for _ in 0..times {
        smol::future::yield_now().await;
    }
}

#[test]
fn two_threads_hand_in_and_each_gets_its_own() {
    const CALLS: u64 = 5_000;
    let seen = Arc::new(Mutex::new(BTreeMap::<u64, usize>::new()));
    let (log, running) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    let batcher = Batcher::new(async move |items: Vec<u64>| {
        assert!(running.fetch_add(1, Ordering::SeqCst) < 2, "more than two at once");
        assert!(items.len() <= 16);
        yields(items.len() % 3).await;
        for item in &items {
            *log.lock().unwrap().entry(*item).or_default() += 1;
        }
        running.fetch_sub(1, Ordering::SeqCst);
        Ok::<_, ()>(items.into_iter().map(|item| item * 2).collect())
    });
    let batcher = batcher.size(16).unwrap().in_flight(2).unwrap().linger(Duration::from_micros(50));
    thread::scope(|threads| {
        for half in 0..2 {
            let batcher = batcher.clone();
            threads.spawn(move || {
                smol::block_on(async {
                    // Many at once, then one by one.
                    let items = (0..CALLS).map(|item| item * 2 + half);
                    let (many, few) = items.partition::<Vec<_>, _>(|item| item % 50 > 1);
                    let results = join_all(many.iter().map(|item| batcher.call(*item))).await;
                    for (item, result) in many.iter().zip(results) {
                        assert_eq!(result.unwrap(), item * 2);
                    }
                    for item in few {
                        assert_eq!(batcher.call(item).await.unwrap(), item * 2);
                    }
                });
            });
        }
    });
    let seen = seen.lock().unwrap();
    assert_eq!((seen.len() as u64, seen.values().max()), (CALLS * 2, Some(&1)));
}

#[test]
fn callers_on_threads_may_go_at_any_time() {
    for round in 0..40 {
        let batcher = Batcher::new(async move |items: Vec<u64>| {
            yields(round % 4).await;
            if items.iter().any(|item| item % 7 == 0) { Err("refused") } else { Ok(items) }
        });
        let repeat = Repeat::unambiguous(|error| *error == "refused");
        let batcher = batcher.size(4).unwrap().on_failure(Failure::Bisect(repeat));
        let batcher = batcher.linger(Duration::from_micros(20));
        thread::scope(|threads| {
            for half in 0..2 {
                let batcher = batcher.clone();
                threads.spawn(move || {
                    smol::block_on(join_all((0..60u64).map(async |item| {
                        let item = item * 2 + half;
                        // Every third is given up after a while.
                        let patience = yields(if item % 3 == 0 { item as usize % 11 } else { usize::MAX });
                        let call = batcher.call(item);
                        match future::select(call, Box::pin(patience)).await {
                            Either::Left((result, _)) => {
                                assert_eq!(result.ok(), (item % 7 != 0).then_some(item));
                            }
                            Either::Right(_) => {}
                        }
                    })));
                });
            }
        });
        smol::block_on(batcher.flush());
        assert!(batcher.is_empty());
    }
}

#[test]
fn callers_are_spawned_on_a_runtime_of_many_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let batcher = Batcher::per_item(async |items: Vec<u64>| {
        tokio::task::yield_now().await;
        items.into_iter().map(|item| if item % 10 == 0 { Err(item) } else { Ok(item) }).collect()
    });
    let batcher = batcher.size(10).unwrap().in_flight(3).unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..2_000u64)
            .map(|item| {
                let batcher = batcher.clone();
                tokio::spawn(async move {
                    // By reference, across an await, in a spawned task.
                    let batcher = &batcher;
                    batcher.call(item).await.map_err(|error| error.failure().copied())
                })
            })
            .collect();
        for (item, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), if item % 10 == 0 { Err(Some(item)) } else { Ok(item) });
        }
    });
}
