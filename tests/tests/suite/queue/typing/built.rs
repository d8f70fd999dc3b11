//! A queue that is built and run in place, with a body or without.

use super::{Client, Fault, io, length, names, number, spawned, sum};
use regatta::queue::{Options, Queue, Refusal, Results};
use regatta::strategies::{Concurrency, Gate};
use regatta::{Backoff, queue};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Pushes each job in a body, and adds up what comes of it.
macro_rules! run {
    ($J:ty, $jobs:expr, $handler:expr) => {{
        let (queue, mut results, mut engine) =
            Queue::<$J>::builder().workers(2).unwrap().capacity(1).unwrap().build($handler).unwrap();
        let (pushed, finished) = engine
            .run_with(async {
                for job in $jobs {
                    queue.push(job).await?;
                }
                Ok::<_, Refusal>(())
            })
            .await;
        pushed.unwrap();
        assert_eq!(finished.stats.ok, 2);
        results.drain()
    }};
}

#[test]
fn owned() {
    let total = spawned(|| async {
        let base = 1;
        sum(run!(usize, [1, 2], async |job, _ctx| io(*job + base).await)) + sum(run!(usize, [1, 2], number))
    });
    assert_eq!(total, 8);
}

#[test]
fn fn_item_ref() {
    let total = spawned(|| async {
        let names = names();
        sum(run!(&String, &names, length))
    });
    assert_eq!(total, 6);
}

#[test]
fn async_closure_ref() {
    let total = spawned(|| async {
        let (names, base, client) = (names(), 1, Client("abc".into()));
        let borrowed = sum(run!(&str, &names, async |job, _ctx| io(job.len() + base).await));
        borrowed + sum(run!(&String, &names, async |job, _ctx| client.get(job.len()).await))
    });
    assert_eq!(total, 20);
}

#[test]
fn closure_ref() {
    let total = spawned(|| async {
        let names = names();
        let client = &Client("abc".into());
        sum(run!(&String, &names, |job, _ctx| async move { client.get(job.len()).await }))
    });
    assert_eq!(total, 12);
}

#[test]
fn result_ref() {
    let text = spawned(|| async {
        let names = names();
        let done = run!(&String, &names, async |job, ctx| {
            io(ctx.attempt() as usize).await?;
            Ok::<_, Fault>(job.as_str())
        });
        done.into_iter().map(|done| done.result.unwrap()).collect::<String>()
    });
    assert_eq!(text, "annbob");
}

/// What the results borrow is in the captures, not in the jobs.
#[test]
fn result_of_a_capture() {
    let text = spawned(|| async {
        let table: HashMap<usize, String> = names().into_iter().enumerate().collect();
        let done = run!(usize, [0, 1], async |job, _ctx| {
            io(*job).await?;
            table.get(&*job).map(String::as_str).ok_or(Fault)
        });
        done.into_iter().map(|done| done.result.unwrap()).collect::<String>()
    });
    assert_eq!(text, "annbob");
}

#[test]
fn iter_map() {
    let total = spawned(|| async {
        let names = names();
        let borrowed = run!(&str, names.iter().map(String::as_str), async |job, _| io(job.len()).await);
        let filtered = names.iter().filter(|name| !name.is_empty()).enumerate();
        let pairs = run!((usize, &String), filtered, async |job, _| io(job.0 + job.1.len()).await);
        sum(borrowed) + sum(pairs)
    });
    assert_eq!(total, 13);
}

#[test]
fn owned_capture() {
    let total = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        let cloned = client.clone();
        sum(run!(&String, &names, async move |job, _ctx| cloned.get(job.len()).await)) + client.0.len()
    });
    assert_eq!(total, 15);
}

#[test]
fn shared_and_borrowed() {
    let total = spawned(|| async {
        let (names, total) = (names(), Mutex::new(0));
        drop(run!(&String, &names, async |job, _ctx| {
            *total.lock().unwrap() += io(job.len()).await?;
            Ok::<_, Fault>(())
        }));
        total.into_inner().unwrap()
    });
    assert_eq!(total, 6);
}

#[test]
fn settings_change_nothing() {
    let total = spawned(|| async {
        let (names, client, minute) = (names(), Client("abc".into()), Duration::from_secs(60));
        let token = regatta::CancelToken::new();
        let (queue, mut results, mut engine) = Queue::<&String>::builder()
            .workers(2)
            .and_then(|builder| builder.capacity(2))
            .and_then(|builder| builder.max_failures(5))
            .and_then(|builder| builder.class_limit(2))
            .and_then(|builder| builder.results(Results::Bounded(4)))
            .unwrap()
            .retry(Backoff::constant(Duration::from_millis(1)).times(1))
            .strategy((Concurrency::new(2).unwrap(), Gate::new()))
            .attempt_timeout(minute)
            .task_timeout(minute)
            .timeout(minute)
            .idle_timeout(minute)
            .grace(minute)
            .cancel_on(&token)
            .build(async |job, ctx| if ctx.attempt() == 1 { Err(Fault) } else { client.get(job.len()).await })
            .unwrap();
        for name in &names {
            let _ = queue.try_push_with(name, Options::new().key(name).metadata(7)).unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.retries, 2);
        sum(results.drain())
    });
    assert_eq!(total, 12);
}

/// The body reads, submits, reserves, and borrows all that it uses.
#[test]
fn a_body_of_every_kind() {
    let total = spawned(|| async {
        let (names, client, mut seen) = (names(), Client("abc".into()), Vec::new());
        let (queue, mut results, mut engine) = Queue::<&String>::builder()
            .workers(2)
            .unwrap()
            .build(async |job, _ctx| client.get(job.len()).await)
            .unwrap();
        let (total, _finished) = engine
            .run_with(async {
                let place = queue.reserve().await?;
                place.push(&names[0])?;
                let ticket = queue.submit(&names[1]).await?;
                let mut total = ticket.await.result.unwrap();
                if let Some(done) = results.next().await {
                    seen.push(*done.job);
                    total += done.result.unwrap();
                }
                queue.settled().await?;
                Ok::<_, Refusal>(total)
            })
            .await;
        assert_eq!(seen, ["ann"]);
        total.unwrap()
    });
    assert_eq!(total, 12);
}

/// Each job of a queue is a queue of its own.
#[test]
fn nested() {
    let total = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        sum(run!(&String, &names, async |job, _ctx| {
            let (queue, mut letters, mut engine) = Queue::<char>::builder()
                .workers(2)
                .unwrap()
                .build(async |letter, _ctx| client.get(job.find(*letter).unwrap_or(9)).await)
                .unwrap();
            let push = async {
                for letter in job.chars() {
                    queue.push(letter).await?;
                }
                Ok::<_, Refusal>(())
            };
            engine.run_with(push).await.0.unwrap();
            let mapped = queue::map(job.chars(), 2, async |_, _| client.get(0).await).unwrap().await;
            Ok::<_, Fault>(sum(letters.drain()) + sum(mapped))
        }))
    });
    assert_eq!(total, 36 + 3);
}

/// One that owns all it has goes to an executor too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_runs_own_what_they_have() {
    let client = Client("abc".into());
    let (queue, mut results, engine) = Queue::<String>::builder()
        .workers(2)
        .unwrap()
        .build(async move |job, ctx| {
            let (client, text) = (client.clone(), job.len() + ctx.attempt() as usize);
            client.get(text).await
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        tokio::spawn(task);
    });
    let pushing = queue.clone();
    let producer = tokio::spawn(async move {
        for name in names() {
            pushing.push(name).await?;
        }
        pushing.submit(String::new()).await?.await.result.map_err(|_| Refusal::Stopped)
    });
    assert_eq!(producer.await.unwrap(), Ok(4));
    queue.close();
    assert_eq!(handle.await.stats.ok, 3);
    let reader = tokio::spawn(async move { results.drain() });
    assert_eq!(sum(reader.await.unwrap()), 14);
}
