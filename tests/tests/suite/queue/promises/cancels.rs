//! One job is cancelled by its id, wherever it is.

use crate::queue::support::{Diary, Gauge, adds_up, later, millis, numbers, secs, states, takes};
use regatta::Backoff;
use regatta::queue::{JobState, Options};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn a_job_that_waits_ends_at_once(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let pending = queue.push(1).await.unwrap();
        let delayed = queue.push_with(2, Options::new().delay(secs(9))).await.unwrap();
        let stays = queue.push(3).await.unwrap();
        assert_eq!(queue.state(pending), Some(JobState::Pending));
        assert_eq!(queue.state(delayed), Some(JobState::Delayed));
        assert!(queue.cancel(pending) && queue.cancel(delayed));
        assert!(!queue.cancel(pending), "it has its end");
        assert_eq!((queue.state(pending), queue.state(delayed)), (None, None));
        assert_eq!(states(&results.drain()), ["not started", "not started"]);
        let begun = world.now();
        queue.close();
        let finished = engine.run().await;
        adds_up(&finished.stats);
        assert_eq!((finished.stats.ok, finished.stats.not_started), (1, 2));
        assert_eq!(world.now().since(begun), secs(1), "nothing waits for what was cancelled");
        assert!(!queue.cancel(stays) && results.drain()[0].is_ok());
    }

    async fn a_job_that_runs_is_dropped(world: World) {
        let gauge = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .build(async |n, _| {
                let _inside = gauge.enter();
                world.sleep(secs(10)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let begun = world.now();
        let (_, finished) = engine
            .run_with(async {
                let first = queue.push(1).await.unwrap();
                let ticket = queue.submit(2).await.unwrap();
                world.sleep(secs(1)).await;
                assert_eq!((queue.state(first), gauge.inside()), (Some(JobState::Running), 2));
                assert!(queue.cancel(ticket.id()) && queue.cancel(first));
                assert_eq!(states(&[ticket.await]), ["cancelled"]);
            })
            .await;
        assert_eq!((world.now().since(begun), gauge.inside()), (secs(1), 0));
        assert_eq!((states(&results.drain()), finished.stats.cancelled), (vec!["cancelled"], 2));
    }

    async fn a_job_that_runs_on_an_executor_is_dropped(world: World) {
        let (gauge, inner) = (Gauge::default(), world.clone());
        let own = gauge.clone();
        let (queue, _results, engine) = numbers(&world, 2)
            .build(async move |n, _| {
                let _inside = own.enter();
                inner.sleep(secs(10)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        let (gone, stays) = (queue.submit(1).await.unwrap(), queue.submit(2).await.unwrap());
        world.sleep(secs(1)).await;
        assert_eq!(gauge.inside(), 2);
        assert!(queue.cancel(gone.id()));
        let done = gone.await;
        assert_eq!((done.attempts, done.ran_for(), world.now().since(begun)), (1, secs(1), secs(1)));
        assert!(stays.await.is_ok());
        queue.close();
        let stats = handle.await.stats;
        assert_eq!((stats.ok, stats.cancelled), (1, 1));
    }

    async fn a_job_that_waits_for_another_attempt_ends_as_cancelled(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .retry(Backoff::constant(secs(100)).times(5))
            .build(async |_, _| Err::<(), _>("no"))
            .unwrap();
        let begun = world.now();
        let (_, finished) = engine
            .run_with(async {
                let id = queue.push(1).await.unwrap();
                world.sleep(secs(1)).await;
                assert_eq!(queue.state(id), Some(JobState::Delayed));
                assert!(queue.cancel(id));
            })
            .await;
        assert_eq!(world.now().since(begun), secs(1));
        assert_eq!((states(&results.drain()), finished.stats.cancelled), (vec!["cancelled"], 1));
    }

    // With a grace it is asked first, and what it still returns counts.
    async fn a_job_is_told_before_it_is_dropped(world: World) {
        let diary = Diary::new(&world);
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .grace(secs(5))
            .build(async |n, ctx| {
                ctx.cancelled().await;
                diary.note(*n);
                assert!(ctx.is_cancelled());
                world.sleep(secs(if *n == 1 { 2 } else { 60 })).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        let (_, finished) = engine
            .run_with(async {
                let (tidy, slow) = (queue.push(1).await.unwrap(), queue.push(2).await.unwrap());
                world.sleep(secs(1)).await;
                assert!(queue.cancel(tidy) && queue.cancel(slow));
                assert!(queue.cancel(tidy), "it is on its way, still without its end");
            })
            .await;
        assert_eq!(diary.when(), [1_000, 1_000]);
        let mut all = results.drain();
        all.sort_by_key(|done| done.id);
        assert_eq!((all[0].ended().since(all[0].queued()), all[1].ran_for()), (secs(3), secs(6)));
        assert_eq!(states(&all)[1], "cancelled");
        adds_up(&finished.stats);
    }

    // A cancelled job is not tried again, whatever the rule says.
    async fn a_cancelled_job_is_not_retried(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .grace(secs(5))
            .retry(Backoff::constant(secs(1)).forever())
            .build(async |_, ctx| {
                ctx.cancelled().await;
                Err::<(), _>("stopped half-way")
            })
            .unwrap();
        let id = queue.push(1).await.unwrap();
        later(&world, secs(1), {
            let queue = queue.clone();
            move || assert!(queue.cancel(id))
        });
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.retries, results.drain()[0].attempts), (0, 1));
    }

    // From its own handler, or from that of another.
    async fn a_handler_cancels_jobs_too(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .build(async |n, ctx| {
                if *n == 1 {
                    world.sleep(secs(1)).await;
                    for key in ["two", "three", "one"] {
                        let id = ctx.queue().find(key).unwrap();
                        assert!(ctx.queue().cancel(id));
                    }
                }
                world.sleep(secs(60)).await;
                Ok::<_, ()>(*n)
            })
            .unwrap();
        for (n, key) in [(1, "one"), (2, "two"), (3, "three")] {
            queue.push_with(n, Options::new().key(key)).await.unwrap();
        }
        queue.close();
        let begun = world.now();
        let finished = engine.run().await;
        assert_eq!(world.now().since(begun), secs(1));
        assert_eq!((finished.stats.cancelled, finished.stats.not_started), (2, 1));
        assert_eq!(results.drain().len(), 3);
    }

    // Ids are never used again, although their places are.
    async fn an_old_id_means_nothing_to_a_new_job(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 1).build(takes(&world, millis(1))).unwrap();
        let (_, finished) = engine
            .run_with(async {
                let mut old = Vec::new();
                for n in 0..10 {
                    let ticket = queue.submit(n).await.unwrap();
                    assert!(old.iter().all(|id| *id != ticket.id() && !queue.cancel(*id)));
                    assert!(old.iter().all(|id| !queue.raise(*id, 9) && queue.state(*id).is_none()));
                    old.push(ticket.id());
                    assert!(ticket.await.is_ok());
                }
            })
            .await;
        assert_eq!(finished.stats.ok, 10);
    }
}
