//! Panics: in handlers, in rules, in what is read; none takes others with it.

use crate::queue::support::{
    adds_up, ends, left, millis, numbers, overboard, secs, states, takes, values, why,
};
use regatta::queue::{self, Reader};
use regatta::{BoxFuture, StopReason, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};
use std::fmt;

/// An error that can't be read aloud.
#[derive(Debug)]
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        overboard()
    }
}

on_every_executor! {
    async fn a_handler_that_panics_is_the_end_of_its_job_alone(world: World) {
        for spawned in [false, true] {
            let inner = world.clone();
            let (queue, mut results, mut engine) = numbers(&world, 2)
                .build(async move |n, _| {
                    inner.sleep(millis(1)).await;
                    if *n % 3 == 0 { overboard() } else { Ok::<_, &str>(*n) }
                })
                .unwrap();
            for n in 0..9 {
                queue.push(n).await.unwrap();
            }
            queue.close();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((why(&finished), finished.stats.ok, finished.stats.panicked), ("completed", 6, 3));
            let mut all = results.drain();
            all.sort_by_key(|done| done.id);
            assert_eq!(ends(&all)[..2], ["panicked: overboard", "ok 1"]);
        }
    }

    // Also before its future is there.
    async fn a_handler_that_panics_before_it_is_a_future(world: World) {
        for spawned in [false, true] {
            let handler = |n: std::sync::Arc<u32>, _| -> BoxFuture<'static, Result<u32, &'static str>> {
                if n.is_multiple_of(2) { overboard() } else { Box::pin(async move { Ok(*n) }) }
            };
            let (queue, mut results, mut engine) = numbers(&world, 2).build(handler).unwrap();
            for n in 0..6 {
                queue.push(n).await.unwrap();
            }
            queue.close();
            let finished = if spawned { engine.spawn_on(world.executor()).await } else { engine.run().await };
            assert_eq!((finished.stats.ok, finished.stats.panicked, results.drain().len()), (3, 3, 6));
            adds_up(&finished.stats);
        }
    }

    async fn a_panic_is_retried_if_the_rule_says_so(world: World) {
        let rule = retry_fn(|attempts, failure: &TaskError<&str>| {
            let broke = matches!(failure, TaskError::Panicked(_));
            (broke && attempts < 3).then_some(secs(1))
        });
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .retry(rule)
            .build(async |n, ctx| match ctx.attempt() {
                1 => overboard(),
                2 if *n == 2 => Err("no"),
                attempt => Ok(attempt),
            })
            .unwrap();
        queue.push(1).await.unwrap();
        queue.push(2).await.unwrap();
        queue.close();
        let finished = engine.run().await;
        assert_eq!((finished.stats.ok, finished.stats.failed, finished.stats.retries), (1, 1, 2));
        let all = results.drain();
        assert_eq!(ends(&all), ["ok 2", "failed: no"]);
        assert_eq!(all[0].errors()[0].error.to_string(), "panicked: overboard");
    }

    // The failure stands, as if the rule had said no.
    async fn a_rule_that_panics_has_no_opinion(world: World) {
        let rule = retry_fn(|_, _: &TaskError<&str>| overboard());
        let (queue, mut results, mut engine) =
            numbers(&world, 1).retry(rule).build(async |_, _| Err::<u8, _>("no")).unwrap();
        queue.push(1).await.unwrap();
        queue.push(2).await.unwrap();
        queue.close();
        assert_eq!(engine.run().await.stats.failed, 2);
        assert_eq!(ends(&results.drain()), ["failed: no", "failed: no"]);
        drop(world);
    }

    async fn an_error_that_cannot_be_read_aloud_is_told_all_the_same(world: World) {
        let (queue, mut results, engine) = numbers(&world, 1).build(async |_, _| Err::<u8, _>(Mute)).unwrap();
        let mut engine = engine.observer(regatta::LogLines::to(std::io::sink()));
        queue.push(1).await.unwrap();
        queue.close();
        assert_eq!(engine.run().await.stats.failed, 1);
        assert!(results.drain()[0].result.as_ref().unwrap_err().failure().is_some());
        drop(world);
    }

    // Items that panic end the run, and it says so; what was pulled before is worked on.
    async fn items_that_panic_end_the_run(world: World) {
        let items = || (0..10).map(|n| if n == 4 { overboard() } else { n });
        let mapped = numbers(&world, 2).map(items(), takes(&world, millis(1))).unwrap().await;
        let StopReason::Panicked(panic) = mapped.finished.stop else { panic!("{:?}", mapped.finished.stop) };
        assert_eq!((panic.message(), values(&mapped.results)), ("overboard", vec![0, 1, 2, 3]));
        let read = async |mut results: Reader<u32, u32, &'static str>| {
            let mut read = Vec::new();
            while let Some(done) = results.next().await {
                read.push(*done.job);
            }
            read
        };
        let (read, finished) = numbers(&world, 2).for_each(items(), takes(&world, millis(1)), read).unwrap().await;
        assert_eq!((read, why(&finished)), (vec![0, 1, 2, 3], "panicked"));
    }

    async fn a_stream_that_panics_ends_the_run(world: World) {
        let items = futures::stream::iter((0..10).map(|n| if n == 4 { overboard() } else { n }));
        let mapped = numbers(&world, 2).map_stream(items, takes(&world, millis(1))).unwrap().await;
        assert_eq!((why(&mapped.finished), values(&mapped.results)), ("panicked", vec![0, 1, 2, 3]));
        assert!(left(&mapped.finished).is_empty());
    }

    // `queue::map` has nobody else to tell.
    async fn a_map_without_options_passes_the_panic_on(world: World) {
        let items = (0..10_u32).map(|n| if n == 4 { overboard() } else { n });
        let run = queue::map(items, 2, async |n, _| Ok::<_, ()>(*n)).unwrap();
        let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(run)).await;
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"overboard"));
        drop(world);
    }

    // The panic is the body's owner's; the queue is as if the run had been dropped.
    async fn a_body_that_panics_drops_the_run(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        let body = async {
            world.sleep(millis(1_500)).await;
            overboard()
        };
        let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(engine.run_with(body))).await;
        assert!(caught.is_err());
        assert_eq!((states(&results.drain()), queue.stats().pending), (vec!["ok", "cancelled"], 1));
        let (_, again) = engine.run_with(async {}).await;
        assert_eq!((why(&again), states(&results.drain())), ("completed", vec!["ok"]));
        adds_up(&again.stats);
    }
}
