//! What is lost at the end: results, inputs, counts, and those who wait.

use crate::queue::support::{Gauge, adds_up, jobs, later, left, millis, numbers, secs, takes, why};
use regatta::Backoff;
use regatta::queue::{Refusal, Results};
use regatta_tests::{World, on_every_executor};

on_every_executor! {
    // Aqute: of 100 tasks 51 had finished, and 0 came back.
    async fn a_failure_limit_keeps_what_is_finished_and_returns_the_rest(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 4)
            .max_failures(1)
            .unwrap()
            .build(async |n, _| {
                world.sleep(millis(10)).await;
                if *n == 50 { Err("the fifty-first") } else { Ok(*n) }
            })
            .unwrap();
        for n in 0..100 {
            queue.push(n).await.unwrap();
        }
        let finished = engine.run().await;
        adds_up(&finished.stats);
        assert_eq!((why(&finished), finished.stats.failed, finished.stats.not_started), ("failure limit", 1, 48));
        assert_eq!(left(&finished), (52..100).collect::<Vec<_>>());
        let mut read = jobs(&results.drain());
        read.sort_unstable();
        assert_eq!(read, (0..52).collect::<Vec<_>>(), "with the failed one and the one beside it that was cancelled");
        assert_eq!(finished.stats.ok + finished.stats.cancelled, 51);
    }

    // The same on an executor, where others run while the limit is met.
    async fn a_failure_limit_on_an_executor_loses_nothing_either(world: World) {
        let inner = world.clone();
        let (queue, mut results, engine) = numbers(&world, 4)
            .max_failures(3)
            .unwrap()
            .build(async move |n, _| {
                inner.sleep(millis(10)).await;
                if *n % 10 == 0 { Err("tens") } else { Ok(*n) }
            })
            .unwrap();
        for n in 1..=100 {
            queue.push(n).await.unwrap();
        }
        let finished = engine.spawn_on(world.executor()).await;
        adds_up(&finished.stats);
        assert_eq!(why(&finished), "failure limit");
        assert!((3..=4).contains(&finished.stats.failed), "{:?}", finished.stats);
        let mut all = jobs(&results.drain());
        all.extend(left(&finished));
        all.sort_unstable();
        assert_eq!(all, (1..=100).collect::<Vec<_>>());
    }

    // Attempts that are to be made again are no failures yet.
    async fn only_failures_for_good_count_towards_the_limit(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 2)
            .max_failures(2)
            .unwrap()
            .retry(Backoff::constant(secs(1)).times(1))
            .build(async |n, ctx| if *n == 9 || ctx.attempt() == 1 { Err("no") } else { Ok(()) })
            .unwrap();
        for n in [1, 2, 3, 9, 4, 5] {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        assert_eq!((why(&finished), finished.stats.ok, finished.stats.failed), ("completed", 5, 1));
    }

    // `stop()` hangs if a handler swallows its cancellation. Here it hears of it, has a grace, and that's it.
    async fn a_handler_that_swallows_its_cancellation_does_not_hold_up_a_stop(world: World) {
        let heard = Gauge::default();
        let (queue, mut results, mut engine) = numbers(&world, 2)
            .grace(secs(5))
            .build(async |_, ctx| {
                loop {
                    ctx.cancelled().await;
                    heard.pass();
                    world.sleep(secs(2)).await;
                }
                #[expect(unreachable_code, reason = "it says what the handler would give")]
                Ok::<u32, ()>(0)
            })
            .unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        later(&world, secs(10), {
            let queue = queue.clone();
            move || queue.stop()
        });
        let begun = world.now();
        let finished = engine.run().await;
        assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", secs(15)));
        assert_eq!((finished.stats.cancelled, left(&finished)), (2, vec![2]));
        assert_eq!((heard.entered(), results.drain().len()), (2 * 3, 2));
    }

    async fn nor_on_an_executor(world: World) {
        let inner = world.clone();
        let (queue, mut results, engine) = numbers(&world, 2)
            .grace(secs(5))
            .build(async move |_, _| {
                inner.sleep(secs(1_000_000)).await;
                Ok::<u32, ()>(0)
            })
            .unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        let (handle, begun) = (engine.spawn_on(world.executor()), world.now());
        world.sleep(secs(10)).await;
        queue.stop();
        let finished = handle.await;
        assert_eq!((why(&finished), world.now().since(begun)), ("cancelled", secs(15)));
        assert_eq!((finished.stats.cancelled, left(&finished), results.drain().len()), (2, vec![2], 2));
    }

    // "Lost 8 of 12 results": twelve were finished and four read when it was stopped.
    async fn a_stop_leaves_all_finished_results_readable(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 4).build(takes(&world, millis(10))).unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let (read, finished) = engine
            .run_with(async {
                world.sleep(millis(35)).await;
                let mut read = Vec::new();
                for _ in 0..4 {
                    read.push(results.next().await.unwrap());
                }
                queue.stop();
                read
            })
            .await;
        assert_eq!((read.len(), finished.stats.ok, finished.stats.cancelled), (4, 12, 4));
        let rest = results.drain();
        assert_eq!(rest.iter().filter(|done| done.is_ok()).count(), 8);
        assert_eq!((rest.len(), left(&finished)), (12, vec![16, 17, 18, 19]));
    }

    // Bounded results as well, of which more than the bound come at the end: none waits, none is lost.
    async fn a_stop_with_full_results_is_bounded_and_loses_nothing(world: World) {
        let (queue, mut results, mut engine) =
            numbers(&world, 9).results(Results::Bounded(3)).unwrap().build(takes(&world, secs(1))).unwrap();
        for n in 0..9 {
            queue.push(n).await.unwrap();
        }
        let (_, finished) = engine
            .run_with(async {
                world.sleep(secs(2)).await;
                results.next().await.unwrap();
                world.sleep(millis(500)).await;
                queue.stop();
            })
            .await;
        assert_eq!((finished.stats.ok, finished.stats.cancelled, left(&finished).len()), (3, 1, 5));
        assert_eq!(jobs(&results.drain()), [1, 2, 3]);
    }

    // Draining is the other way to end: everything is worked on.
    async fn a_close_works_on_everything_first(world: World) {
        let (queue, results, engine) = numbers(&world, 4).build(takes(&world, millis(10))).unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        let handle = engine.spawn_on(world.executor());
        queue.close();
        assert_eq!(queue.push(20).await.unwrap_err().why, Refusal::Closed);
        let finished = handle.await;
        assert_eq!((why(&finished), finished.stats.ok, results.len()), ("completed", 20, 20));
        assert!(finished.leftover.is_empty());
    }

    // "Counters 0 after the end."
    async fn counts_are_kept_after_the_end(world: World) {
        let (queue, _results, mut engine) = numbers(&world, 4)
            .retry(Backoff::constant(millis(1)).times(1))
            .build(async |n, _| if *n % 4 == 0 { Err("fours") } else { Ok(*n) })
            .unwrap();
        for n in 0..20 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        let finished = engine.run().await;
        let stats = queue.stats();
        assert_eq!(stats, finished.stats);
        assert_eq!((stats.admitted, stats.settled, stats.ok, stats.failed, stats.retries), (20, 20, 15, 5, 5));
        adds_up(&stats);
        engine.reopen();
        assert_eq!(queue.stats().admitted, 0, "the next run counts for itself");
        assert_eq!(queue.stats().unread, 20);
    }

    // Whoever waits at the door when the run ends is sent away with the job.
    async fn those_who_wait_at_the_door_are_sent_away_at_the_end(world: World) {
        let (queue, _results, engine) = numbers(&world, 1).capacity(1).unwrap().build(takes(&world, secs(9))).unwrap();
        let handle = engine.spawn_on(world.executor());
        queue.push(0).await.unwrap();
        world.sleep(millis(1)).await;
        queue.push(1).await.unwrap();
        let stop = async {
            world.sleep(secs(1)).await;
            queue.stop();
        };
        let (pushed, reserved, ()) = futures::join!(queue.push(2), queue.reserve(), stop);
        let refused = pushed.unwrap_err();
        assert_eq!((refused.why, refused.job, reserved.unwrap_err()), (Refusal::Stopped, 2, Refusal::Stopped));
        assert_eq!(left(&handle.await), [1]);
    }
}
