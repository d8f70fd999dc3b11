//! When too few are healthy, everybody gets requests.

use super::*;

fn half(endpoints: &[(&'static str, u32, Health)]) -> Named {
    named(endpoints).panic_below(0.5).unwrap()
}

#[test]
fn below_the_fraction_all_are_routed_to() {
    let mut router = half(&[("a", 1, WELL), ("b", 1, ILL), ("c", 1, ILL), ("d", 0, ILL)]);
    assert_eq!(picks(&mut router, 6), "abcabc", "but never to one that is drained");
    let heard = router.strategy(&"b").unwrap();
    assert_eq!((heard.running, heard.heard.len()), (0, 0), "it admitted nobody, so it is told of nobody");
    assert_eq!(router.strategy(&"a").unwrap().heard.len(), 2, "the healthy one admits its own");
    let tokens: Vec<_> = (0..3).map(|_| start(&mut router)).map(|routed| routed.token().is_some()).collect();
    assert_eq!(tokens, [true, false, false]);
}

#[test]
fn at_the_fraction_only_the_healthy_are() {
    let mut router = half(&[("a", 1, WELL), ("b", 1, ILL)]);
    assert_eq!(picks(&mut router, 3), "aaa");
    // It is the weight that counts, not the heads.
    let mut router = half(&[("a", 3, WELL), ("b", 1, ILL), ("c", 1, ILL), ("d", 1, ILL)]);
    assert_eq!(picks(&mut router, 3), "aaa");
    let mut router = half(&[("a", 1, WELL), ("b", 2, ILL)]);
    assert_eq!(picks(&mut router, 3), "bab");
}

#[test]
fn if_nobody_is_healthy_it_is_ready_all_the_same() {
    let refuses = said(Readiness::Rejected(Rejection::Open));
    let mut router = half(&[("a", 1, ILL), ("b", 1, refuses)]);
    assert_eq!(router.ready(NOW, &Request::new()), Readiness::Ready);
    assert_eq!(picks(&mut router, 4), "abab");
    let router = half(&[("a", 0, WELL)]);
    assert_eq!(router.ready(NOW, &Request::new()), Readiness::OnChange, "but not if nobody has a weight");
}

#[test]
fn an_unused_start_gives_the_turn_back_in_panic_too() {
    let mut router = half(&[("a", 1, ILL), ("b", 1, ILL)]);
    let before = router.clone();
    let routed = start(&mut router);
    router.finish(routed, NOW, Outcome::Unused);
    assert_eq!(router, before);
}

#[test]
fn a_fraction_is_above_zero_and_at_most_one() {
    for fraction in [0.0, -0.5, 1.000_1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = Named::new().panic_below(fraction).unwrap_err();
        assert_eq!(error, ConfigError::new("panic_below", fraction, "must be above 0 and at most 1"));
    }
    for fraction in [f64::MIN_POSITIVE, 0.5, 1.0] {
        assert!(Named::new().panic_below(fraction).is_ok());
    }
}
