//! Manual flow management: the user's own result queue with a bound, and a small input.

use crate::queue::support::{Gauge, millis, numbers, secs, takes, values, why};
use futures::StreamExt;
use regatta::queue::{Refusal, Results};
use regatta_tests::{World, on_every_executor};
use smol::channel;

on_every_executor! {
    // Ten jobs and a result queue of five: five are there, five are read, then the other five are there.
    async fn a_result_queue_of_the_users_own_holds_five_and_then_five_more(world: World) {
        let (sender, receiver) = channel::bounded(5);
        let inner = world.clone();
        let (queue, mut results, engine) = numbers(&world, 10)
            .build(async move |n, _| {
                inner.sleep(millis(10 + u64::from(*n))).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        world.spawn(async move {
            while let Some(done) = results.next().await {
                sender.send(done).await.unwrap();
            }
        });
        for n in 0..10 {
            queue.push(n).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        world.sleep(secs(1)).await;
        assert_eq!((receiver.len(), queue.stats().ok), (5, 10), "a full result queue holds up nobody");
        let mut read = Vec::new();
        for _ in 0..5 {
            read.push(receiver.recv().await.unwrap());
        }
        queue.close();
        let finished = handle.await;
        world.sleep(millis(1)).await;
        assert_eq!((receiver.len(), finished.stats.ok), (5, 10));
        while let Ok(done) = receiver.recv().await {
            read.push(done);
        }
        assert_eq!(values(&read), (0..10).collect::<Vec<_>>());
    }

    // The same with a bound that reaches back to the work: only five jobs start before somebody reads.
    async fn bounded_results_let_five_start_and_then_five_more(world: World) {
        let started = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 10)
            .results(Results::Bounded(5))
            .unwrap()
            .build(async |n, _| {
                started.pass();
                world.sleep(millis(10)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        for n in 0..10 {
            queue.push(n).await.unwrap();
        }
        let (_, finished) = engine
            .run_with(async {
                world.sleep(secs(1)).await;
                assert_eq!((results.len(), started.entered(), queue.stats().running), (5, 5, 0));
                let mut read = Vec::new();
                for _ in 0..5 {
                    read.push(results.next().await.unwrap());
                }
                world.sleep(secs(1)).await;
                assert_eq!((results.len(), started.entered()), (5, 10));
                assert_eq!(values(&read), [0, 1, 2, 3, 4]);
            })
            .await;
        assert_eq!((finished.stats.ok, finished.stats.unread), (10, 5));
        assert_eq!(values(&results.drain()), [5, 6, 7, 8, 9]);
    }

    // Into any sink: a reader is a stream.
    async fn results_are_forwarded_into_a_sink(world: World) {
        let (sink, stream) = futures::channel::mpsc::channel(2);
        let (queue, results, mut engine) =
            numbers(&world, 3).build(async |n, _| Ok::<_, ()>(*n * 2)).unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let forward = results.map(Ok).forward(sink);
        let (finished, forwarded, read) = futures::join!(engine.run(), forward, stream.collect::<Vec<_>>());
        forwarded.unwrap();
        assert_eq!((why(&finished), finished.stats.ok), ("completed", 20));
        assert_eq!(values(&read), (0..20).map(|n| n * 2).collect::<Vec<_>>());
    }

    // Into a closure, as the body of the run.
    async fn results_are_handed_to_a_closure(world: World) {
        let (queue, results, mut engine) =
            numbers(&world, 3).build(async |n, _| Ok::<_, ()>(*n * 2)).unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let mut seen = Vec::new();
        let (_, finished) = engine.run_with(results.for_each(|done| seen.push(done.result.unwrap()))).await;
        assert_eq!(finished.stats.unread, 0);
        assert_eq!(seen, (0..20).map(|n| n * 2).collect::<Vec<_>>());
    }

    // `input_task_queue_size=2`, ten tasks, `result_queue.qsize() == 10`.
    async fn an_input_of_two_takes_ten_jobs_one_after_the_other(world: World) {
        let (queue, results, engine) = numbers(&world, 10).capacity(2).unwrap().build(takes(&world, millis(5))).unwrap();
        let handle = engine.spawn_on(world.executor());
        for n in 0..10 {
            queue.push(n).await.unwrap();
            assert!(queue.stats().pending <= 2);
        }
        queue.close();
        let finished = handle.await;
        assert_eq!((finished.stats.ok, results.len()), (10, 10));
    }

    // In Aqute the first pushes wait for a start that comes after them.
    async fn before_the_start_a_full_input_says_so(world: World) {
        let (queue, results, mut engine) = numbers(&world, 1).capacity(2).unwrap().build(takes(&world, millis(5))).unwrap();
        for n in 0..2 {
            queue.push(n).await.unwrap();
        }
        let refused = queue.push(2).await.unwrap_err();
        assert_eq!((refused.job, refused.why), (2, Refusal::NotRunning));
        assert!(refused.to_string().contains("start it first"), "{refused}");
        assert_eq!(queue.reserve().await.unwrap_err(), Refusal::NotRunning);
        queue.close();
        assert_eq!((engine.run().await.stats.ok, results.len()), (2, 2));
    }
}
