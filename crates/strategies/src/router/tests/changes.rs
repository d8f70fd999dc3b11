//! Endpoints and weights that change while requests run.

use super::*;
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
fn weight_zero_drains() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    let running = start(&mut router);
    router.set_weight(running.endpoint(), 0).unwrap();
    assert_eq!(picks(&mut router, 3), "bbb");
    assert_eq!((router.weight(&"a"), router.shares()[0].in_flight), (Some(0), 1));
    router.finish(running, NOW, Outcome::Failure);
    assert_eq!(router.strategy(&"a").unwrap().heard, [Outcome::Failure], "what ran there is still heard of");
    router.set_weight(&"b", 0).unwrap();
    assert_eq!(router.ready(NOW, &Request::new()), Readiness::OnChange);
    router.set_weight(&"a", 1).unwrap();
    assert_eq!(picks(&mut router, 2), "aa");
}

#[test]
fn a_change_of_one_weight_keeps_the_state_of_the_others() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL), ("c", 2, WELL)]);
    assert_eq!(picks(&mut router, 2), "ca");
    let running = start(&mut router);
    router.set_weight(&"c", 1).unwrap();
    let counts: Vec<_> = router.shares().iter().map(|share| (share.started, share.in_flight)).collect();
    assert_eq!(counts, [(1, 0), (1, 1), (1, 0)]);
    router.finish(running, NOW, Outcome::Success);
    assert_eq!(picks(&mut router, 3).len(), 3);
}

/// Credits are made for the old weights: kept as they are, "a" would get nothing for a thousand picks.
#[test]
fn a_much_smaller_weight_pays_back_no_old_picks() {
    let mut router = named(&[("a", 1_000, WELL), ("b", 1_000, WELL), ("c", 1, WELL)]);
    picks(&mut router, 501);
    for name in ["a", "b"] {
        router.set_weight(&name, 1).unwrap();
    }
    let after = picks(&mut router, 30);
    for name in ["a", "b", "c"] {
        let count = after.matches(name).count();
        assert!((9..=11).contains(&count), "{after}");
    }
}

#[test]
fn a_newcomer_is_neither_early_nor_late() {
    let mut router = named(&[("a", 100, WELL), ("b", 100, WELL)]);
    // Whoever leaves right after a pick leaves the others behind; that must not add up.
    for _ in 0..100 {
        while picks(&mut router, 1) != "a" {}
        router.remove(&"a").unwrap();
        router.add("a", 100, WELL).unwrap();
    }
    router.add("c", 200, WELL).unwrap();
    let after = picks(&mut router, 8);
    assert!((3..=5).contains(&after.matches('c').count()), "{after}");
}

#[test]
fn a_token_of_a_removed_endpoint_changes_nothing() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    let [at_a, at_b] = [(); 2].map(|()| start(&mut router));
    let removed = router.remove(&"a").unwrap();
    assert_eq!(removed.running, 1);
    // Another one of the same name is another one.
    router.add("a", 1, WELL).unwrap();
    let before = router.clone();
    let mut at_a = at_a;
    router.reconcile(&mut at_a, NOW, 9);
    let _ = router.hold(&at_a);
    router.finish(at_a, NOW, Outcome::Unused);
    assert_eq!(router, before);
    // And the index of the other has moved.
    router.finish(at_b, NOW, Outcome::Success);
    let counts: Vec<_> =
        router.shares().iter().map(|share| (*share.endpoint, share.started, share.in_flight)).collect();
    assert_eq!(counts, [("b", 1, 0), ("a", 0, 0)]);
    assert!(router.remove(&"z").is_none());
}

#[test]
fn a_turn_of_before_a_change_is_not_undone_after_it() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    picks(&mut router, 1);
    let routed = start(&mut router);
    router.set_weight(&"a", 7).unwrap();
    let credits: Vec<_> = router.endpoints.iter().map(|endpoint| endpoint.turn).collect();
    router.finish(routed, NOW, Outcome::Unused);
    assert_eq!(credits, router.endpoints.iter().map(|endpoint| endpoint.turn).collect::<Vec<_>>());
    assert_eq!(router.shares()[1].started, 0);
}

#[test]
fn names_are_checked() {
    let mut router = named(&[("a", 1, WELL)]);
    let twice = ConfigError::new("endpoint", "\"a\"", "must not be there twice");
    assert_eq!(router.add("a", 2, WELL), Err(twice.clone()));
    assert_eq!(router.clone().endpoint("a", 2, WELL).unwrap_err(), twice);
    let unknown = ConfigError::new("endpoint", "\"z\"", "must be one of the router's");
    assert_eq!(router.set_weight(&"z", 2), Err(unknown));
    assert!(router.strategy_mut(&"z").is_none());
    assert_eq!((router.weight(&"z"), router.strategy(&"z").is_none(), router.len()), (None, true, 1));
}

#[test]
fn every_change_kicks() {
    let kicks = Arc::new(Kicks::default());
    let mut router = named(&[("a", 1, WELL)]);
    router.attach(Kick::new(Waker::from(kicks.clone())));
    let attached = router.strategy(&"a").unwrap().kicks;
    assert_eq!(attached, 2, "when it was added, and now");
    let mut expected = 0;
    let mut expect = |kicked: usize| {
        expected += kicked;
        assert_eq!(kicks.0.load(Ordering::Relaxed), expected);
    };
    router.set_weight(&"a", 1).unwrap();
    expect(0);
    router.set_weight(&"a", 0).unwrap();
    expect(1);
    router.add("b", 1, WELL).unwrap();
    expect(1);
    router.remove(&"b").unwrap();
    expect(1);
}

#[test]
fn the_largest_weights_overflow_nothing() {
    let mut router = Router::new();
    for name in 0..100 {
        router.add(name, u32::MAX, WELL).unwrap();
    }
    for round in 0..100 {
        let _running = start(&mut router);
        router.set_weight(&round, round as u32 % 2).unwrap();
        router.set_weight(&(99 - round), u32::MAX).unwrap();
    }
    assert!(router.ready(NOW, &Request::new()).is_ready());
}

#[test]
fn a_change_of_all_weights_keeps_what_each_is_owed() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    while picks(&mut router, 1) != "a" {}
    for endpoint in ["a", "b"] {
        router.set_weight(&endpoint, 2).unwrap();
    }
    assert_eq!(picks(&mut router, 2), "ba");
}
