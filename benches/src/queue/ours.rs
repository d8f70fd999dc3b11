//! Our subjects, by their public faces.

use super::worlds::{Smol, SmolTwo, Tokio, TokioTwo, World};
use super::{CAPACITY, SMOL, SMOL_TWO, TOKIO, TOKIO_TWO, TOKIO_YIELD, WORKERS};
use crate::measure::Subject;
use crate::work::{Kind, Ready, Yield1};
use regatta::queue::{Builder, Done, Queue, Reader, map};
use regatta::strategies::Priority;
use regatta::{Backoff, BoxFuture};
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) const IN_PLACE: &str = "in place";
pub(super) const RETRIED: &str = "in place, retries, priority";
const MAP: &str = "map";
const FOR_EACH: &str = "for_each";
const SUBMIT: &str = "submit";
pub(super) const SPAWNED: &str = "spawned";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: IN_PLACE, kind: TOKIO, run: in_place::<Tokio, Ready> },
        Subject { face: RETRIED, kind: TOKIO, run: retried::<Tokio, Ready> },
        Subject { face: MAP, kind: TOKIO, run: mapped },
        Subject { face: FOR_EACH, kind: TOKIO, run: each },
        Subject { face: SUBMIT, kind: TOKIO, run: submitted },
        Subject { face: SPAWNED, kind: TOKIO, run: on_executor::<Tokio> },
        Subject { face: IN_PLACE, kind: TOKIO_YIELD, run: in_place::<Tokio, Yield1> },
        Subject { face: IN_PLACE, kind: SMOL, run: in_place::<Smol, Ready> },
        Subject { face: RETRIED, kind: SMOL, run: retried::<Smol, Ready> },
        Subject { face: SPAWNED, kind: SMOL, run: on_executor::<Smol> },
    ]
}

pub(super) fn spawned() -> Vec<Subject> {
    vec![
        Subject { face: SPAWNED, kind: TOKIO_TWO, run: on_executor::<TokioTwo> },
        Subject { face: SPAWNED, kind: SMOL_TWO, run: on_executor::<SmolTwo> },
    ]
}

fn builder() -> Builder<u64> {
    Queue::builder().workers(WORKERS).expect("a number").capacity(CAPACITY).expect("a number")
}

fn check(results: &[Done<u64, u64, ()>], jobs: u64) {
    assert!(black_box(results).len() as u64 == jobs && results.iter().all(Done::is_ok));
}

const OPEN: &str = "it is open while jobs are pushed";

/// A body that pushes, and the workers, in one future; then all results at once.
fn in_place<X: World, W: Kind>(runtime: &Runtime, jobs: u64) {
    let results = X::block_on(runtime, async move {
        let (queue, mut results, mut engine) =
            builder().build(|job, _| W::task(*job)).expect("the workers are set");
        let push = async {
            for job in 0..jobs {
                queue.push(job).await.expect(OPEN);
            }
        };
        let ((), finished) = engine.run_with(push).await;
        assert!(finished.leftover.is_empty());
        results.drain()
    });
    check(&results, jobs);
}

/// The same with what only jobs that fail or differ have a use for.
fn retried<X: World, W: Kind>(runtime: &Runtime, jobs: u64) {
    let results = X::block_on(runtime, async move {
        let rule = Backoff::exponential(Duration::from_millis(10)).times(5);
        let builder = builder().retry(rule).discipline(Priority::strict());
        let (queue, mut results, mut engine) =
            builder.build(|job, _| W::task(*job)).expect("the workers are set");
        let push = async {
            for job in 0..jobs {
                queue.push(job).await.expect(OPEN);
            }
        };
        let ((), finished) = engine.run_with(push).await;
        assert!(finished.leftover.is_empty());
        results.drain()
    });
    check(&results, jobs);
}

/// Items of an iterator; results in their order. It pulls as many ahead as there are workers, and no more.
fn mapped(runtime: &Runtime, jobs: u64) {
    let results =
        runtime.block_on(map(0..jobs, WORKERS, |job, _| Ready::task(*job)).expect("the workers are set"));
    check(&results, jobs);
}

/// Items of an iterator; results one by one, of which only a few are kept.
fn each(runtime: &Runtime, jobs: u64) {
    let body = async |mut results: Reader<u64, u64, ()>| {
        let mut values = Vec::with_capacity(jobs as usize);
        while let Some(done) = results.next().await {
            values.push(done.result);
        }
        values
    };
    let each = builder().for_each(0..jobs, |job, _| Ready::task(*job), body).expect("the workers are set");
    let (values, _) = runtime.block_on(each);
    assert_eq!(black_box(&values).len() as u64, jobs);
}

/// A ticket for each job, and all of them awaited.
fn submitted(runtime: &Runtime, jobs: u64) {
    let results = runtime.block_on(async {
        let (queue, _, mut engine) =
            builder().build(|job, _| Ready::task(*job)).expect("the workers are set");
        let submit = async {
            let mut tickets = Vec::with_capacity(jobs as usize);
            for job in 0..jobs {
                tickets.push(queue.submit(job).await.expect(OPEN));
            }
            let mut results = Vec::with_capacity(jobs as usize);
            for ticket in tickets {
                results.push(ticket.await);
            }
            results
        };
        engine.run_with(submit).await.0
    });
    check(&results, jobs);
}

/// Each worker is a task of the executor, and the caller is another one that pushes; then all results at once.
fn on_executor<X: World>(runtime: &Runtime, jobs: u64) {
    let results = X::block_on(runtime, async move {
        let (queue, mut results, engine) =
            builder().build(|job, _| Ready::task(*job)).expect("the workers are set");
        let run = engine.spawn_on(|worker: BoxFuture<'static, ()>| X::spawn(worker));
        for job in 0..jobs {
            queue.push(job).await.expect(OPEN);
        }
        queue.close();
        assert!(run.await.leftover.is_empty());
        results.drain()
    });
    check(&results, jobs);
}
