//! The bounds: the same jobs with next to nothing around them.

use super::{CAPACITY, SMOL, SMOL_TWO, TOKIO, TOKIO_TWO, TOKIO_YIELD};
use crate::measure::Subject;
use crate::work::{Kind, Ready, Yield1};
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::runtime::Runtime;

pub(super) const LOOP: &str = "bare loop";
pub(super) const MUTEXES: &str = "two mutexes";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: LOOP, kind: TOKIO, run: bare::<Ready> },
        Subject { face: MUTEXES, kind: TOKIO, run: mutexes::<Ready> },
        Subject { face: LOOP, kind: TOKIO_YIELD, run: bare::<Yield1> },
        Subject { face: MUTEXES, kind: TOKIO_YIELD, run: mutexes::<Yield1> },
        Subject { face: MUTEXES, kind: SMOL, run: mutexes::<Ready> },
    ]
}

/// Still on one thread, but by the timers of those that take two.
pub(super) fn beside_two_threads() -> Vec<Subject> {
    vec![
        Subject { face: MUTEXES, kind: TOKIO_TWO, run: mutexes::<Ready> },
        Subject { face: MUTEXES, kind: SMOL_TWO, run: mutexes::<Ready> },
    ]
}

/// Polls a job until it is ready; no wakes.
fn finish<W: Kind>(job: u64) -> Result<u64, ()> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut running = pin!(W::task(job));
    loop {
        if let Poll::Ready(result) = running.as_mut().poll(&mut cx) {
            return result;
        }
    }
}

/// One after the other, and no queue at all.
fn bare<W: Kind>(_: &Runtime, jobs: u64) {
    let mut results = Vec::with_capacity(jobs as usize);
    for job in 0..jobs {
        results.push(black_box(finish::<W>(job)));
    }
    assert_eq!(black_box(&results).len() as u64, jobs);
}

/// Every job goes through a mutex on its way in, and its result through another one on its way out: four times a lock
/// that nobody else wants. No worker, no waiting.
fn mutexes<W: Kind>(_: &Runtime, jobs: u64) {
    let inbox = Mutex::new(VecDeque::with_capacity(CAPACITY));
    let outbox = Mutex::new(VecDeque::with_capacity(CAPACITY));
    let mut results = Vec::with_capacity(jobs as usize);
    let mut keys = 0..jobs;
    while results.len() < jobs as usize {
        for key in keys.by_ref().take(CAPACITY) {
            lock(black_box(&inbox)).push_back(key);
        }
        loop {
            let Some(job) = lock(black_box(&inbox)).pop_front() else { break };
            let result = finish::<W>(job);
            lock(black_box(&outbox)).push_back(result);
        }
        loop {
            let Some(result) = lock(black_box(&outbox)).pop_front() else { break };
            results.push(result);
        }
    }
    assert_eq!(black_box(&results).len() as u64, jobs);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
