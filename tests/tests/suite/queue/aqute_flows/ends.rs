//! Caveats and the rest: start timeout, waiting before the start, reuse, priority, failure limit.

use crate::queue::support::{Diary, adds_up, jobs, left, millis, numbers, secs, takes, values, why};
use regatta::NotStarted;
use regatta::queue::{Options, Refusal};
use regatta::strategies::Priority;
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // `start_timeout_seconds=1`, and no job in 1.2 s.
    async fn a_run_without_a_first_job_stops_in_time(world: World) {
        let begun = world.now();
        let (queue, mut results, mut engine) =
            numbers(&world, 10).idle_timeout(secs(1)).build(takes(&world, secs(1))).unwrap();
        let (pushed, finished) = engine
            .run_with(async {
                world.sleep(millis(1_200)).await;
                queue.push(1).await
            })
            .await;
        assert_eq!((why(&finished), world.now().since(begun)), ("idle", millis(1_200)));
        assert_eq!(pushed.unwrap_err().why, Refusal::Stopped);
        assert!(results.next().await.is_none());
    }

    async fn a_spawned_run_without_a_first_job_stops_in_time(world: World) {
        let begun = world.now();
        let (_queue, mut results, engine) =
            numbers(&world, 10).idle_timeout(secs(1)).build(takes(&world, secs(1))).unwrap();
        let finished = engine.spawn_on(world.executor()).await;
        assert_eq!((why(&finished), world.now().since(begun)), ("idle", secs(1)));
        assert!(results.next().await.is_none());
    }

    // The timeout counts what has nothing to do, not what works long or waits for its time.
    async fn a_run_with_something_to_do_is_not_idle(world: World) {
        let begun = world.now();
        let (queue, results, mut engine) =
            numbers(&world, 10).idle_timeout(secs(1)).build(takes(&world, secs(5))).unwrap();
        queue.push(1).await.unwrap();
        queue.push_with(2, Options::new().delay(secs(8))).await.unwrap();
        let finished = engine.run().await;
        assert_eq!((why(&finished), finished.stats.ok, results.len()), ("idle", 2, 2));
        assert_eq!(world.now().since(begun), secs(8 + 5 + 1));
    }

    // "You can't wait on not started Aqute."
    async fn waiting_before_the_start_is_refused(world: World) {
        let (queue, results, mut engine) = numbers(&world, 10).build(takes(&world, secs(1))).unwrap();
        assert_eq!(queue.settled().await, Ok(()), "nothing waits, so nothing is waited for");
        queue.push(1).await.unwrap();
        assert_eq!(queue.settled().await, Err(Refusal::NotRunning));
        let (settled, _) = engine.run_with(queue.settled()).await;
        assert_eq!((settled, results.len()), (Ok(()), 1));
    }

    // "Instance reuse after stop()": ten, and ten more, and twenty results.
    async fn an_engine_that_runs_again_adds_to_the_results(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 5).build(takes(&world, millis(10))).unwrap();
        for round in [0..10, 10..20] {
            let (_, finished) = engine
                .run_with(async {
                    for n in round {
                        queue.push(n).await.unwrap();
                    }
                    queue.settled().await.unwrap();
                })
                .await;
            assert_eq!((why(&finished), finished.stats.ok, finished.stats.admitted), ("completed", 10, 10));
            engine.reopen();
        }
        assert_eq!(values(&results.drain()), (0..20).collect::<Vec<_>>());
    }

    // After a run that was stopped as well; what never ran in it was handed out and doesn't come again.
    async fn an_engine_runs_again_after_a_stop(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2).build(takes(&world, secs(1))).unwrap();
        for n in 0..6 {
            queue.push(n).await.unwrap();
        }
        let (_, stopped) = engine
            .run_with(async {
                world.sleep(millis(1_500)).await;
                queue.stop();
            })
            .await;
        assert_eq!((why(&stopped), left(&stopped).len()), ("cancelled", 2));
        adds_up(&stopped.stats);
        engine.reopen();
        for job in stopped.leftover {
            queue.push(*job.job).await.unwrap();
        }
        queue.close();
        let again = engine.run().await;
        assert_eq!((why(&again), again.stats.ok, again.stats.admitted), ("completed", 2, 2));
        let mut all = results.drain();
        all.sort_by_key(|done| done.id);
        assert_eq!(jobs(&all), [0, 1, 2, 3, 4, 5]);
        assert_eq!(all.iter().filter(|done| done.is_ok()).count(), 4);
    }

    // `use_priority_queue=True`; here higher is more urgent.
    async fn urgent_jobs_start_first(world: World) {
        let diary = Diary::new(&world);
        let (queue, _results, mut engine) = numbers(&world, 1)
            .discipline(Priority::strict())
            .build(async |n, _| {
                diary.note(*n);
                world.sleep(millis(10)).await;
                Ok::<_, ()>(())
            })
            .unwrap();
        for n in 0..9 {
            queue.push_with(n, Options::new().priority(i32::try_from(n % 3).unwrap())).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 9);
        assert_eq!(diary.who(), [2, 5, 8, 1, 4, 7, 0, 3, 6]);
    }

    // `total_failed_tasks_limit=5`.
    async fn a_failure_limit_ends_the_run_and_loses_nothing(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .max_failures(5)
            .unwrap()
            .build(async |n, _| {
                world.sleep(millis(10)).await;
                if *n % 2 == 0 { Ok(*n) } else { Err("odd") }
            })
            .unwrap();
        for n in 0..30 {
            queue.push(n).await.unwrap();
        }
        let finished = engine.run().await;
        assert_eq!((why(&finished), finished.stats.failed), ("failure limit", 5));
        adds_up(&finished.stats);
        let read = results.drain();
        assert_eq!(jobs(&read), (0..10).collect::<Vec<_>>());
        assert_eq!(read.iter().filter(|done| done.is_ok()).count(), 5);
        assert_eq!(left(&finished), (10..30).collect::<Vec<_>>());
        assert_eq!(queue.push(31).await.unwrap_err().why, Refusal::Stopped);
    }

    // A ticket of a job that never ran says so.
    async fn tickets_of_jobs_that_never_ran_are_answered(world: World) {
        let (queue, _results, mut engine) =
            numbers(&world, 1).max_failures(1).unwrap().build(async |_, _| Err::<u32, _>("no")).unwrap();
        let (first, second) = (queue.submit(1).await.unwrap(), queue.submit(2).await.unwrap());
        let finished = engine.run().await;
        assert_eq!(left(&finished), [2]);
        assert_eq!(first.await.result.unwrap_err().failure(), Some(&"no"));
        assert!(matches!(
            second.await.result,
            Err(regatta::TaskError::NotStarted(NotStarted::Stopped))
        ));
    }
}
