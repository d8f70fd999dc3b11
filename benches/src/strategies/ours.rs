//! Our subjects, by their public faces.

use super::{AT_ONCE, BREAKER, KEYED, OWN, RATE, RETRY, THREE, class_of, repeat};
use crate::measure::Subject;
use regatta::strategies::{Breaker, Concurrency, Gcra, Keyed, SlidingWindow, Spacing, retry};
use regatta::{
    Backoff, Class, Clock, Limiter, Outcome, Request, Retry, Strategy, SystemClock, TaskError, Time, retry_fn,
};
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) const CONCURRENCY: &str = "Limiter<Concurrency>";
pub(super) const KEYED_GCRA: &str = "Limiter<Keyed<Gcra>>";
pub(super) const UNCLOCKED: &str = "Breaker, no clock read";
pub(super) const GCRA: &str = "Limiter<Gcra>";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: GCRA, kind: RATE, run: |_, times| limiter(gcra(), times) },
        Subject { face: CONCURRENCY, kind: AT_ONCE, run: |_, times| limiter(concurrency(), times) },
        Subject { face: KEYED_GCRA, kind: KEYED, run: |_, times| keyed(times) },
        Subject { face: "Limiter<Breaker>", kind: BREAKER, run: |_, times| limiter(breaker(), times) },
        Subject { face: "Breaker, one clock read", kind: BREAKER, run: |_, times| clocked(breaker(), times) },
        Subject { face: UNCLOCKED, kind: BREAKER, run: |_, times| own(breaker(), times) },
        Subject { face: "Breaker", kind: OWN, run: |_, times| own(breaker(), times) },
        Subject { face: "Concurrency", kind: OWN, run: |_, times| own(concurrency(), times) },
        Subject { face: "Gcra", kind: OWN, run: |_, times| own(gcra(), times) },
        Subject { face: "SlidingWindow", kind: OWN, run: |_, times| own(window(), times) },
        Subject { face: "Spacing", kind: OWN, run: |_, times| own(spacing(), times) },
        Subject {
            face: "Concurrency, Gcra, Breaker",
            kind: THREE,
            run: |_, times| own((concurrency(), gcra(), breaker()), times),
        },
        Subject {
            face: "Concurrency, Spacing twice",
            kind: THREE,
            run: |_, times| own((concurrency(), spacing(), spacing()), times),
        },
        Subject {
            face: "retry, constant",
            kind: RETRY,
            run: |runtime, times| {
                let rule = Backoff::constant(Duration::from_millis(100));
                retried(runtime, || rule.clone(), times);
            },
        },
        Subject {
            face: "retry, exponential",
            kind: RETRY,
            run: |runtime, times| {
                let rule = Backoff::exponential(Duration::from_millis(100));
                retried(runtime, || rule.clone(), times);
            },
        },
        Subject {
            face: "retry, closure",
            kind: RETRY,
            run: |runtime, times| {
                let rule = || {
                    retry_fn(|attempts, _: &TaskError<()>| {
                        (attempts < 3).then_some(Duration::from_millis(100))
                    })
                };
                retried(runtime, rule, times);
            },
        },
    ]
}

pub(super) fn concurrency() -> Concurrency {
    Concurrency::new(64).expect("64 is a limit")
}

/// One per nanosecond, and a second's worth of burst, as the peers.
pub(super) fn gcra() -> Gcra {
    let second = Duration::from_secs(1);
    Gcra::new(1_000_000_000, second).and_then(|rate| rate.burst(1_000_000_000)).expect("a rate")
}

/// A log of 64, which wraps around all the time.
fn window() -> SlidingWindow {
    SlidingWindow::new(64, Duration::from_nanos(64)).expect("a window")
}

fn spacing() -> Spacing {
    Spacing::new(Duration::from_nanos(1)).expect("a nanosecond is a gap")
}

/// Half of the last hundred, as recloser counts.
fn breaker() -> Breaker {
    Breaker::count_window(100, 0.5).expect("half of a hundred")
}

/// A permit is taken and completed, on the default clock.
fn limiter<S>(strategy: S, times: u64)
where
    S: Strategy<Token: Send + 'static> + Send + 'static,
{
    let limiter = Limiter::new(strategy);
    repeat(times, |_| limiter.try_acquire().expect("there is always room").complete(Outcome::Success));
}

/// The same for many classes.
fn keyed(times: u64) {
    let limiter = Limiter::new(Keyed::new(gcra()));
    repeat(times, |time| {
        let request = Request::new().class(Class::from_u64(class_of(time)));
        limiter.try_acquire_for(&request).expect("there is always room").complete(Outcome::Success);
    });
}

/// As an engine asks: at a time that it knows already.
fn own<S: Strategy>(mut strategy: S, times: u64) {
    let request = Request::new();
    repeat(times, |time| {
        let now = Time::from_nanos(time);
        let Ok(token) = black_box(&mut strategy).start(now, &request) else { panic!("there is always room") };
        black_box(&mut strategy).finish(token, now, Outcome::Success);
    });
}

/// As a program asks that has its strategy for itself.
fn clocked<S: Strategy>(mut strategy: S, times: u64) {
    let (clock, request) = (black_box(SystemClock::shared()), Request::new());
    repeat(times, |_| {
        let now = clock.now();
        let Ok(token) = black_box(&mut strategy).start(now, &request) else { panic!("there is always room") };
        black_box(&mut strategy).finish(token, now, Outcome::Success);
    });
}

/// One operation after the other, each with a rule of its own.
fn retried<R: Retry<()>>(runtime: &Runtime, rule: impl Fn() -> R, times: u64) {
    runtime.block_on(async {
        for time in 0..times {
            let result = retry(rule(), async || black_box(Ok::<_, ()>(time))).await;
            assert!(result.is_ok());
        }
    });
}
