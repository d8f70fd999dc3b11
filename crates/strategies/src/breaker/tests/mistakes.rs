//! What went wrong in other breakers, one story each.

use super::*;

#[test]
fn asking_reserves_nothing() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    for _ in 0..100 {
        assert_eq!(ready(&breaker, 10), Readiness::Ready);
    }
    let _probe = started(&mut breaker, 10);
}

#[test]
fn a_late_failure_does_not_open_it_again() {
    let mut breaker = touchy();
    let [first, second] = [0; 2].map(|_| started(&mut breaker, 0));
    breaker.finish(first, at(0), Outcome::Failure);
    let probe = started(&mut breaker, 10);
    breaker.finish(second, at(11), Outcome::Failure);
    assert_eq!(breaker.state(at(11)), BreakerState::HalfOpen, "it started before the breaker opened");
    breaker.finish(probe, at(12), Outcome::Success);
    assert_eq!(breaker.state(at(12)), BreakerState::Closed);
}

#[test]
fn a_late_success_does_not_close_it() {
    let mut breaker = touchy();
    let [first, second] = [0; 2].map(|_| started(&mut breaker, 0));
    breaker.finish(first, at(0), Outcome::Failure);
    breaker.finish(second, at(11), Outcome::Success);
    assert_eq!(breaker.state(at(11)), BreakerState::HalfOpen);
}

#[test]
fn a_late_failure_does_not_count_in_the_new_window() {
    let mut breaker = touchy();
    let [first, second] = [0; 2].map(|_| started(&mut breaker, 0));
    breaker.finish(first, at(0), Outcome::Failure);
    call(&mut breaker, 10, Outcome::Success);
    breaker.finish(second, at(11), Outcome::Failure);
    assert_eq!(breaker.state(at(11)), BreakerState::Closed);
}

#[test]
fn a_probe_of_an_earlier_half_open_time_changes_nothing() {
    let mut breaker = touchy().probes(2).unwrap();
    breaker.trip(at(0));
    let [first, second] = [0; 2].map(|_| started(&mut breaker, 10));
    breaker.finish(first, at(10), Outcome::Failure);
    let mut third = started(&mut breaker, 20);
    let before = breaker.clone();
    breaker.finish(second, at(21), Outcome::Success);
    assert_eq!(breaker.in_flight, before.in_flight - 1, "what it held");
    breaker.in_flight += 1;
    assert_eq!(breaker, before, "and nothing else: neither a success nor the place of another probe");
    for _ in 0..2 {
        breaker.finish(third, at(21), Outcome::Success);
        third = started(&mut breaker, 21);
    }
    assert_eq!(breaker.state(at(21)), BreakerState::Closed);
}

#[test]
fn half_open_does_not_let_everybody_through() {
    let mut breaker = touchy().probes(3).unwrap();
    breaker.trip(at(0));
    let admitted = (0..100).filter_map(|_| breaker.start(at(10), &Request::new()).ok()).count();
    assert_eq!(admitted, 3);
}

#[test]
fn the_cap_holds_whatever_becomes_of_the_probes() {
    for outcome in [Outcome::Unused, Outcome::Cancelled, Outcome::Neutral] {
        let mut breaker = touchy().probes(2).unwrap();
        breaker.trip(at(0));
        let [first, second] = [0; 2].map(|_| started(&mut breaker, 10));
        assert!(!ready(&breaker, 10).is_ready());
        breaker.finish(first, at(11), outcome);
        let _third = started(&mut breaker, 11);
        assert!(!ready(&breaker, 11).is_ready(), "one place was free after {outcome:?}");
        breaker.finish(second, at(11), outcome);
        let _fourth = started(&mut breaker, 11);
        assert!(!ready(&breaker, 11).is_ready());
    }
}

#[test]
fn a_probe_that_is_cancelled_does_not_wedge_it() {
    let mut breaker = touchy().probe_timeout(Duration::MAX).unwrap();
    breaker.trip(at(0));
    for _ in 0..10 {
        let probe = started(&mut breaker, 10);
        breaker.finish(probe, at(10), Outcome::Cancelled);
    }
    call(&mut breaker, 10, Outcome::Success);
    assert_eq!(breaker.state(at(10)), BreakerState::Closed);
}

#[test]
fn a_probe_that_never_reports_does_not_wedge_it() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    let _lost = started(&mut breaker, 10);
    assert_eq!(ready(&breaker, 14), Readiness::NotBefore(at(15)));
    let _lost_too = started(&mut breaker, 15);
    assert_eq!(ready(&breaker, 15), Readiness::NotBefore(at(20)), "it took the place of the first");
    call(&mut breaker, 20, Outcome::Success);
    assert_eq!(breaker.state(at(20)), BreakerState::Closed);
}

#[test]
fn a_probe_that_lost_its_place_frees_no_other() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    let late = started(&mut breaker, 10);
    let _next = started(&mut breaker, 15);
    breaker.finish(late, at(16), Outcome::Cancelled);
    assert_eq!(ready(&breaker, 16), Readiness::NotBefore(at(20)));
}

/// Otherwise a service that answers more slowly than the timeout would stay cut off for ever.
#[test]
fn a_probe_that_reports_after_its_time_still_counts() {
    for (outcome, state) in
        [(Outcome::Success, BreakerState::Closed), (Outcome::Failure, BreakerState::Open { until: at(26) })]
    {
        let mut breaker = touchy();
        breaker.trip(at(0));
        let late = started(&mut breaker, 10);
        let _next = started(&mut breaker, 15);
        breaker.finish(late, at(16), outcome);
        assert_eq!(breaker.state(at(16)), state);
    }
}

#[test]
fn an_unused_probe_gives_the_place_back_to_whom_it_took_it_from() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    let _late = started(&mut breaker, 10);
    let before = breaker.clone();
    let unused = started(&mut breaker, 15);
    breaker.finish(unused, at(15), Outcome::Unused);
    assert_eq!(breaker, before);
}

#[test]
fn what_says_nothing_about_the_other_side_counts_nothing() {
    let mut breaker = Breaker::consecutive(2).unwrap();
    call(&mut breaker, 0, Outcome::Failure);
    let before = breaker.clone();
    for outcome in [Outcome::Neutral, Outcome::Cancelled, Outcome::Unused] {
        call(&mut breaker, 0, outcome);
        assert_eq!(breaker, before, "{outcome:?}");
    }
    call(&mut breaker, 0, Outcome::Failure);
    assert_ne!(breaker.state(at(0)), BreakerState::Closed);
}

/// A sibling that refuses leaves no trace in the breaker, on either side of it.
#[test]
fn the_refusal_of_a_sibling_is_no_failure() {
    let full = || {
        let mut full = crate::Concurrency::new(1).unwrap();
        let _token = full.start(at(0), &Request::new()).unwrap();
        full
    };
    let (mut before, mut after) = ((full(), touchy()), (touchy(), full()));
    for _ in 0..10 {
        assert!(before.start(at(0), &Request::new()).is_err());
        assert!(after.start(at(0), &Request::new()).is_err());
    }
    assert_eq!((before.1, after.0), (touchy(), touchy()));
}

/// A hundred thousand tasks in a queue outlive an outage: they wait, and one probe is all that is risked.
#[test]
fn a_queue_does_not_burn_its_tasks_while_it_is_open() {
    let mut breaker = touchy();
    let (mut now, mut burnt, mut waited) = (0, 0, 0);
    let mut left = 100_000;
    while left > 0 {
        match breaker.start(at(now), &Request::new()) {
            Ok(token) => {
                let up = now >= 1_000;
                burnt += u32::from(!up);
                left -= 1;
                breaker.finish(token, at(now), if up { Outcome::Success } else { Outcome::Failure });
            }
            Err(Readiness::NotBefore(time)) => {
                waited += 1;
                assert!(time > at(now));
                now = time.as_nanos();
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((burnt, waited), (100, 100), "one per opening");
}

/// Two threads read the clock, and the one that read it first finishes last.
#[test]
fn a_finish_whose_clock_lags_behind_shortens_no_opening() {
    let mut breaker = touchy();
    let token = started(&mut breaker, 100);
    breaker.finish(token, at(3), Outcome::Failure);
    assert_eq!(breaker.state(at(100)), BreakerState::Open { until: at(110) });
}

#[test]
fn a_token_of_another_breaker_frees_nothing_and_counts_nothing() {
    let mut other = touchy();
    let foreign = [0; 2].map(|_| started(&mut other, 0));
    let mut breaker = touchy();
    breaker.generation = 0;
    breaker.phase = Phase::Open(Episode::new(at(0)));
    let _probe = started(&mut breaker, 0);
    for (token, outcome) in foreign.into_iter().zip([Outcome::Success, Outcome::Failure]) {
        breaker.finish(token, at(1), outcome);
        assert_eq!(breaker.state(at(1)), BreakerState::HalfOpen);
        assert!(!ready(&breaker, 1).is_ready());
    }
    assert_eq!(breaker.in_flight(), 0, "and underflows nothing");
}
