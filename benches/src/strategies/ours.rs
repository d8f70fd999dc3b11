//! Our subjects, by their public faces.

use super::{AT_ONCE, BREAKER, OWN, RATE, THREE, repeat};
use crate::measure::Subject;
use regatta::strategies::{Breaker, Concurrency, Spacing};
use regatta::{Clock, Limiter, Outcome, Request, Strategy, SystemClock, Time};
use std::hint::black_box;
use std::time::Duration;

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: "Limiter<Spacing>", kind: RATE, run: |_, times| limiter(spacing(), times) },
        Subject {
            face: "Limiter<Concurrency>",
            kind: AT_ONCE,
            run: |_, times| limiter(concurrency(), times),
        },
        Subject { face: "Limiter<Breaker>", kind: BREAKER, run: |_, times| limiter(breaker(), times) },
        Subject { face: "Breaker, one clock read", kind: BREAKER, run: |_, times| clocked(breaker(), times) },
        Subject { face: "Breaker", kind: OWN, run: |_, times| own(breaker(), times) },
        Subject { face: "Concurrency", kind: OWN, run: |_, times| own(concurrency(), times) },
        Subject { face: "Spacing", kind: OWN, run: |_, times| own(spacing(), times) },
        Subject {
            face: "Concurrency, Spacing twice",
            kind: THREE,
            run: |_, times| own((concurrency(), spacing(), spacing()), times),
        },
    ]
}

fn concurrency() -> Concurrency {
    Concurrency::new(64).expect("64 is a limit")
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
