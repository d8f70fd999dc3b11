//! `retry_count`, `specific_errors_to_retry`, `errors_to_not_retry`.

use crate::queue::support::{millis, numbers, secs};
use regatta::queue::{Done, Options};
use regatta::strategies::RetryExt;
use regatta::{Backoff, Retry, TaskError, retry_fn};
use regatta_tests::{World, on_every_executor};

#[derive(Clone, Debug, PartialEq)]
enum Fault {
    Value(u32),
    Key(u32),
}

/// Runs 20 jobs under this rule: those from 19 on fail with a key error, every third one with value errors for ever.
async fn run<R>(world: &World, rule: R) -> Vec<Done<u32, u32, Fault>>
where
    R: Retry<Fault> + Clone + Send + 'static,
{
    let (queue, mut results, mut engine) = numbers(world, 10)
        .retry(rule)
        .build(async |n, ctx| match *n {
            19 => Err(Fault::Key(ctx.attempt())),
            n if n % 3 == 0 => Err(Fault::Value(ctx.attempt())),
            n if n % 3 == 1 && ctx.attempt() < 4 => Err(Fault::Value(ctx.attempt())),
            n => Ok(n),
        })
        .unwrap();
    for n in 0..20 {
        queue.push(n).await.unwrap();
    }
    queue.close();
    let finished = engine.run().await;
    let mut all = results.drain();
    assert_eq!((all.len(), finished.stats.settled), (20, 20));
    let attempts: usize = all.iter().map(|done| done.attempts as usize).sum();
    assert_eq!(finished.stats.retries, attempts - 20);
    all.sort_by_key(|done| done.id);
    all
}

fn attempts(all: &[Done<u32, u32, Fault>]) -> [u32; 4] {
    [all[0].attempts, all[1].attempts, all[2].attempts, all[19].attempts]
}

on_every_executor! {
    // "We will retry 5 more times after first fail. We retry only ValueError here."
    async fn only_these_errors_are_retried(world: World) {
        let rule = Backoff::constant(millis(10)).times(5).when(|fault: &Fault| matches!(fault, Fault::Value(_)));
        let all = run(&world, rule).await;
        assert_eq!(attempts(&all), [6, 4, 1, 1]);
        assert_eq!(all[0].result.as_ref().unwrap_err().failure(), Some(&Fault::Value(6)));
        assert_eq!(all[1].result.as_ref().unwrap(), &1);
        assert_eq!(all[19].result.as_ref().unwrap_err().failure(), Some(&Fault::Key(1)));
    }

    async fn these_errors_are_never_retried(world: World) {
        let rule = Backoff::constant(millis(10)).times(5).when(|fault: &Fault| !matches!(fault, Fault::Value(_)));
        assert_eq!(attempts(&run(&world, rule).await), [1, 1, 1, 6]);
    }

    async fn a_count_of_zero_means_no_retries(world: World) {
        assert_eq!(attempts(&run(&world, Backoff::constant(millis(10)).times(0)).await), [1, 1, 1, 1]);
    }

    // Every error is kept, not only the last one, each with its times.
    async fn the_error_of_each_attempt_is_kept(world: World) {
        let begun = world.now();
        let all = run(&world, Backoff::exponential(secs(1)).times(5)).await;
        let errors: Vec<_> = all[0].errors().iter().map(|failed| failed.error.failure().cloned()).collect();
        assert_eq!(errors, (1..=5).map(|n| Some(Fault::Value(n))).collect::<Vec<_>>());
        let starts: Vec<_> = all[0].errors().iter().map(|failed| failed.started.since(begun).as_secs()).collect();
        assert_eq!(starts, [0, 1, 3, 7, 15]);
        assert_eq!(all[0].ran_for(), secs(31));
        assert_eq!(all[2].errors().len(), 0);
    }

    // The pause by attempt and error.
    async fn the_pause_depends_on_the_attempt_and_the_error(world: World) {
        let rule = retry_fn(|attempts, failure: &TaskError<Fault>| match failure.failure() {
            Some(Fault::Key(_)) => (attempts < 3).then_some(secs(100)),
            _ => (attempts < 3).then(|| secs(u64::from(attempts))),
        });
        let all = run(&world, rule).await;
        assert_eq!(attempts(&all), [3, 3, 1, 3]);
        assert_eq!((all[0].ran_for(), all[19].ran_for()), (secs(3), secs(200)));
    }

    // A handler knows its attempt, and how the one before it ended.
    async fn a_handler_knows_of_the_attempt_before(world: World) {
        let (queue, mut results, mut engine) = numbers(&world, 1)
            .retry(Backoff::constant(secs(1)).times(2))
            .build(async |n, ctx| {
                let before = ctx.last_error().and_then(TaskError::failure).copied();
                if ctx.attempt() < 3 { Err(*n + ctx.attempt()) } else { Ok(before) }
            })
            .unwrap();
        for options in [Options::new(), Options::new().key("named").metadata(7)] {
            queue.push_with(10, options).await.unwrap();
        }
        queue.close();
        let _ = engine.run().await;
        for done in results.drain() {
            assert_eq!((done.result.unwrap(), done.attempts), (Some(12), 3));
        }
    }
}
