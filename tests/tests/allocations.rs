//! How many allocations a task costs: none once warm where nothing is boxed, one where the task is.
//!
//! A test of its own, because it counts what the whole process allocates: no other test may run beside it. The cost of
//! a task is the difference between a run of twice as many tasks and a run of so many, so that what a run costs in
//! itself doesn't count.

use regatta::{Backoff, Report, Runner, for_each, map, map_ok};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::convert::Infallible;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: u64 = 100_000;
const LIMIT: usize = 64;

/// Long enough to be set for each task and to come for none.
const HOUR: Duration = Duration::from_secs(3600);

/// How a vector's growth shows: twice as many results, one more reallocation; two if the sizes lie badly.
const GROWTH: u64 = 2;

/// Allocations and reallocations of `run`.
fn allocations<R>(run: impl FnOnce() -> R) -> u64 {
    let region = Region::new(ALLOCATOR);
    let result = run();
    let stats = region.change();
    drop(result);
    (stats.allocations + stats.reallocations) as u64
}

/// The allocations that `TASKS` more tasks cost.
fn cost<R>(name: &str, run: impl Fn(u64) -> R) -> u64 {
    run(1000);
    let (few, many) = (allocations(|| run(TASKS)), allocations(|| run(2 * TASKS)));
    let cost = many.saturating_sub(few);
    println!("{name:44} {cost:>8} allocations for {TASKS} tasks: {:.5} each", cost as f64 / TASKS as f64);
    cost
}

async fn ready(n: u64) -> Result<u64, Infallible> {
    Ok(n)
}

async fn yields_once(n: u64) -> Result<u64, Infallible> {
    regatta_sim::yield_now().await;
    Ok(n)
}

/// One test, so that nothing runs beside it.
#[test]
fn allocations_per_task() {
    let block_on = |count: u64, results: usize| assert_eq!(results as u64, count);

    let free = [
        cost("map, ready", |n| block_on(n, smol::block_on(map(0..n, LIMIT, ready).unwrap()).len())),
        cost("map, one yield", |n| block_on(n, smol::block_on(map(0..n, LIMIT, yields_once).unwrap()).len())),
        cost("map, ready, task timeout", |n| {
            let map = map(0..n, LIMIT, ready).unwrap().task_timeout(HOUR);
            block_on(n, smol::block_on(map).len());
        }),
        cost("map, one yield, task timeout", |n| {
            let map = map(0..n, LIMIT, yields_once).unwrap().task_timeout(HOUR);
            block_on(n, smol::block_on(map).len());
        }),
        cost("map_ok, async closure, one yield", |n| {
            let map = map_ok(0..n, LIMIT, async |n| yields_once(n).await.is_ok());
            block_on(n, smol::block_on(map.unwrap()).len());
        }),
        cost("for_each, one yield", |n| {
            let each = for_each(0..n, LIMIT, yields_once, async |mut done| {
                let mut read = 0;
                while done.next().await.is_some() {
                    read += 1;
                }
                read
            });
            block_on(n, smol::block_on(each.unwrap()));
        }),
    ];
    assert!(free.iter().all(|cost| *cost <= GROWTH), "{free:?}");

    let boxed = [
        cost("Runner, ready", |n| run(n, Runner::new(), ready)),
        cost("Runner, one yield", |n| run(n, Runner::new(), yields_once)),
        cost("Runner, one yield, task timeout", |n| run(n, Runner::new().task_timeout(HOUR), yields_once)),
    ];
    assert!(boxed.iter().all(|cost| (TASKS..=TASKS + TASKS / 100).contains(cost)), "{boxed:?}");

    let retried = cost("Runner, retried task that succeeds at once", |n| {
        let mut runner = Runner::new();
        for key in 0..n {
            runner.add_retry(key, Backoff::constant(HOUR), move || yields_once(key)).unwrap();
        }
        let report: Report<_, _, _> = smol::block_on(runner.run());
        block_on(n, report.len());
    });
    assert!(retried <= 2 * TASKS + TASKS / 50, "{retried}");
}

fn run<F>(count: u64, runner: Runner<'_, u64, u64, Infallible>, task: impl Fn(u64) -> F)
where
    F: Future<Output = Result<u64, Infallible>> + Send + 'static,
{
    let mut runner = runner.limit(LIMIT).unwrap();
    for key in 0..count {
        runner.add(key, task(key)).unwrap();
    }
    assert_eq!(smol::block_on(runner.run()).counts().ok as u64, count);
}
