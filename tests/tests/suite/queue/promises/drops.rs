//! What happens when one of the parts is dropped.

use crate::queue::support::{Gauge, adds_up, jobs, left, millis, numbers, secs, states, takes, why};
use regatta::queue::{JobState, Options, Refusal, Results};
use regatta::{BoxFuture, NotStarted, TaskError};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // What ran has its end; what waited goes on waiting, for the next run.
    async fn a_run_that_is_dropped_goes_on_with_the_next_one(world: World) {
        let gauge = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .build(async |n, _| {
                let _inside = gauge.enter();
                world.sleep(secs(2)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        let delayed = queue.push_with(6, Options::new().delay(secs(5))).await.unwrap();
        {
            let run = engine.run();
            futures::future::select(run, world.sleep(secs(3))).await;
        }
        assert_eq!((gauge.inside(), queue.state(delayed)), (0, Some(JobState::Delayed)));
        assert_eq!(states(&results.drain()), ["ok", "ok", "cancelled", "cancelled"]);
        adds_up(&queue.stats());
        queue.push(7).await.unwrap();
        queue.close();
        let finished = engine.run().await;
        assert_eq!((why(&finished), finished.stats.ok, finished.stats.cancelled), ("completed", 6, 2));
        let mut rest = jobs(&results.drain());
        rest.sort_unstable();
        assert_eq!(rest, [4, 5, 6, 7]);
        adds_up(&finished.stats);
    }

    async fn what_waits_is_taken_out_of_an_engine_that_will_not_run(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(2))).unwrap();
        for n in 0..3 {
            queue.push_with(n, Options::new().key(u64::from(n)).metadata(n * 10)).await.unwrap();
        }
        let ticket = queue.submit(3).await.unwrap();
        futures::future::select(engine.run(), world.sleep(secs(1))).await;
        let rest = engine.into_leftover();
        let rest: Vec<_> = rest.iter().map(|left| (*left.job, left.key.clone(), left.metadata::<u32>().copied())).collect();
        assert_eq!(rest, [(1, Some(1.into()), Some(10)), (2, Some(2.into()), Some(20)), (3, None, None)]);
        assert!(matches!(ticket.await.result, Err(TaskError::NotStarted(NotStarted::Cancelled))));
        assert_eq!(queue.try_push(4).unwrap_err().why, Refusal::Closed);
        assert_eq!((states(&results.drain()), results.next().await.is_none()), (vec!["cancelled"], true));
    }

    // Nobody waits for an engine that is gone.
    async fn an_engine_that_is_dropped_tells_everybody(world: World) {
        let (queue, mut results, engine) = numbers(&world, 1).build(takes(&world, secs(2))).unwrap();
        let ticket = queue.submit(1).await.unwrap();
        let waits = results.next();
        drop(engine);
        assert!(waits.await.is_none());
        assert_eq!(states(&[ticket.await]), ["not started"]);
        assert_eq!(queue.push(2).await.unwrap_err().why, Refusal::Closed);
        assert_eq!(queue.settled().await, Ok(()));
        drop(world);
    }

    async fn a_handle_that_is_dropped_lets_the_run_go_on(world: World) {
        let (queue, mut results, engine) = numbers(&world, 2).build(takes(&world, secs(1))).unwrap();
        drop(engine.spawn_on(world.executor()));
        for n in 0..4 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let mut read = 0;
        while results.next().await.is_some() {
            read += 1;
        }
        assert_eq!((read, queue.stats().ok), (4, 4));
    }

    // A reader that is gone wants nothing more; bounded or not, nobody waits for it.
    async fn results_without_a_reader_are_dropped(world: World) {
        for results in [Results::Collect, Results::Bounded(1), Results::Discard] {
            let (queue, reader, mut engine) =
                numbers(&world, 2).results(results).unwrap().build(takes(&world, secs(1))).unwrap();
            drop(reader);
            for n in 0..6 {
                queue.push(n).await.unwrap();
            }
            queue.close();
            let finished = engine.run().await;
            assert_eq!((finished.stats.ok, finished.stats.unread), (6, 0));
        }
    }

    async fn discarded_results_are_nobodys_but_tickets_are_answered(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 2).results(Results::Discard).unwrap().build(takes(&world, secs(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                queue.push(1).await.unwrap();
                assert_eq!(queue.submit(2).await.unwrap().await.result.unwrap(), 2);
            })
            .await;
        assert_eq!((finished.stats.ok, results.next().await.is_none()), (2, true));
    }

    // A reader that goes while jobs wait for its places lets them start.
    async fn a_reader_that_goes_away_frees_those_who_waited_for_it(world: World) {
        let (queue, reader, engine) =
            numbers(&world, 4).results(Results::Bounded(2)).unwrap().build(takes(&world, secs(1))).unwrap();
        for n in 0..8 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        world.sleep(secs(10)).await;
        assert_eq!(queue.stats().ok, 2);
        drop(reader);
        assert_eq!(handle.await.stats.ok, 8);
        assert_eq!(world.now().since(begun), secs(10 + 2));
    }

    // An executor that drops what it is given, at once or in the middle.
    async fn an_executor_that_takes_no_tasks_is_told(world: World) {
        let (queue, mut results, engine) = numbers(&world, 3).build(takes(&world, secs(1))).unwrap();
        queue.push(1).await.unwrap();
        let finished = engine.spawn_on(|task: BoxFuture<'static, ()>| drop(task)).await;
        assert_eq!((why(&finished), left(&finished)), ("not spawned", vec![1]));
        assert!(results.next().await.is_none());
        drop(world);
    }

    async fn an_executor_that_drops_its_tasks_ends_the_run(world: World) {
        let (queue, mut results, engine) = numbers(&world, 2).build(takes(&world, secs(2))).unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = kept.clone();
        let handle = engine.spawn_on(move |task: BoxFuture<'static, ()>| keep.lock().unwrap().push(task));
        let mut workers = futures::stream::FuturesUnordered::from_iter(kept.lock().unwrap().drain(..));
        futures::future::select(
            Box::pin(async { while futures::StreamExt::next(&mut workers).await.is_some() {} }),
            world.sleep(secs(3)),
        )
        .await;
        drop(workers);
        let finished = handle.await;
        assert_eq!((why(&finished), left(&finished)), ("cancelled", vec![4, 5]));
        assert_eq!(states(&results.drain()), ["ok", "ok", "cancelled", "cancelled"]);
    }

    async fn a_job_is_dropped_with_its_result(world: World) {
        let (queue, mut results, mut engine) = regatta::Queue::<std::sync::Arc<()>>::builder()
            .clock(world.clock())
            .workers(2)
            .unwrap()
            .build(async |job, _| {
                world.sleep(millis(1)).await;
                Ok::<_, ()>(std::sync::Arc::strong_count(&job))
            })
            .unwrap();
        let held = std::sync::Arc::new(());
        for _ in 0..5 {
            queue.push(held.clone()).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, std::sync::Arc::strong_count(&held)), (5, 6));
        drop(results.drain());
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }
}
