//! Time limits: of an attempt, of a job, of the run.

use crate::queue::support::{adds_up, ends, left, millis, numbers, secs, states, takes, why};
use regatta::queue::Options;
use regatta::{Backoff, CancelToken, TaskError};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    async fn an_attempt_that_takes_too_long_is_made_again(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .attempt_timeout(secs(2))
            .retry(Backoff::constant(secs(1)).times(3))
            .build(async |_, ctx| {
                world.sleep(secs(if ctx.attempt() < 3 { 60 } else { 1 })).await;
                Ok::<_, &str>(ctx.attempt())
            })
            .unwrap();
        queue.push(1).await.unwrap();
        queue.close();
        let _ = engine.run().await;
        let done = results.next().await.unwrap();
        assert_eq!((done.result.as_ref().unwrap(), done.ran_for()), (&3, secs(2 + 1 + 2 + 1 + 1)));
        assert!(done.errors().iter().all(|failed| matches!(*failed.error, TaskError::TimedOut { after } if after == secs(2))));
        assert!(done.errors().iter().all(|failed| failed.ended.since(failed.started) == secs(2)));
    }

    // All attempts and the pauses between them together.
    async fn a_job_has_a_time_for_all_its_attempts(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .attempt_timeout(secs(2))
            .task_timeout(secs(5))
            .retry(Backoff::constant(secs(1)).forever())
            .build(async |_, _| {
                world.sleep(secs(60)).await;
                Ok::<_, &str>(())
            })
            .unwrap();
        queue.push(1).await.unwrap();
        queue.push(2).await.unwrap();
        queue.close();
        let finished = engine.run().await;
        let all = results.drain();
        assert_eq!(ends(&all), ["timed out after 5s", "timed out after 5s"]);
        assert!(all.iter().all(|done| done.ran_for() == secs(5) && done.attempts == 2), "{all:?}");
        assert_eq!(finished.stats.timed_out, 2);
    }

    // A pause that would end behind the limit is not waited for.
    async fn a_pause_beyond_the_limit_is_not_waited_for(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .task_timeout(secs(5))
            .retry(Backoff::constant(secs(10)).times(1))
            .build(async |_, _| Err::<(), _>("no"))
            .unwrap();
        queue.push(1).await.unwrap();
        queue.close();
        let begun = world.now();
        assert_eq!((engine.run().await.stats.failed, world.now()), (1, begun));
        assert_eq!(ends(&results.drain()), ["failed: no"]);
    }

    // The time before its start doesn't count.
    async fn waiting_in_the_queue_costs_a_job_nothing(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 1).task_timeout(secs(3)).build(takes(&world, secs(2))).unwrap();
        for n in 0..5 {
            queue.push_with(n, Options::new().delay(secs(1))).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 5);
        assert_eq!(results.drain()[4].queued_for(), secs(9));
    }

    async fn the_whole_run_has_a_time(world: World) {
        for spawned in [false, true] {
            let (queue, mut results, mut engine) =
                numbers(&world, 2).timeout(secs(5)).build(takes(&world, secs(2))).unwrap();
            for n in 0..9 {
                queue.push(n).await.unwrap();
            }
            let begun = world.now();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), world.now().since(begun)), ("timed out", secs(5)));
            adds_up(&finished.stats);
            assert_eq!((finished.stats.ok, finished.stats.timed_out, left(&finished)), (4, 2, vec![6, 7, 8]));
            assert_eq!(states(&results.drain())[3..], ["ok", "timed out", "timed out"]);
        }
    }

    async fn the_run_ends_at_an_instant(world: World) {
        world.sleep(secs(7)).await;
        let until = world.now() + secs(3);
        let (queue, _results, mut engine) =
            numbers(&world, 2).deadline(until).build(takes(&world, secs(2))).unwrap();
        for n in 0..9 {
            queue.push(n).await.unwrap();
        }
        let finished = engine.run().await;
        assert_eq!((why(&finished), world.now(), finished.stats.ok), ("timed out", until, 2));
    }

    // One token for the whole program.
    async fn a_token_cancels_the_run(world: World) {
        for spawned in [false, true] {
            let token = CancelToken::new();
            let (queue, _results, mut engine) =
                numbers(&world, 2).cancel_on(&token).grace(secs(1)).build(takes(&world, secs(2))).unwrap();
            for n in 0..5 {
                queue.push(n).await.unwrap();
            }
            let begun = world.now();
            crate::queue::support::later(&world, millis(2_500), move || token.cancel());
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", millis(3_500)));
            assert_eq!((finished.stats.ok, finished.stats.cancelled, left(&finished)), (2, 2, vec![4]));
        }
    }
}
