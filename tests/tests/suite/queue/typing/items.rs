//! Queues over items: the function `map`, and `map`, `for_each` and their streams of a builder.

use super::{Client, Fault, io, length, names, number, spawned, sum};
use futures::stream;
use regatta::Backoff;
use regatta::queue::{Builder, Queue, map};
use std::time::Duration;

fn builder<J>() -> Builder<J> {
    Queue::builder().workers(2).unwrap()
}

/// The sum that each way of running these items with this handler comes to: four times the same.
macro_rules! each_way {
    ($items:expr, $handler:expr) => {{
        let mut total = sum(map($items, 2, $handler).unwrap().await);
        total += sum(builder().map($items, $handler).unwrap().await.results);
        total += sum(builder().map_stream(stream::iter($items), $handler).unwrap().await.results);
        let body = async |mut results: regatta::queue::Reader<_, _, _>| {
            let mut total = 0;
            while let Some(done) = results.next().await {
                let value: usize = done.result.unwrap();
                tokio::task::yield_now().await;
                total += value;
            }
            total
        };
        total += builder().for_each($items, $handler, body).unwrap().await.0;
        total += builder().for_each_stream(stream::iter($items), $handler, body).unwrap().await.0;
        total
    }};
}

#[test]
fn owned() {
    let total = spawned(|| async {
        let base = 1;
        each_way!(vec![1, 2], async |job, _ctx| io(*job + base).await) + each_way!([1, 2], number)
    });
    assert_eq!(total, 5 * 5 + 5 * 3);
}

#[test]
fn fn_item_ref() {
    let total = spawned(|| async {
        let names = names();
        each_way!(&names, length)
    });
    assert_eq!(total, 30);
}

#[test]
fn async_closure_ref() {
    let total = spawned(|| async {
        let (names, base, client) = (names(), 1, Client("abc".into()));
        let borrowed = each_way!(&names, async |job, _ctx| io(job.len() + base).await);
        borrowed + each_way!(&names, async |job, _ctx| client.get(job.len()).await)
    });
    assert_eq!(total, 40 + 60);
}

#[test]
fn closure_ref() {
    let total = spawned(|| async {
        let names = names();
        each_way!(&names, |job, _ctx| async move { io(job.len()).await })
    });
    assert_eq!(total, 30);
}

#[test]
fn iter_map() {
    let total = spawned(|| async {
        let (names, cut) = (names(), 1);
        let lengths = each_way!(names.iter().map(|name| name.len() - cut), async |job, _| io(*job).await);
        let pairs = each_way!(names.iter().filter(|name| name.len() > cut).enumerate(), async |job, _| io(
            job.0 + job.1.len()
        )
        .await);
        lengths + pairs
    });
    assert_eq!(total, 5 * 4 + 5 * 7);
}

#[test]
fn owned_capture() {
    let total = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        let cloned = client.clone();
        let moved = map(&names, 2, async move |job, _ctx| cloned.get(job.len()).await).unwrap().await;
        sum(moved) + client.0.len()
    });
    assert_eq!(total, 15);
}

#[test]
fn result_ref() {
    let text = spawned(|| async {
        let names = names();
        let keep = async |job, _ctx| {
            let job: std::sync::Arc<&String> = job;
            io(1).await?;
            Ok::<_, Fault>(job.as_str())
        };
        let done = map(&names, 2, keep).unwrap().await;
        let mut text: String = done.into_iter().map(|done| done.result.unwrap()).collect();
        let done = builder().map(&names, async |job, _ctx| io(job.len()).await.map(|_| *job)).unwrap().await;
        text.extend(done.results.into_iter().map(|done| done.result.unwrap().as_str()));
        text
    });
    assert_eq!(text, "annbobannbob");
}

/// What the body writes to is borrowed mutably, and can be used afterwards; what it reads borrows from the items.
#[test]
fn a_body_that_borrows() {
    let text = spawned(|| async {
        let (names, client, mut seen) = (names(), Client("abc".into()), Vec::new());
        let each = builder()
            .retry(Backoff::constant(Duration::from_millis(1)).times(1))
            .for_each(
                &names,
                async |job, ctx| {
                    if ctx.attempt() == 1 {
                        return Err(Fault);
                    }
                    client.get(job.len()).await.map(|_| *job)
                },
                async |mut results| {
                    while let Some(done) = results.next().await {
                        tokio::task::yield_now().await;
                        seen.push(done.result.unwrap().as_str());
                    }
                },
            )
            .unwrap();
        let ((), finished) = each.await;
        assert_eq!((finished.stats.ok, finished.stats.retries), (2, 2));
        seen.sort_unstable();
        seen.concat()
    });
    assert_eq!(text, "annbob");
}

#[test]
fn nested() {
    let total = spawned(|| async {
        let (names, client) = (names(), Client("abc".into()));
        let outer = map(&names, 2, async |name, _ctx| {
            let inner =
                map(name.chars(), 2, async |letter, _ctx| client.get(name.find(*letter).unwrap_or(9)).await);
            let each = regatta::map(name.chars(), 2, async |_| client.get(0).await).unwrap().await;
            let each: usize = each.into_iter().map(Result::unwrap).sum();
            Ok::<_, Fault>(sum(inner.unwrap().await) + each)
        });
        sum(outer.unwrap().await)
    });
    assert_eq!(total, 3 * 3 + 2 + 3 * 3 + 1 + 18);
}
