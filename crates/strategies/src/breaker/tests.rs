//! What a breaker does, with literal times; its parts have files of their own.

mod config;
mod health;
mod manual;
mod mistakes;
mod oracle;
mod reference;
mod shared;

use super::*;
use crate::laws::{self, Bound};
use fastrand::Rng;
use regatta_core::{Outcome, Readiness, Rejection, Request, Strategy};
use std::time::Duration;

const PAUSE: u64 = 10;

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Opens after the first failure, for [`PAUSE`]; probes time out after 5.
fn touchy() -> Breaker {
    Breaker::consecutive(1).unwrap().open_for(nanos(PAUSE)).unwrap().probe_timeout(nanos(5)).unwrap()
}

fn ready(breaker: &Breaker, now: u64) -> Readiness {
    breaker.ready(at(now), &Request::new())
}

fn started(breaker: &mut Breaker, now: u64) -> BreakerToken {
    breaker.start(at(now), &Request::new()).expect("it admits")
}

fn call(breaker: &mut Breaker, now: u64, outcome: Outcome) {
    let token = started(breaker, now);
    breaker.finish(token, at(now), outcome);
}

/// Any settings, with times that the histories of the laws come across.
fn any(random: &mut Rng) -> Breaker {
    let time = |random: &mut Rng| {
        nanos([random.u64(1..30), random.u64(1..300), u64::MAX][random.usize(..3).min(random.usize(..3))])
    };
    let rate = |random: &mut Rng| [0.1, 0.3, 0.5, 0.75, 1.0][random.usize(..5)];
    let mut breaker = match random.u8(..3) {
        0 => Breaker::consecutive(random.u32(1..4)).unwrap(),
        1 => {
            let size = if random.bool() { random.u32(1..6) } else { random.u32(1..150) };
            Breaker::count_window(size, rate(random)).unwrap().minimum(random.u32(1..=size)).unwrap()
        }
        _ => Breaker::time_window(time(random), rate(random)).unwrap().minimum(random.u32(1..6)).unwrap(),
    };
    breaker = breaker.open_for(time(random)).unwrap().probes(random.u32(1..4)).unwrap();
    breaker = breaker.probe_timeout(time(random)).unwrap();
    if random.bool() {
        breaker = breaker.clone().slow(nanos(random.u64(1..10)), rate(random)).unwrap_or(breaker);
    }
    if random.bool() {
        breaker = breaker.growing(2.0, Duration::MAX).unwrap();
    }
    if random.bool() { breaker.recover_over(time(random)).unwrap() } else { breaker }
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, any);
}

#[test]
fn the_laws_hold_failing_fast() {
    laws::hold(Bound::Lower, |random| any(random).fail_fast());
}

/// From any state, half of them changed by hand.
#[test]
fn the_laws_hold_in_the_middle_of_things() {
    laws::hold(Bound::Outside, |random| {
        let mut breaker = any(random);
        let mut now = Time::ZERO;
        for _ in 0..random.usize(..40) {
            now = laws::later(now, random);
            if let Ok(token) = breaker.start(now, &Request::new()) {
                breaker.finish(token, laws::later(now, random), laws::outcome(random));
            }
            match random.u8(..20) {
                0 => breaker.trip(now),
                1 => breaker.half_open(now),
                2 => breaker.reset(),
                3 => breaker.force_open(),
                _ => {}
            }
        }
        Weary(breaker)
    });
}

/// A breaker that has seen something already, so it is never at rest like a fresh one.
#[derive(Clone, PartialEq, Debug)]
struct Weary(Breaker);

impl Strategy for Weary {
    type Token = BreakerToken;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.0.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<BreakerToken, Readiness> {
        self.0.start(now, request)
    }

    fn finish(&mut self, token: BreakerToken, now: Time, outcome: Outcome) {
        self.0.finish(token, now, outcome);
    }
}

#[test]
fn smoke() {
    let mut breaker = Breaker::consecutive(2).unwrap().open_for(nanos(PAUSE)).unwrap();
    call(&mut breaker, 0, Outcome::Failure);
    call(&mut breaker, 1, Outcome::Success);
    call(&mut breaker, 2, Outcome::Failure);
    assert_eq!(breaker.state(at(2)), BreakerState::Closed, "two, but not in a row");
    call(&mut breaker, 3, Outcome::Overload);
    assert_eq!(breaker.state(at(3)), BreakerState::Open { until: at(13) });
    assert_eq!(ready(&breaker, 12), Readiness::NotBefore(at(13)));
    assert_eq!((ready(&breaker, 13), breaker.state(at(13))), (Readiness::Ready, BreakerState::HalfOpen));
    call(&mut breaker, 13, Outcome::Success);
    assert_eq!(breaker.state(at(13)), BreakerState::Closed);
}

#[test]
fn a_share_of_the_last_results_opens_it() {
    let mut breaker = Breaker::count_window(4, 0.5).unwrap();
    for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Success] {
        call(&mut breaker, 0, outcome);
        assert_eq!(breaker.state(at(0)), BreakerState::Closed, "not judged before it is full");
    }
    call(&mut breaker, 0, Outcome::Success);
    assert!(!ready(&breaker, 0).is_ready(), "two of four are half of them, whoever comes last");
}

#[test]
fn the_oldest_result_leaves_a_count_window() {
    let mut breaker = Breaker::count_window(3, 0.5).unwrap().minimum(2).unwrap();
    for outcome in [Outcome::Success, Outcome::Success, Outcome::Failure, Outcome::Success, Outcome::Success]
    {
        call(&mut breaker, 0, outcome);
    }
    call(&mut breaker, 0, Outcome::Failure);
    assert_eq!(breaker.state(at(0)), BreakerState::Closed, "the first failure has left");
    call(&mut breaker, 0, Outcome::Failure);
    assert_ne!(breaker.state(at(0)), BreakerState::Closed);
}

#[test]
fn old_results_leave_a_time_window() {
    let mut breaker = Breaker::time_window(nanos(100), 0.5).unwrap().minimum(4).unwrap();
    call(&mut breaker, 5, Outcome::Failure);
    call(&mut breaker, 99, Outcome::Failure);
    call(&mut breaker, 100, Outcome::Success);
    call(&mut breaker, 100, Outcome::Failure);
    assert_eq!(breaker.state(at(100)), BreakerState::Closed, "the first one has left, so there are three");
    call(&mut breaker, 189, Outcome::Success);
    assert_ne!(breaker.state(at(189)), BreakerState::Closed, "two of four");
}

#[test]
fn slow_calls_open_it_even_if_they_succeed() {
    let mut breaker = Breaker::count_window(4, 1.0).unwrap().slow(nanos(3), 0.5).unwrap();
    for (start, end) in [(0, 4), (10, 13), (20, 29), (30, 30)] {
        assert_eq!(breaker.state(at(start)), BreakerState::Closed);
        let token = started(&mut breaker, start);
        breaker.finish(token, at(end), Outcome::Success);
    }
    assert_ne!(breaker.state(at(30)), BreakerState::Closed, "two of four took longer than 3");
}

#[test]
fn a_slow_probe_opens_it_again() {
    let mut breaker = Breaker::count_window(4, 1.0).unwrap().slow(nanos(3), 0.5).unwrap();
    breaker = breaker.open_for(nanos(PAUSE)).unwrap();
    breaker.trip(at(0));
    let probe = started(&mut breaker, 10);
    breaker.finish(probe, at(14), Outcome::Success);
    assert_eq!(breaker.state(at(14)), BreakerState::Open { until: at(24) });
}

#[test]
fn so_many_probes_have_to_succeed() {
    let mut breaker = touchy().probes(3).unwrap();
    breaker.trip(at(0));
    let probes = [0; 3].map(|_| started(&mut breaker, 10));
    assert_eq!(ready(&breaker, 10), Readiness::NotBefore(at(15)), "three at once");
    for probe in probes {
        assert_eq!(breaker.state(at(12)), BreakerState::HalfOpen);
        breaker.finish(probe, at(12), Outcome::Success);
    }
    assert_eq!(breaker.state(at(12)), BreakerState::Closed);
}

#[test]
fn one_failure_among_the_probes_opens_it_again() {
    let mut breaker = touchy().probes(3).unwrap();
    breaker.trip(at(0));
    call(&mut breaker, 10, Outcome::Success);
    call(&mut breaker, 10, Outcome::Success);
    call(&mut breaker, 11, Outcome::Failure);
    assert_eq!(breaker.state(at(11)), BreakerState::Open { until: at(21) });
    call(&mut breaker, 21, Outcome::Success);
    assert_eq!(breaker.state(at(21)), BreakerState::HalfOpen, "earlier successes no longer count");
}

#[test]
fn each_opening_lasts_longer_until_it_has_recovered() {
    let mut breaker = touchy().growing(2.0, nanos(35)).unwrap();
    let mut now = 0;
    for pause in [10, 20, 35, 35] {
        call(&mut breaker, now, Outcome::Failure);
        assert_eq!(breaker.state(at(now)), BreakerState::Open { until: at(now + pause) });
        now += pause;
    }
    call(&mut breaker, now, Outcome::Success);
    call(&mut breaker, now, Outcome::Failure);
    assert_eq!(breaker.state(at(now)), BreakerState::Open { until: at(now + 10) });
}

#[test]
fn whoever_fails_while_recovering_has_not_recovered() {
    let mut breaker = touchy().growing(2.0, nanos(35)).unwrap().recover_over(nanos(100)).unwrap();
    breaker.trip(at(0));
    call(&mut breaker, 10, Outcome::Success);
    assert_eq!(breaker.state(at(109)), BreakerState::Recovering { until: at(110) });
    let mut well = breaker.clone();
    call(&mut breaker, 109, Outcome::Failure);
    assert_eq!(breaker.state(at(109)), BreakerState::Open { until: at(129) });
    call(&mut well, 110, Outcome::Failure);
    assert_eq!(well.state(at(110)), BreakerState::Open { until: at(120) });
}

#[test]
fn recovery_doubles_its_cap_ten_times() {
    let mut breaker = touchy().probes(2).unwrap().recover_over(nanos(100)).unwrap();
    breaker.trip(at(0));
    call(&mut breaker, 10, Outcome::Success);
    call(&mut breaker, 10, Outcome::Success);
    let mut tokens = Vec::new();
    for step in 0..10 {
        let now = 10 + 10 * step;
        while tokens.len() < 2_000 && ready(&breaker, now).is_ready() {
            tokens.push(started(&mut breaker, now));
        }
        assert_eq!(tokens.len(), 2 << step);
        assert_eq!(ready(&breaker, now), Readiness::NotBefore(at(now + 10)));
    }
    let token = tokens.pop().unwrap();
    breaker.finish(token, at(109), Outcome::Neutral);
    assert!(ready(&breaker, 109).is_ready(), "one has ended");
    tokens.push(started(&mut breaker, 109));
    for _ in 0..2_000 {
        tokens.push(started(&mut breaker, 110));
    }
    assert_eq!(breaker.state(at(110)), BreakerState::Closed);
}

/// A tenth of 54 is no whole number: the second step begins after 6, not after 5.
#[test]
fn no_step_of_recovery_begins_early() {
    let mut breaker = touchy().recover_over(nanos(54)).unwrap();
    breaker.trip(at(0));
    call(&mut breaker, 10, Outcome::Success);
    let _running = started(&mut breaker, 10);
    assert_eq!(ready(&breaker, 15), Readiness::NotBefore(at(16)));
}

#[test]
fn failing_fast_it_makes_nobody_wait() {
    let refused = Readiness::Rejected(Rejection::Open);
    let mut breaker = touchy().recover_over(nanos(100)).unwrap().fail_fast();
    breaker.trip(at(0));
    assert_eq!(ready(&breaker, 9), refused);
    let probe = started(&mut breaker, 10);
    assert_eq!(ready(&breaker, 10), refused, "there is one probe already");
    breaker.finish(probe, at(10), Outcome::Success);
    let _first = started(&mut breaker, 10);
    assert_eq!(ready(&breaker, 10), refused, "still recovering");
    breaker.force_open();
    assert_eq!(ready(&breaker, 999), refused);
}

#[test]
fn it_rests_when_there_is_nothing_to_remember() {
    let mut breaker = Breaker::time_window(nanos(100), 0.5).unwrap();
    assert_eq!(breaker.rest(at(0)), Readiness::Ready);
    let running = started(&mut breaker, 7);
    assert_eq!(breaker.rest(at(7)), Readiness::OnChange, "its result is still to come");
    breaker.finish(running, at(8), Outcome::Failure);
    assert_eq!(breaker.rest(at(8)), Readiness::NotBefore(at(100)));
    assert_eq!(breaker.rest(at(100)), Readiness::Ready);

    let mut breaker = touchy().recover_over(nanos(50)).unwrap();
    breaker.trip(at(0));
    assert_eq!(breaker.rest(at(999)), Readiness::OnChange, "half-open");
    call(&mut breaker, 10, Outcome::Success);
    assert_eq!(breaker.rest(at(10)), Readiness::NotBefore(at(60)));
    assert_eq!(breaker.rest(at(60)), Readiness::Ready);
}

#[test]
fn it_tells_what_it_counts() {
    let counts = |breaker: &Breaker| {
        let BreakerTally { results, failures, slow } = breaker.tally();
        (results, failures, slow, breaker.in_flight())
    };
    let mut breaker = Breaker::count_window(3, 1.0).unwrap().slow(nanos(3), 1.0).unwrap();
    call(&mut breaker, 0, Outcome::Failure);
    let running = started(&mut breaker, 0);
    assert_eq!(counts(&breaker), (1, 1, 0, 1));
    breaker.finish(running, at(9), Outcome::Success);
    assert_eq!(counts(&breaker), (2, 1, 1, 0));
    breaker.trip(at(9));
    assert_eq!(counts(&breaker), (0, 0, 0, 0));

    let mut breaker = Breaker::consecutive(3).unwrap();
    call(&mut breaker, 0, Outcome::Failure);
    call(&mut breaker, 0, Outcome::Failure);
    assert_eq!(counts(&breaker), (2, 2, 0, 0));
}

#[test]
fn it_explains_itself() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    let mut reasons = Vec::new();
    breaker.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("breaker".to_owned(), Readiness::NotBefore(at(10)))]);
    assert!(breaker.timed());
}
