//! Two threads on one limiter. What counts is the time that passes, from which a busy machine takes its share.

use super::bounds::{LOCKED, Rate};
use super::{GROUP, ours, peers, repeat};
use crate::measure::{Subject, Timer, medians_by};
use crate::options::Scale;
use crate::row::Row;
use governor::RateLimiter;
use regatta::{Limiter, Outcome, Strategy};
use std::hint::black_box;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

const RATE: &str = "rate, two threads";
const AT_ONCE: &str = "at once, two threads";

const OURS: [Subject; 2] = [
    Subject { face: ours::GCRA, kind: RATE, run: |_, times| limiter(ours::gcra(), times) },
    Subject { face: ours::CONCURRENCY, kind: AT_ONCE, run: |_, times| limiter(ours::concurrency(), times) },
];

const PEERS: [Subject; 5] = [
    Subject { face: LOCKED, kind: RATE, run: |_, times| bound(times) },
    Subject { face: peers::GOVERNOR, kind: RATE, run: |_, times| governor(times) },
    Subject { face: peers::LEAKY_BUCKET, kind: RATE, run: |_, times| leaky_bucket(times) },
    Subject { face: peers::TOKIO, kind: AT_ONCE, run: |_, times| tokio(times) },
    Subject { face: peers::ASYNC_LOCK, kind: AT_ONCE, run: |_, times| async_lock(times) },
];

pub(super) fn rows(scale: Scale) -> Vec<Row> {
    let scale = Scale { tasks: scale.tasks / 4, ..scale };
    let [medians] = medians_by([Timer::Wall], &[&OURS[..], &PEERS].concat(), scale);
    let mut rows = Vec::new();
    for Subject { face, kind, .. } in OURS {
        for peer in PEERS.iter().filter(|peer| peer.kind == kind) {
            let (mine, theirs) = (medians[&(face, kind)], medians[&(peer.face, kind)]);
            rows.push(Row::new(GROUP.name, format!("{face}, {kind}"), mine, peer.face, theirs));
        }
    }
    rows
}

/// Does `operation` so many times on each of two threads that start together.
fn both(times: u64, operation: impl Fn() + Sync) {
    let start = Barrier::new(2);
    let work = || {
        start.wait();
        repeat(times, |_| operation());
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
}

fn limiter<S>(strategy: S, times: u64)
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    let limiter = Limiter::new(strategy);
    both(times, || limiter.try_acquire().expect("there is always room").complete(Outcome::Success));
}

fn bound(times: u64) {
    let origin = Instant::now();
    let rate = Mutex::new(Rate::default());
    both(times, || {
        let now = origin.elapsed().as_nanos() as u64;
        assert!(rate.lock().unwrap_or_else(PoisonError::into_inner).start(now));
        black_box(&mut *rate.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

fn governor(times: u64) {
    let limiter = RateLimiter::direct(peers::quota());
    both(times, || drop(black_box(limiter.check())));
}

fn leaky_bucket(times: u64) {
    let limiter = peers::bucket();
    both(times, || assert!(limiter.try_acquire(1)));
}

fn tokio(times: u64) {
    let semaphore = tokio::sync::Semaphore::new(64);
    both(times, || drop(semaphore.try_acquire().expect("there is always room")));
}

fn async_lock(times: u64) {
    let semaphore = async_lock::Semaphore::new(64);
    both(times, || drop(semaphore.try_acquire().expect("there is always room")));
}
