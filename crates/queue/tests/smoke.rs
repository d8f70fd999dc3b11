//! The queue as a user first meets it.

use futures::executor::block_on;
use regatta_core::Backoff;
use regatta_queue::{Options, Queue, Results};
use std::convert::Infallible;
use std::time::Duration;

#[test]
fn jobs_are_pushed_run_and_read() {
    block_on(async {
        let (queue, mut results, mut engine) = Queue::<u32>::builder()
            .workers(3)
            .unwrap()
            .build(async |job, _ctx| Ok::<_, Infallible>(*job * 2))
            .unwrap();
        let (pushed, finished) = engine
            .run_with(async {
                for n in 0..100 {
                    queue.push(n).await?;
                }
                Ok::<_, regatta_queue::PushError<u32>>(100)
            })
            .await;
        assert_eq!(pushed.unwrap(), 100);
        assert_eq!(finished.stats.ok, 100);
        let all: Vec<_> = results.drain().into_iter().map(|done| done.result.unwrap()).collect();
        assert_eq!(all, (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert!(results.next().await.is_none());
    });
}

#[test]
fn retries_tickets_and_handlers_that_push() {
    block_on(async {
        let (queue, results, mut engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .capacity(1)
            .unwrap()
            .retry(Backoff::constant(Duration::from_millis(1)).times(3))
            .results(Results::Bounded(1))
            .unwrap()
            .build(async |job, ctx| {
                if *job < 3 {
                    ctx.push(*job + 1).unwrap();
                }
                if ctx.attempt() < 3 { Err("not yet") } else { Ok(*job) }
            })
            .unwrap();
        drop(results);
        let ((), finished) = engine
            .run_with(async {
                let ticket = queue.submit_with(7, Options::new().key("seven")).await.unwrap();
                let done = ticket.await;
                assert_eq!((done.attempts, done.errors().len(), done.result.unwrap()), (3, 2, 7));
                queue.push(2).await.unwrap();
            })
            .await;
        assert_eq!((finished.stats.retries, finished.leftover.len()), (2 + 2 + 3 * 2, 0));
        assert_eq!(finished.stats.admitted, finished.stats.settled);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_on_an_executor() {
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(4)
        .unwrap()
        .build(async |job, _ctx| {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(*job)
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        tokio::spawn(task);
    });
    for n in 0..10_000 {
        queue.push(n).await.unwrap();
    }
    queue.close();
    let finished = handle.await;
    assert_eq!((finished.stats.ok, finished.stats.settled), (10_000, 10_000), "{finished:?}");
    let mut all: Vec<_> = results.drain().into_iter().map(|done| done.result.unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..10_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn borrowed_jobs_and_captures_inside_a_spawned_task() {
    let handle = tokio::spawn(async {
        let names = vec![String::from("ann"), String::from("bob")];
        let factor = 3;
        let factor = &factor;
        let (queue, mut results, mut engine) = Queue::<&str>::builder()
            .workers(2)
            .unwrap()
            .retry(Backoff::constant(Duration::from_millis(1)).times(1))
            .build(async |job, ctx| {
                tokio::task::yield_now().await;
                if ctx.attempt() == 1 { Err(format!("no {job}")) } else { Ok(job.len() * *factor) }
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                for name in &names {
                    queue.push(name).await.unwrap();
                }
            })
            .await;
        assert_eq!(finished.stats.ok, 2);
        results.drain().len()
    });
    assert_eq!(handle.await.unwrap(), 2);
}
