//! The bounds: the same decisions written by hand, with nothing around them.

use super::{AT_ONCE, OWN, RATE, RETRY, THREE, repeat};
use crate::measure::Subject;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Runtime;

pub(super) const BOUND: &str = "bound";
pub(super) const LOCKED: &str = "bound, locked twice";

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject { face: LOCKED, kind: RATE, run: |_, times| locked_rate(times) },
        Subject { face: LOCKED, kind: AT_ONCE, run: |_, times| locked_counter(times) },
        Subject { face: BOUND, kind: OWN, run: |_, times| rate(times) },
        Subject { face: BOUND, kind: THREE, run: |_, times| three(times) },
        Subject { face: BOUND, kind: RETRY, run: operation },
    ]
}

/// A rate with a burst, in the form in which everybody writes it once.
#[derive(Default)]
pub(super) struct Rate {
    /// When the bucket would be full again.
    full: u64,
}

impl Rate {
    const GAP: u64 = 1;
    const BURST: u64 = 1_000_000_000;

    pub(super) fn start(&mut self, now: u64) -> bool {
        let admitted = self.full.saturating_sub(Self::BURST) <= now;
        if admitted {
            self.full = self.full.max(now) + Self::GAP;
        }
        admitted
    }
}

#[derive(Default)]
struct Counter {
    taken: u64,
}

impl Counter {
    const MAX: u64 = 64;

    fn start(&mut self) -> bool {
        let admitted = self.taken < Self::MAX;
        self.taken += u64::from(admitted);
        admitted
    }

    fn finish(&mut self) {
        self.taken -= 1;
    }
}

/// One read of the clock, and the lock for the start and for the finish: what no limiter with a lock can do without.
fn locked_rate(times: u64) {
    let origin = Instant::now();
    let rate = Mutex::new(Rate::default());
    repeat(times, |_| {
        let now = origin.elapsed().as_nanos() as u64;
        assert!(rate.lock().unwrap_or_else(PoisonError::into_inner).start(now));
        black_box(&mut *rate.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

fn locked_counter(times: u64) {
    let counter = Mutex::new(Counter::default());
    repeat(times, |_| {
        assert!(counter.lock().unwrap_or_else(PoisonError::into_inner).start());
        counter.lock().unwrap_or_else(PoisonError::into_inner).finish();
    });
}

fn rate(times: u64) {
    let mut rate = Rate::default();
    repeat(times, |now| assert!(black_box(&mut rate).start(now)));
}

fn three(times: u64) {
    let (mut one, mut two, mut counter) = (Rate::default(), Rate::default(), Counter::default());
    repeat(times, |now| {
        assert!(black_box(&mut one).start(now) & black_box(&mut two).start(now) & counter.start());
        black_box(&mut counter).finish();
    });
}

/// The operation without a retry around it.
fn operation(runtime: &Runtime, times: u64) {
    runtime.block_on(async {
        for time in 0..times {
            let operation = async || black_box(Ok::<_, ()>(time));
            let result = operation().await;
            assert!(result.is_ok());
        }
    });
}
