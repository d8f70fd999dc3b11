//! Many that wait for one limit: how often are they polled, and what does it cost, until one of them may go?
//!
//! All clocks are real ones, because the peers' can't be replaced everywhere; what counts is still the processor time.

use super::GROUP;
use super::ours::{CONCURRENCY, GCRA};
use super::peers::{ASYNC_LOCK, GOVERNOR, LEAKY_BUCKET, TOKIO};
use crate::measure::{median, runtime};
use crate::options::Scale;
use crate::row::Row;
use cpu_time::ThreadTime;
use futures::stream::{FuturesUnordered, StreamExt};
use governor::{Quota, RateLimiter};
use regatta::strategies::{Concurrency, Gcra};
use regatta::{Limiter, Outcome, Strategy};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::task::unconstrained;

const CROWDS: [u64; 2] = [1_000, 10_000];
/// Of the rates.
const GAP: Duration = Duration::from_millis(5);

/// Faces of ours, and with whom each is compared.
const RIVALS: [(&str, [&str; 2]); 2] = [(GCRA, [GOVERNOR, LEAKY_BUCKET]), (CONCURRENCY, [TOKIO, ASYNC_LOCK])];

/// What a grant costs.
#[derive(Clone, Copy)]
struct Cost {
    polls: f64,
    nanos: f64,
}

pub(super) fn rows(scale: Scale) -> Vec<Row> {
    let (rounds, rated) = if scale.rounds > 5 { (5, 20) } else { (1, 4) };
    let mut rows = Vec::new();
    let mut smaller: Option<Vec<Cost>> = None;
    for crowd in CROWDS {
        let cost = |face| median_of(rounds, || cost(face, crowd, rated));
        let ours: Vec<Cost> = RIVALS.iter().map(|(face, _)| cost(*face)).collect();
        for (&(face, rivals), mine) in RIVALS.iter().zip(&ours) {
            let case = format!("{face}, {crowd} wait");
            for rival in rivals {
                let theirs = cost(rival);
                rows.push(Row::new(GROUP.name, case.clone(), mine.polls, rival, theirs.polls).unit("polls"));
                rows.push(Row::new(GROUP.name, case.clone(), mine.nanos, rival, theirs.nanos));
            }
        }
        // One who waits costs the same number of polls, however many wait.
        for (index, mine) in ours.iter().enumerate() {
            if let Some(smaller) = &smaller {
                let case = format!("{}, {crowd} wait", RIVALS[index].0);
                let row = Row::new(GROUP.name, case, mine.polls, "itself, 1,000 wait", smaller[index].polls);
                rows.push(row.unit("polls").goal(Some(1.0)));
            }
        }
        smaller = Some(ours);
    }
    rows
}

fn median_of(rounds: usize, measure: impl Fn() -> Cost) -> Cost {
    let costs: Vec<Cost> = (0..rounds).map(|_| measure()).collect();
    Cost {
        polls: median(costs.iter().map(|cost| cost.polls).collect()),
        nanos: median(costs.iter().map(|cost| cost.nanos).collect()),
    }
}

/// A rate grants `rated` times while everybody else waits on; a limit is handed through the whole crowd.
fn cost(face: &str, crowd: u64, rated: u64) -> Cost {
    match face {
        GCRA => {
            let limiter = Limiter::new(Gcra::new(1, GAP).expect("a rate"));
            wait(crowd, rated, || permit(&limiter), || ())
        }
        CONCURRENCY => {
            let limiter = Limiter::new(Concurrency::new(1).expect("one"));
            let first = limiter.try_acquire().expect("nobody is there");
            wait(crowd, crowd, || permit(&limiter), || first.complete(Outcome::Success))
        }
        GOVERNOR => {
            let limiter = RateLimiter::direct(Quota::with_period(GAP).expect("a period"));
            wait(crowd, rated, || limiter.until_ready(), || ())
        }
        LEAKY_BUCKET => {
            let limiter = leaky_bucket::RateLimiter::builder().interval(GAP).refill(1).build();
            wait(crowd, rated, || limiter.acquire(1), || ())
        }
        TOKIO => {
            let semaphore = tokio::sync::Semaphore::new(1);
            let first = semaphore.try_acquire().expect("nobody is there");
            wait(crowd, crowd, async || drop(semaphore.acquire().await), || drop(first))
        }
        ASYNC_LOCK => {
            let semaphore = async_lock::Semaphore::new(1);
            let first = semaphore.try_acquire().expect("nobody is there");
            wait(crowd, crowd, async || drop(semaphore.acquire().await), || drop(first))
        }
        unknown => unreachable!("{unknown} is a face"),
    }
}

async fn permit<S>(limiter: &Limiter<S>)
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    limiter.acquire().await.expect("open").complete(Outcome::Success);
}

/// Lets a whole crowd line up, then calls `open`, and measures until so many are through.
fn wait<F: Future<Output = ()>>(
    crowd: u64,
    grants: u64,
    mut waiter: impl FnMut() -> F,
    open: impl FnOnce(),
) -> Cost {
    let polls = &Cell::new(0_u64);
    let counted = |waiter: F| async move {
        let mut waiter = pin!(waiter);
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            waiter.as_mut().poll(cx)
        })
        .await;
    };
    // Without tokio's budget, which would add polls of its own.
    runtime().block_on(unconstrained(async {
        let mut waiters: FuturesUnordered<_> = (0..crowd).map(|_| counted(waiter())).collect();
        poll_fn(|cx| {
            while let Poll::Ready(Some(())) = waiters.poll_next_unpin(cx) {}
            if polls.get() < crowd { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        polls.set(0);
        let start = ThreadTime::now();
        open();
        for _ in 0..grants {
            waiters.next().await;
        }
        let nanos = start.elapsed().as_nanos() as f64;
        Cost { polls: polls.get() as f64 / grants as f64, nanos: nanos / grants as f64 }
    }))
}
