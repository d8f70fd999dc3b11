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

#[test]
fn items_are_mapped_in_order() {
    block_on(async {
        let done = regatta_queue::map(1..=300, 2, async |n, _ctx| Ok::<_, String>(*n * 2)).unwrap().await;
        let doubled: Vec<i32> = done.into_iter().filter_map(|done| done.result.ok()).collect();
        assert_eq!(doubled, (1..=300).map(|n| n * 2).collect::<Vec<_>>());
    });
}

#[test]
fn a_body_reads_results_as_they_come() {
    block_on(async {
        let (sum, finished) = Queue::<u32>::builder()
            .workers(4)
            .unwrap()
            .for_each(
                1..=1000,
                async |n, _ctx| Ok::<_, String>(*n),
                async |mut results| {
                    let mut sum = 0;
                    while let Some(done) = results.next().await {
                        sum += done.result.unwrap_or(0);
                    }
                    sum
                },
            )
            .unwrap()
            .await;
        assert_eq!((sum, finished.stats.ok), (500_500, 1000));
    });
}

#[test]
fn a_job_that_blocks_its_thread_does_not_hold_up_the_end() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Arc::new(std::sync::Mutex::new(blocked));
    let (started, has_started) = std::sync::mpsc::channel();
    block_on(async {
        let (queue, mut results, engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .build(async move |job, _ctx| {
                started.send(()).unwrap();
                let _ = blocked.lock().unwrap().recv();
                Ok::<_, Infallible>(*job)
            })
            .unwrap();
        let handle = engine.spawn_on(|task| {
            std::thread::spawn(move || block_on(task));
        });
        queue.push(1).await.unwrap();
        queue.push(2).await.unwrap();
        has_started.recv().unwrap();
        handle.abort();
        let finished = handle.await;
        assert_eq!((finished.stats.stopping, finished.leftover.len()), (1, 1), "{finished:?}");
        assert_eq!(results.drain().len(), 1);
        assert!(results.next().await.is_none());
        release.send(()).unwrap();
        while queue.stats().stopping > 0 {
            std::thread::yield_now();
        }
        assert_eq!(queue.stats().settled, 2);
    });
}
