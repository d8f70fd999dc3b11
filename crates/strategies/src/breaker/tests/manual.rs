//! What is done by hand, and who is told.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

#[derive(Default)]
struct Kicks(AtomicUsize);

impl Wake for Kicks {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_trip_opens_it_for_a_while() {
    let mut breaker = touchy();
    breaker.trip(at(5));
    assert_eq!(breaker.state(at(5)), BreakerState::Open { until: at(15) });
    breaker.trip(at(8));
    assert_eq!(breaker.state(at(8)), BreakerState::Open { until: at(18) });
}

#[test]
fn forced_open_it_stays_so_until_it_is_reset() {
    let mut breaker = touchy();
    let running = started(&mut breaker, 0);
    breaker.force_open();
    breaker.trip(at(1));
    breaker.half_open(at(1));
    breaker.finish(running, at(2), Outcome::Success);
    assert_eq!(breaker.state(Time::MAX), BreakerState::ForcedOpen);
    assert_eq!(breaker.ready(Time::MAX, &Request::new()), Readiness::OnChange);
    breaker.reset();
    assert_eq!((breaker.state(at(2)), ready(&breaker, 2)), (BreakerState::Closed, Readiness::Ready));
}

#[test]
fn a_reset_forgets_results_and_what_is_in_flight() {
    let mut breaker = Breaker::consecutive(2).unwrap();
    let running = started(&mut breaker, 0);
    call(&mut breaker, 0, Outcome::Failure);
    breaker.reset();
    breaker.finish(running, at(1), Outcome::Failure);
    call(&mut breaker, 1, Outcome::Failure);
    assert_eq!(breaker.state(at(1)), BreakerState::Closed, "one failure since the reset");
}

#[test]
fn a_reset_skips_recovery_and_growth() {
    let mut breaker = touchy().growing(2.0, nanos(999)).unwrap().recover_over(nanos(100)).unwrap();
    breaker.trip(at(0));
    breaker.trip(at(0));
    breaker.reset();
    assert_eq!(breaker.state(at(0)), BreakerState::Closed);
    breaker.trip(at(0));
    assert_eq!(breaker.state(at(0)), BreakerState::Open { until: at(10) });
}

#[test]
fn half_opened_early_it_admits_probes_and_no_more() {
    let mut breaker = touchy();
    breaker.trip(at(0));
    breaker.half_open(at(3));
    assert_eq!(breaker.state(at(3)), BreakerState::HalfOpen);
    let _probe = started(&mut breaker, 3);
    breaker.half_open(at(4));
    assert_eq!(ready(&breaker, 4), Readiness::NotBefore(at(8)));
}

#[test]
fn half_opening_what_is_not_open_does_nothing() {
    let mut breaker = touchy();
    breaker.half_open(at(3));
    assert_eq!(breaker, touchy());
    breaker.trip(at(0));
    let open = breaker.clone();
    breaker.half_open(at(10));
    assert_eq!(breaker, open, "it is half-open by then");
}

#[test]
fn each_change_by_hand_kicks() {
    let kicks = Arc::new(Kicks::default());
    let mut breaker = touchy();
    breaker.attach(Kick::new(Waker::from(kicks.clone())));
    let mut expect = |kicked: usize, change: &mut dyn FnMut(&mut Breaker)| {
        change(&mut breaker);
        assert_eq!(kicks.0.swap(0, Ordering::Relaxed), kicked);
    };
    expect(1, &mut |breaker| breaker.trip(at(0)));
    expect(1, &mut |breaker| breaker.half_open(at(1)));
    expect(0, &mut |breaker| breaker.half_open(at(1)));
    expect(1, &mut Breaker::force_open);
    expect(0, &mut |breaker| breaker.trip(at(0)));
    expect(1, &mut Breaker::reset);
    expect(0, &mut |breaker| call(breaker, 0, Outcome::Failure));
}
