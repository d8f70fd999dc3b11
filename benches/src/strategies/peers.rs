//! The peers. All are asked for what they have.

use super::{AT_ONCE, BREAKER, KEYED, RATE, RETRY, class_of, repeat};
use crate::measure::Subject;
use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, Retryable};
use failsafe::{CircuitBreaker, Config, backoff, failure_policy};
use governor::clock::{Clock, DefaultClock, MonotonicClock};
use governor::{Quota, RateLimiter};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) const GOVERNOR: &str = "governor";
pub(super) const GOVERNOR_STD: &str = "governor, std's clock";
pub(super) const LEAKY_BUCKET: &str = "leaky-bucket";
pub(super) const TOKIO: &str = "tokio Semaphore";
pub(super) const ASYNC_LOCK: &str = "async-lock Semaphore";
pub(super) const RECLOSER: &str = "recloser";
const BACKON: &str = "backon, constant";
const BACKON_EXPONENTIAL: &str = "backon, exponential";
const FAILSAFE: &str = "failsafe";
const FAILSAFE_ROW: &str = "failsafe, in a row";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: GOVERNOR, kind: RATE, run: |_, times| governor(DefaultClock::default(), times) },
        Subject { face: GOVERNOR_STD, kind: RATE, run: |_, times| governor(MonotonicClock, times) },
        Subject { face: GOVERNOR, kind: KEYED, run: |_, times| keyed(DefaultClock::default(), times) },
        Subject { face: GOVERNOR_STD, kind: KEYED, run: |_, times| keyed(MonotonicClock, times) },
        Subject {
            face: LEAKY_BUCKET,
            kind: RATE,
            run: |runtime, times| {
                let _inside = runtime.enter();
                leaky_bucket(times);
            },
        },
        Subject { face: TOKIO, kind: AT_ONCE, run: |_, times| tokio(times) },
        Subject { face: ASYNC_LOCK, kind: AT_ONCE, run: |_, times| async_lock(times) },
        Subject { face: RECLOSER, kind: BREAKER, run: |_, times| recloser(times) },
        Subject {
            face: BACKON,
            kind: RETRY,
            run: |runtime, times| backon(runtime, ConstantBuilder::default(), times),
        },
        Subject {
            face: BACKON_EXPONENTIAL,
            kind: RETRY,
            run: |runtime, times| backon(runtime, ExponentialBuilder::default(), times),
        },
        Subject { face: FAILSAFE, kind: BREAKER, run: |_, times| failsafe(&Config::new().build(), times) },
        Subject {
            face: FAILSAFE_ROW,
            kind: BREAKER,
            run: |_, times| {
                let policy =
                    failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(10)));
                failsafe(&Config::new().failure_policy(policy).build(), times);
            },
        },
    ]
}

/// One per nanosecond, and a second's worth of burst.
pub(super) fn quota() -> Quota {
    Quota::per_second(const { NonZeroU32::new(1_000_000_000).unwrap() })
}

fn governor<C: Clock>(clock: C, times: u64) {
    let limiter = RateLimiter::direct_with_clock(quota(), clock);
    repeat(times, |_| assert!(limiter.check().is_ok()));
}

/// Its table is dashmap's, as it is unless told otherwise.
fn keyed<C: Clock>(clock: C, times: u64) {
    let limiter = RateLimiter::dashmap_with_clock(quota(), clock);
    repeat(times, |time| assert!(limiter.check_key(&class_of(time)).is_ok()));
}

fn leaky_bucket(times: u64) {
    let limiter = bucket();
    repeat(times, |_| assert!(limiter.try_acquire(1)));
}

/// As full as it gets.
pub(super) fn bucket() -> leaky_bucket::RateLimiter {
    let mut builder = leaky_bucket::RateLimiter::builder();
    builder.initial(usize::MAX).max(usize::MAX).interval(Duration::from_millis(1)).build()
}

fn tokio(times: u64) {
    let semaphore = tokio::sync::Semaphore::new(64);
    repeat(times, |_| drop(semaphore.try_acquire().expect("there is always room")));
}

fn async_lock(times: u64) {
    let semaphore = async_lock::Semaphore::new(64);
    repeat(times, |_| drop(semaphore.try_acquire().expect("there is always room")));
}

/// The last hundred count, as they do unless told otherwise.
fn recloser(times: u64) {
    let breaker = recloser::Recloser::default();
    repeat(times, |time| assert!(breaker.call(|| black_box(Ok::<_, ()>(time))).is_ok()));
}

fn failsafe(breaker: &impl CircuitBreaker, times: u64) {
    repeat(times, |time| assert!(breaker.call(|| black_box(Ok::<_, ()>(time))).is_ok()));
}

fn backon(runtime: &Runtime, rule: impl BackoffBuilder + Copy, times: u64) {
    runtime.block_on(async {
        for time in 0..times {
            let result = (async || black_box(Ok::<_, ()>(time))).retry(rule).await;
            assert!(result.is_ok());
        }
    });
}
