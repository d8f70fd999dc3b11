use super::*;
use crate::laws::{self, Bound};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

const NOW: Time = Time::ZERO;

fn one() -> Request {
    Request::new()
}

fn started(limit: &mut Concurrency, cost: u32) -> ConcurrencyToken {
    limit.start(NOW, &one().cost(cost)).expect("there is room")
}

#[derive(Default)]
struct Kicks(AtomicUsize);

impl Wake for Kicks {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Lower, |random| {
        let mut limit = Concurrency::new(random.usize(1..9)).unwrap();
        limit.attach(Kick::none());
        limit
    });
}

#[test]
fn smoke() {
    let mut limit = Concurrency::new(2).unwrap();
    let first = started(&mut limit, 1);
    let _second = started(&mut limit, 1);
    assert_eq!(limit.ready(NOW, &one()), Readiness::OnChange);
    limit.finish(first, NOW, Outcome::Cancelled);
    assert_eq!(limit.ready(NOW, &one()), Readiness::Ready);
    assert_eq!((limit.in_flight(), limit.max()), (1, 2));
}

#[test]
fn zero_is_refused_and_changes_nothing() {
    let error = Concurrency::new(0).unwrap_err();
    assert_eq!(error, ConfigError::new("max", 0, "must be at least 1"));
    let mut limit = Concurrency::new(3).unwrap();
    assert_eq!(limit.set_max(0), Err(error));
    assert_eq!(limit.max(), 3);
}

#[test]
fn what_can_never_fit_is_refused_for_good() {
    let mut limit = Concurrency::new(3).unwrap();
    let rejection = Rejection::TooCostly { cost: 4, max: 3 };
    assert_eq!(limit.ready(NOW, &one().cost(4)), Readiness::Rejected(rejection));
    assert_eq!(limit.start(NOW, &one().cost(4)).unwrap_err(), Readiness::Rejected(rejection));
    assert_eq!(limit.ready(NOW, &one().cost(3)), Readiness::Ready);
}

#[test]
fn nothing_is_too_costly_for_a_limit_beyond_all_costs() {
    let mut limit = Concurrency::new(usize::MAX).unwrap();
    let _tokens = [started(&mut limit, u32::MAX), started(&mut limit, u32::MAX)];
    assert_eq!(limit.ready(NOW, &one()), Readiness::Ready);
}

#[test]
fn a_free_request_always_fits() {
    let mut limit = Concurrency::new(1).unwrap();
    let _full = started(&mut limit, 1);
    let free = started(&mut limit, 0);
    assert_eq!(limit.in_flight(), 1);
    limit.finish(free, NOW, Outcome::Success);
    assert_eq!(limit.in_flight(), 1);
}

#[test]
fn lowered_below_what_is_in_flight_it_lets_that_go_on() {
    let mut limit = Concurrency::new(4).unwrap();
    let [a, b, c] = [0; 3].map(|_| started(&mut limit, 1));
    limit.set_max(1).unwrap();
    for token in [a, b] {
        assert_eq!(limit.ready(NOW, &one()), Readiness::OnChange);
        limit.finish(token, NOW, Outcome::Success);
    }
    assert_eq!(limit.ready(NOW, &one()), Readiness::OnChange, "one is still in flight");
    limit.finish(c, NOW, Outcome::Success);
    assert_eq!(limit.ready(NOW, &one()), Readiness::Ready);
}

#[test]
fn lowered_below_a_waiting_cost_it_refuses_for_good() {
    let mut limit = Concurrency::new(4).unwrap();
    let _token = started(&mut limit, 2);
    let heavy = one().cost(3);
    assert_eq!(limit.ready(NOW, &heavy), Readiness::OnChange);
    limit.set_max(2).unwrap();
    let rejection = Rejection::TooCostly { cost: 3, max: 2 };
    assert_eq!(limit.ready(NOW, &heavy), Readiness::Rejected(rejection));
}

#[test]
fn a_new_maximum_kicks_the_latest_owner() {
    let (former, latest) = (Arc::new(Kicks::default()), Arc::new(Kicks::default()));
    let mut limit = Concurrency::new(4).unwrap();
    limit.attach(Kick::new(Waker::from(former.clone())));
    limit.attach(Kick::new(Waker::from(latest.clone())));
    limit.set_max(5).unwrap();
    limit.set_max(5).unwrap();
    limit.set_max(0).unwrap_err();
    assert_eq!(latest.0.load(Ordering::Relaxed), 1, "only a change is news");
    limit.set_max(1).unwrap();
    assert_eq!(latest.0.load(Ordering::Relaxed), 2, "a lower maximum may make a waiting request too costly");
    assert_eq!(former.0.load(Ordering::Relaxed), 0);
}

#[test]
fn a_corrected_cost_is_what_the_finish_gives_back() {
    let mut limit = Concurrency::new(4).unwrap();
    let mut token = started(&mut limit, 1);
    limit.reconcile(&mut token, NOW, 9);
    assert_eq!((limit.in_flight(), limit.ready(NOW, &one())), (9, Readiness::OnChange));
    limit.reconcile(&mut token, NOW, 3);
    assert_eq!((limit.in_flight(), limit.ready(NOW, &one())), (3, Readiness::Ready));
    limit.finish(token, NOW, Outcome::Unused);
    assert_eq!(limit, Concurrency::new(4).unwrap());
}

#[test]
fn a_token_of_another_limit_underflows_nothing() {
    let mut other = Concurrency::new(4).unwrap();
    let mut limit = Concurrency::new(4).unwrap();
    let mut token = started(&mut other, 4);
    limit.reconcile(&mut token, NOW, 2);
    let _started = started(&mut limit, 1);
    limit.finish(token, NOW, Outcome::Success);
    assert_eq!(limit.in_flight(), 1);
    let token = started(&mut other, 0);
    limit.finish(token, NOW, Outcome::Success);
    limit.finish(ConcurrencyToken { cost: 9 }, NOW, Outcome::Success);
    assert_eq!(limit.in_flight(), 0);
}

#[test]
fn it_explains_itself_and_needs_no_clock() {
    let mut limit = Concurrency::new(1).unwrap();
    let _token = started(&mut limit, 1);
    let mut reasons = Vec::new();
    limit.explain(NOW, &Request::new(), &mut reasons);
    assert_eq!(reasons, [("concurrency".to_owned(), Readiness::OnChange)]);
    assert!(!limit.timed());
}

/// O1: against the plain sum of what is in flight.
#[test]
fn oracle_cost_in_flight_stays_within_the_maximum() {
    laws::oracle("concurrency", |random| {
        let max = random.usize(1..12);
        let mut limit = Concurrency::new(max).unwrap();
        let mut running: Vec<(ConcurrencyToken, u32)> = Vec::new();
        for _ in 0..300 {
            let now = laws::later(NOW, random);
            let sum: u32 = running.iter().map(|(_, cost)| cost).sum();
            assert_eq!(limit.in_flight(), sum as usize);
            assert!(limit.in_flight() <= max);
            if random.u8(..3) == 0 && !running.is_empty() {
                let (token, _) = running.swap_remove(random.usize(..running.len()));
                limit.finish(token, now, laws::outcome(random));
                continue;
            }
            let request = laws::request(random);
            let expected = if request.cost as usize > max {
                Rejection::TooCostly { cost: request.cost, max: max as u32 }.into()
            } else if (request.cost + sum) as usize > max {
                Readiness::OnChange
            } else {
                Readiness::Ready
            };
            assert_eq!(limit.ready(now, &request), expected);
            running.extend(limit.start(now, &request).ok().map(|token| (token, request.cost)));
        }
        for (token, _) in running {
            limit.finish(token, NOW, Outcome::Success);
        }
        assert_eq!(limit, Concurrency::new(max).unwrap());
    });
}
