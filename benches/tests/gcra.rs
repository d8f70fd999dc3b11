//! `Gcra` and governor's rate limiter decide alike: the same algorithm, written twice by different people.
//!
//! Where they differ by definition: governor rounds the time between two starts down to whole nanoseconds, and so grants
//! slightly more than it says where the number per period doesn't divide the period; `Gcra` doesn't round. A request of
//! cost 0 doesn't exist there, and neither does giving back.

#![forbid(unsafe_code)]

use fastrand::Rng;
use governor::clock::FakeRelativeClock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use regatta::strategies::Gcra;
use regatta::{Outcome, Readiness, Rejection, Request, Strategy, Time};
use std::num::NonZeroU32;
use std::time::Duration;

/// What both can say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Started,
    /// Nanoseconds from the start of the history.
    NotBefore(u64),
    TooCostly {
        max: u32,
    },
}

type Governor = RateLimiter<
    governor::state::NotKeyed,
    governor::state::InMemoryState,
    FakeRelativeClock,
    governor::middleware::NoOpMiddleware<governor::nanos::Nanos>,
>;

fn ask_governor(governor: &Governor, cost: u32) -> Answer {
    let cost = NonZeroU32::new(cost).expect("cost 0 doesn't exist there");
    match governor.check_n(cost) {
        Ok(Ok(())) => Answer::Started,
        Ok(Err(until)) => Answer::NotBefore(until.earliest_possible().as_u64()),
        Err(insufficient) => Answer::TooCostly { max: insufficient.0 },
    }
}

fn ask_ours(gcra: &mut Gcra, now: u64, cost: u32) -> Answer {
    let now = Time::from_nanos(now);
    let request = Request::new().cost(cost);
    let said = gcra.ready(now, &request);
    match gcra.start(now, &request) {
        Ok(token) => {
            assert!(said.is_ready());
            gcra.finish(token, now, Outcome::Success);
            Answer::Started
        }
        Err(refusal) => {
            assert_eq!(refusal, said);
            match refusal {
                Readiness::NotBefore(time) => Answer::NotBefore(time.as_nanos()),
                Readiness::Rejected(Rejection::TooCostly { max, .. }) => Answer::TooCostly { max },
                other => panic!("no answer of a rate: {other:?}"),
            }
        }
    }
}

/// One random configuration and a random history on it. Times are chosen around the moments at which answers change.
fn history(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let gap = *random.choice(&[1, 2, 7, 1_000, 999_983, 1_000_000_000]).expect("six");
    let (n, burst) = (random.u32(1..=9), random.u32(1..=12));
    let clock = FakeRelativeClock::default();
    let quota = Quota::with_period(Duration::from_nanos(gap))
        .expect("a gap")
        .allow_burst(NonZeroU32::new(burst).expect("a burst"));
    let governor = RateLimiter::direct_with_clock(quota, clock.clone());
    let mut ours = Gcra::new(n, Duration::from_nanos(gap * u64::from(n)))
        .expect("a rate")
        .burst(burst)
        .expect("a burst");
    let (mut now, mut next) = (0, None);
    for step in 0..400 {
        let pause = match (random.u32(0..8), next) {
            // To the nanosecond at which it may start, or the one before.
            (0..=1, Some(next)) if next > now => next - now - u64::from(random.bool()),
            (2, _) => gap,
            (3, _) => gap.saturating_sub(1),
            (4, _) => random.u64(0..=3 * gap),
            // Long enough for the whole burst to come back, and longer.
            (5, _) if random.u32(0..8) == 0 => random.u64(0..=3 * gap * u64::from(burst)),
            _ => 0,
        };
        clock.advance(Duration::from_nanos(pause));
        now += pause;
        let cost = if random.bool() { 1 } else { random.u32(1..=burst + 1) };
        let (mine, theirs) = (ask_ours(&mut ours, now, cost), ask_governor(&governor, cost));
        assert_eq!(mine, theirs, "seed {seed}, step {step}: {cost} of {burst} at {now}, every {gap}");
        if let Answer::NotBefore(time) = mine {
            next = Some(time);
        }
    }
}

/// `REGATTA_SEEDS` tells how many; 500 unless it does.
#[test]
fn both_decide_alike_over_random_histories() {
    let seeds = std::env::var("REGATTA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(500);
    (0..seeds).for_each(history);
}

/// Three per second: governor's gap is 333,333,333 ns, a third of a nanosecond short, and over time that adds up.
#[test]
fn a_rate_that_does_not_divide_is_not_rounded() {
    const SECOND: u64 = 1_000_000_000;
    const STARTS: u64 = 3_000;
    let (three, two) = (const { NonZeroU32::new(3).unwrap() }, const { NonZeroU32::new(2).unwrap() });
    let clock = FakeRelativeClock::default();
    let governor = RateLimiter::direct_with_clock(Quota::per_second(three).allow_burst(two), clock.clone());
    let mut before = 0;
    let theirs = last_start(STARTS, |now| {
        clock.advance(Duration::from_nanos(now - before));
        before = now;
        ask_governor(&governor, 1)
    });
    let mut gcra = Gcra::new(3, Duration::from_nanos(SECOND)).and_then(|rate| rate.burst(2)).expect("a rate");
    let ours = last_start(STARTS, |now| ask_ours(&mut gcra, now, 1));
    // Two start at once, and each of the others a third of a second later.
    let gaps = STARTS - 2;
    assert_eq!(ours, (gaps * SECOND).div_ceil(3));
    assert_eq!(theirs, gaps * (SECOND / 3));
}

/// When the last of so many starts, if each starts as early as it may.
fn last_start(starts: u64, mut ask: impl FnMut(u64) -> Answer) -> u64 {
    let mut now = 0;
    for _ in 0..starts {
        loop {
            match ask(now) {
                Answer::Started => break,
                Answer::NotBefore(next) => now = next,
                Answer::TooCostly { .. } => panic!("1 is not too much"),
            }
        }
    }
    now
}

/// The types that users write down.
#[test]
fn the_default_limiter_agrees_on_the_first_burst() {
    let governor: DefaultDirectRateLimiter =
        RateLimiter::direct(Quota::per_hour(const { NonZeroU32::new(5).unwrap() }));
    let mut ours = Gcra::new(5, Duration::from_secs(3_600)).and_then(|rate| rate.burst(5)).expect("a rate");
    for _ in 0..5 {
        assert!(governor.check().is_ok() && ask_ours(&mut ours, 0, 1) == Answer::Started);
    }
    assert!(governor.check().is_err() && ask_ours(&mut ours, 0, 1) != Answer::Started);
}
