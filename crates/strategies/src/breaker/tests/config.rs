//! Settings that are refused, and those at the edges.

use super::*;
use regatta_core::ConfigError;

fn refused(result: Result<Breaker, ConfigError>) -> (&'static str, String, &'static str) {
    let error = result.expect_err("this is refused");
    (error.field, error.value, error.rule)
}

#[test]
fn what_makes_no_sense_is_refused() {
    const ONE: &str = "must be at least 1";
    const LONGER: &str = "must be longer than zero";
    const SHARE: &str = "must be above 0 and at most 1";
    const WINDOW: &str = "needs a window, of a count or of time";
    let count = || Breaker::count_window(10, 0.5).unwrap();
    let second = Duration::from_secs(1);
    let table = [
        (Breaker::consecutive(0), ("failures", "0", ONE)),
        (Breaker::count_window(0, 0.5), ("size", "0", ONE)),
        (Breaker::count_window(5, 0.0), ("rate", "0", SHARE)),
        (Breaker::count_window(5, -0.1), ("rate", "-0.1", SHARE)),
        (Breaker::count_window(5, 1.1), ("rate", "1.1", SHARE)),
        (Breaker::count_window(5, f64::NAN), ("rate", "NaN", SHARE)),
        (Breaker::count_window(5, f64::INFINITY), ("rate", "inf", SHARE)),
        (Breaker::time_window(Duration::ZERO, 0.5), ("window", "0ns", LONGER)),
        (Breaker::time_window(second, 2.0), ("rate", "2", SHARE)),
        (count().minimum(0), ("minimum", "0", ONE)),
        (count().minimum(11), ("minimum", "11", "must be at most the size of the window")),
        (touchy().minimum(3), ("minimum", "3", WINDOW)),
        (count().slow(Duration::ZERO, 0.5), ("slow", "0ns", LONGER)),
        (count().slow(second, f64::NAN), ("slow rate", "NaN", SHARE)),
        (touchy().slow(second, 0.5), ("slow", "1s", WINDOW)),
        (count().open_for(Duration::ZERO), ("open_for", "0ns", LONGER)),
        (count().growing(0.9, Duration::MAX), ("factor", "0.9", "must be finite and at least 1")),
        (count().growing(f64::INFINITY, Duration::MAX), ("factor", "inf", "must be finite and at least 1")),
        (count().growing(2.0, second), ("max", "1s", "must be at least as long as it is open at first")),
        (
            count().growing(2.0, 60 * second).unwrap().open_for(61 * second),
            ("open_for", "61s", "must be at most the maximum that it grows to"),
        ),
        (count().probes(0), ("probes", "0", ONE)),
        (count().probe_timeout(Duration::ZERO), ("probe_timeout", "0ns", LONGER)),
        (count().recover_over(Duration::ZERO), ("recover_over", "0ns", LONGER)),
    ];
    for (result, (field, value, rule)) in table {
        assert_eq!(refused(result), (field, value.to_owned(), rule));
    }
}

#[test]
fn extreme_settings_are_good() {
    let breakers = [
        Breaker::consecutive(u32::MAX),
        Breaker::count_window(u32::MAX, f64::MIN_POSITIVE).and_then(|breaker| breaker.minimum(1)),
        Breaker::time_window(Duration::MAX, 1.0).and_then(|breaker| breaker.minimum(1)),
        Breaker::time_window(Duration::from_nanos(1), 1.0).and_then(|breaker| breaker.minimum(1)),
    ];
    for breaker in breakers {
        let breaker =
            breaker.unwrap().open_for(Duration::MAX).unwrap().growing(1e300, Duration::MAX).unwrap();
        let breaker = breaker.probes(u32::MAX).unwrap().probe_timeout(Duration::MAX).unwrap();
        let mut breaker = breaker.recover_over(Duration::MAX).unwrap();
        for now in [Time::MAX, Time::ZERO, at(5), Time::MAX] {
            for outcome in [Outcome::Failure, Outcome::Success] {
                if let Ok(token) = breaker.start(now, &Request::new().cost(u32::MAX)) {
                    breaker.finish(token, Time::ZERO, outcome);
                }
            }
            breaker.trip(now);
            breaker.half_open(now);
        }
    }
}

/// 0.07 as a `f64`, times 100, is above 7.
#[test]
fn a_rate_that_is_no_binary_fraction_is_reached_exactly() {
    for (failures, size, rate) in [(7, 100, 0.07), (14, 50, 0.28), (3, 30, 0.1), (1, 3, 1.0 / 3.0)] {
        let mut breaker = Breaker::count_window(size, rate).unwrap();
        for _ in failures..size {
            call(&mut breaker, 0, Outcome::Success);
        }
        for left in (1..=failures).rev() {
            assert_eq!(breaker.state(at(0)), BreakerState::Closed, "{left} to come");
            call(&mut breaker, 0, Outcome::Failure);
        }
        assert_ne!(breaker.state(at(0)), BreakerState::Closed, "{failures} of {size}");
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let secs = |secs| Time::ZERO + Duration::from_secs(secs);
    let mut breaker = Breaker::consecutive(1).unwrap();
    for opened in [0, 30] {
        let token = breaker.start(secs(opened), &Request::new()).unwrap();
        breaker.finish(token, secs(opened), Outcome::Failure);
        assert_eq!(breaker.state(secs(opened)), BreakerState::Open { until: secs(opened + 30) });
    }
    let probe = breaker.start(secs(60), &Request::new()).unwrap();
    assert_eq!(breaker.ready(secs(60), &Request::new()), Readiness::NotBefore(secs(90)));
    breaker.finish(probe, secs(60 + 29), Outcome::Success);
    assert_eq!(breaker.state(secs(89)), BreakerState::Closed, "neither a recovery nor slow calls");

    let mut breaker = Breaker::time_window(Duration::from_secs(1), 1.0).unwrap();
    for _ in 0..10 {
        assert_eq!(breaker.state(at(0)), BreakerState::Closed);
        call(&mut breaker, 0, Outcome::Failure);
    }
    assert_ne!(breaker.state(at(0)), BreakerState::Closed);
}

#[test]
fn a_long_first_opening_is_not_rounded() {
    let pause = Duration::new(123_456_789, 123_456_789);
    let mut breaker = touchy().open_for(pause).unwrap().growing(1.5, Duration::MAX).unwrap();
    breaker.trip(Time::ZERO);
    assert_eq!(breaker.state(Time::ZERO), BreakerState::Open { until: Time::ZERO + pause });
}
