use super::*;
use crate::laws::{self, Bound};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

mod gradient;
mod oracle;
mod server;

const NOW: Time = Time::ZERO;
const QUICK: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_millis(101);

fn one() -> Request {
    Request::new()
}

/// Up to 100 ms is fine.
fn aimd(initial: usize) -> Adaptive {
    Adaptive::aimd(Duration::from_millis(100)).unwrap().bounds(1, 50).unwrap().initial(initial).unwrap()
}

fn started(limit: &mut Adaptive) -> AdaptiveToken {
    limit.start(NOW, &one()).expect("there is room")
}

/// As many as the limit allows.
fn full(limit: &mut Adaptive) -> Vec<AdaptiveToken> {
    std::iter::from_fn(|| limit.start(NOW, &one()).ok()).collect()
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
        let nanos = Duration::from_nanos(random.u64(1..40));
        let limit = if random.bool() { Adaptive::aimd(nanos).unwrap() } else { Adaptive::gradient2() };
        let min = random.usize(1..4);
        let limit = limit.bounds(min, min + random.usize(..9)).unwrap();
        if random.bool() { limit.on_failure(OnFailure::Ignore) } else { limit }
    });
}

#[test]
fn smoke() {
    let mut limit = aimd(2);
    let first = started(&mut limit);
    let second = started(&mut limit);
    assert_eq!((limit.ready(NOW, &one()), limit.in_flight()), (Readiness::OnChange, 2));
    limit.finish(first, NOW + QUICK, Outcome::Success);
    limit.finish(second, NOW + SLOW, Outcome::Success);
    assert_eq!((limit.ready(NOW, &one()), limit.in_flight(), limit.limit()), (Readiness::Ready, 0, 1));
}

#[test]
fn bad_settings_are_refused() {
    let aimd = || aimd(20);
    let gradient = Gradient2::new;
    let refused = [
        (Adaptive::aimd(Duration::ZERO).unwrap_err(), ("latency_max", "0ns", "must be longer than zero")),
        (aimd().bounds(0, 4).unwrap_err(), ("min", "0", "must be at least 1")),
        (aimd().bounds(0, 0).unwrap_err(), ("min", "0", "must be at least 1")),
        (aimd().bounds(5, 4).unwrap_err(), ("max", "4", "must not be less than min")),
        (aimd().initial(0).unwrap_err(), ("initial", "0", "must lie within the bounds")),
        (aimd().initial(51).unwrap_err(), ("initial", "51", "must lie within the bounds")),
        (aimd().decrease(0.0).unwrap_err(), ("decrease", "0", "must be above 0 and below 1")),
        (aimd().decrease(1.0).unwrap_err(), ("decrease", "1", "must be above 0 and below 1")),
        (aimd().decrease(f64::NAN).unwrap_err(), ("decrease", "NaN", "must be above 0 and below 1")),
        (aimd().set_ceiling(Some(0)).unwrap_err(), ("ceiling", "0", "must be at least 1")),
        (gradient().tolerance(0.9).unwrap_err(), ("tolerance", "0.9", "must be at least 1 and finite")),
        (
            gradient().tolerance(f64::INFINITY).unwrap_err(),
            ("tolerance", "inf", "must be at least 1 and finite"),
        ),
        (gradient().tolerance(f64::NAN).unwrap_err(), ("tolerance", "NaN", "must be at least 1 and finite")),
        (gradient().smoothing(0.0).unwrap_err(), ("smoothing", "0", "must be above 0 and at most 1")),
        (gradient().smoothing(1.1).unwrap_err(), ("smoothing", "1.1", "must be above 0 and at most 1")),
        (gradient().smoothing(f64::NAN).unwrap_err(), ("smoothing", "NaN", "must be above 0 and at most 1")),
    ];
    for (error, (field, value, rule)) in refused {
        assert_eq!(error, ConfigError::new(field, value, rule));
    }
}

#[test]
fn the_initial_limit_moves_into_the_bounds() {
    let limit = Adaptive::gradient2();
    assert_eq!((limit.limit(), limit.min(), limit.max()), (20, 1, 200));
    assert_eq!(Adaptive::gradient2().bounds(1, 5).unwrap().limit(), 5);
    assert_eq!(Adaptive::gradient2().bounds(30, 50).unwrap().limit(), 30);
    let one = Adaptive::gradient2().bounds(1, 1).unwrap().initial(1).unwrap();
    assert_eq!((one.limit(), one.learned()), (1, 1));
    assert_eq!(Adaptive::gradient2().bounds(usize::MAX, usize::MAX).unwrap().limit(), usize::MAX);
}

#[test]
fn a_limit_ful_of_successes_adds_one() {
    let mut limit = aimd(8);
    let mut tokens = full(&mut limit);
    // The first six started when less than 0.8 of it was in use.
    for finished in 1..=6 + 8 {
        assert_eq!(limit.limit(), 8, "after {finished}");
        limit.finish(tokens.remove(0), NOW + QUICK, Outcome::Success);
        tokens.extend(full(&mut limit));
    }
    let token = tokens.remove(0);
    limit.finish(token, NOW + QUICK, Outcome::Success);
    assert_eq!(limit.limit(), 9);
}

#[test]
fn without_load_it_does_not_rise() {
    let mut limit = aimd(10);
    for _ in 0..1_000 {
        let seven: Vec<_> = (0..7).map(|_| started(&mut limit)).collect();
        seven.into_iter().for_each(|token| limit.finish(token, NOW + QUICK, Outcome::Success));
    }
    assert_eq!(limit, aimd(10), "seven of ten");
    // From the eighth on it is in use.
    let eight: Vec<_> = (0..8).map(|_| started(&mut limit)).collect();
    eight.into_iter().for_each(|token| limit.finish(token, NOW + QUICK, Outcome::Success));
    assert!(limit != aimd(10), "eight of ten");
}

#[test]
fn exactly_the_longest_latency_is_not_too_long() {
    let mut limit = aimd(1);
    let token = started(&mut limit);
    limit.finish(token, NOW + Duration::from_millis(100), Outcome::Success);
    assert_eq!(limit.limit(), 2);
}

#[test]
fn one_bad_moment_counts_once() {
    let mut limit = aimd(20);
    let mut tokens = full(&mut limit).into_iter();
    let mut finish = |limit: &mut Adaptive, outcome, latency| {
        limit.finish(tokens.next().expect("there were twenty"), NOW + latency, outcome);
    };
    finish(&mut limit, Outcome::Overload, QUICK);
    assert_eq!(limit.limit(), 18);
    for outcome in [Outcome::Overload, Outcome::Failure, Outcome::Success] {
        finish(&mut limit, outcome, SLOW);
        finish(&mut limit, outcome, SLOW);
    }
    assert_eq!(limit.limit(), 18, "they had all started before");
    tokens.for_each(|token| limit.finish(token, NOW + QUICK, Outcome::Success));
    assert_eq!(limit.learned(), 18, "nor do they raise it again");
    let fresh = started(&mut limit);
    limit.finish(fresh, NOW + QUICK, Outcome::Overload);
    assert_eq!(limit.limit(), 16, "a new moment");
}

/// 0.9 of 5.9 would still be 5.
#[test]
fn a_decrease_is_felt_also_when_the_limit_was_on_its_way_up() {
    let mut limit = aimd(5);
    let mut tokens = full(&mut limit);
    limit.finish(tokens.pop().expect("there are five"), NOW + QUICK, Outcome::Success);
    for _ in 0..3 {
        let token = started(&mut limit);
        limit.finish(token, NOW + QUICK, Outcome::Success);
    }
    assert_eq!(limit.limit(), 5);
    let token = started(&mut limit);
    limit.finish(token, NOW, Outcome::Overload);
    assert_eq!(limit.limit(), 4);
}

#[test]
fn what_shrinks_and_what_does_not() {
    let cases = [
        (OnFailure::Shrink, Outcome::Overload, 9),
        (OnFailure::Shrink, Outcome::Failure, 9),
        (OnFailure::Ignore, Outcome::Overload, 9),
        (OnFailure::Ignore, Outcome::Failure, 10),
        (OnFailure::Shrink, Outcome::Neutral, 10),
        (OnFailure::Shrink, Outcome::Cancelled, 10),
        (OnFailure::Shrink, Outcome::Unused, 10),
    ];
    for make in [|| aimd(10), || Adaptive::gradient2().initial(10).unwrap()] {
        for (on_failure, outcome, expected) in cases {
            let mut limit = make().on_failure(on_failure);
            let before = limit.clone();
            let token = started(&mut limit);
            limit.finish(token, NOW + SLOW, outcome);
            assert_eq!(limit.limit(), expected, "{on_failure:?} {outcome:?}");
            assert_eq!(limit == before, expected == 10, "{on_failure:?} {outcome:?}");
        }
    }
}

#[test]
fn shrinking_needs_nobody_to_acquire() {
    let mut limit = aimd(10).decrease(0.5).unwrap();
    let mut tokens = full(&mut limit);
    limit.finish(tokens.remove(0), NOW, Outcome::Overload);
    assert_eq!((limit.limit(), limit.in_flight()), (5, 9));
    for token in tokens.drain(..5) {
        assert_eq!(limit.ready(NOW, &one()), Readiness::OnChange);
        limit.finish(token, NOW, Outcome::Neutral);
    }
    assert_eq!((limit.in_flight(), limit.ready(NOW, &one())), (4, Readiness::Ready));
}

#[test]
fn it_is_never_stuck_at_the_bottom_nor_above_the_top() {
    for make in [|| aimd(3), || Adaptive::gradient2().bounds(1, 50).unwrap().initial(3).unwrap()] {
        let mut limit = make();
        for _ in 0..100 {
            let token = started(&mut limit);
            limit.finish(token, NOW, Outcome::Overload);
        }
        assert_eq!((limit.limit(), limit.ready(NOW, &one())), (1, Readiness::Ready));
        for _ in 0..10_000 {
            for token in full(&mut limit) {
                limit.finish(token, NOW + QUICK, Outcome::Success);
            }
            assert!((1..=50).contains(&limit.limit()));
        }
        assert!(limit.limit() >= 25, "{limit:?}");
    }
}

#[test]
fn a_ceiling_caps_what_was_learned_and_leaves_it() {
    let kicks = Arc::new(Kicks::default());
    let mut limit = aimd(10);
    limit.attach(Kick::new(Waker::from(kicks.clone())));
    limit.set_ceiling(Some(4)).unwrap();
    limit.set_ceiling(Some(4)).unwrap();
    limit.set_ceiling(Some(0)).unwrap_err();
    assert_eq!(kicks.0.load(Ordering::Relaxed), 1, "only a change is news");
    assert_eq!((limit.ceiling(), limit.limit(), limit.learned()), (Some(4), 4, 10));
    for _ in 0..100 {
        let tokens = full(&mut limit);
        assert_eq!(tokens.len(), 4);
        tokens.into_iter().for_each(|token| limit.finish(token, NOW + QUICK, Outcome::Success));
    }
    assert_eq!(limit.learned(), 10, "more than four were never tried");
    limit.set_ceiling(None).unwrap();
    assert_eq!((limit.limit(), kicks.0.load(Ordering::Relaxed)), (10, 2));
}

#[test]
fn overload_under_a_ceiling_shrinks_what_was_tried() {
    let mut limit = aimd(40);
    limit.set_ceiling(Some(10)).unwrap();
    let token = started(&mut limit);
    limit.finish(token, NOW, Outcome::Overload);
    assert_eq!((limit.limit(), limit.learned()), (9, 9));
}

#[test]
fn a_ceiling_outside_the_bounds_has_the_effect_of_a_bound() {
    let mut limit = aimd(10).bounds(5, 50).unwrap();
    limit.set_ceiling(Some(1)).unwrap();
    assert_eq!(limit.limit(), 5);
    limit.set_ceiling(Some(usize::MAX)).unwrap();
    assert_eq!(limit.limit(), 10);
}

#[test]
fn a_costly_request_runs_alone_or_never() {
    let mut limit = aimd(4);
    let heavy = one().cost(50);
    let rejection = Rejection::TooCostly { cost: 51, max: 50 };
    assert_eq!(limit.ready(NOW, &one().cost(51)), Readiness::Rejected(rejection));
    let light = started(&mut limit);
    assert_eq!(limit.ready(NOW, &heavy), Readiness::OnChange);
    limit.finish(light, NOW, Outcome::Neutral);
    let token = limit.start(NOW, &heavy).expect("it is alone");
    assert_eq!((limit.in_flight(), limit.ready(NOW, &one())), (50, Readiness::OnChange));
    limit.finish(token, NOW + QUICK, Outcome::Success);
    assert_eq!(limit.limit(), 5, "a limit-ful, not fifty");
}

#[test]
fn a_free_request_always_fits_and_teaches_nothing() {
    let mut limit = aimd(1);
    let _full = started(&mut limit);
    let before = limit.clone();
    for outcome in [Outcome::Success, Outcome::Overload] {
        let free = limit.start(NOW, &one().cost(0)).expect("it takes nothing");
        limit.finish(free, NOW + SLOW, outcome);
        assert_eq!(limit, before);
    }
}

#[test]
fn a_corrected_cost_is_what_the_finish_gives_back() {
    let mut limit = aimd(4);
    let mut token = started(&mut limit);
    limit.reconcile(&mut token, NOW, 9);
    assert_eq!((limit.in_flight(), limit.ready(NOW, &one())), (9, Readiness::OnChange));
    limit.reconcile(&mut token, NOW, u32::MAX);
    limit.finish(token, NOW, Outcome::Unused);
    assert_eq!(limit, aimd(4));
}

#[test]
fn a_clock_that_goes_backwards_teaches_nothing() {
    let mut limit = aimd(1);
    let token = limit.start(NOW + SLOW, &one()).expect("there is room");
    limit.finish(token, NOW, Outcome::Success);
    assert_eq!(limit, aimd(1));
}

#[test]
fn at_rest_it_has_learned_nothing_yet() {
    let mut limit = aimd(10);
    assert_eq!(limit.rest(NOW), Readiness::Ready);
    let token = started(&mut limit);
    assert_eq!(limit.rest(NOW), Readiness::OnChange);
    limit.finish(token, NOW, Outcome::Success);
    assert_eq!(limit.rest(NOW), Readiness::Ready);
    limit.set_ceiling(Some(3)).unwrap();
    assert_eq!(limit.rest(NOW), Readiness::OnChange);
    limit.set_ceiling(None).unwrap();
    let token = started(&mut limit);
    limit.finish(token, NOW, Outcome::Overload);
    assert_eq!(limit.rest(NOW), Readiness::OnChange);
}

#[test]
fn it_explains_itself_and_needs_a_clock() {
    let mut limit = aimd(1);
    let _token = started(&mut limit);
    let mut reasons = Vec::new();
    limit.explain(NOW, &one(), &mut reasons);
    assert_eq!(reasons, [("adaptive".to_owned(), Readiness::OnChange)]);
    assert!(limit.timed());
}
