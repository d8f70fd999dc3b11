//! Strategies that are made of others.

use super::{paced, starts};
use crate::runner::handles::owned;
use crate::runner::support::{ends, secs};
use regatta::strategies::{Breaker, Concurrency, Gate, Gcra, Keyed, Pausable, SlidingWindow, Spacing};
use regatta::{BoxStrategy, Class, Limiter, Outcome, Readiness, Rejection, Request, Runner, Strategy, Time};
use regatta_tests::{World, on_every_executor};

fn hosts() -> Keyed<(Concurrency, Gcra)> {
    Keyed::new((Concurrency::new(1).unwrap(), Gcra::new(1, secs(1)).unwrap()))
}

on_every_executor! {
    async fn tuples_vectors_options_boxes_and_classes_combine(world: World) {
        let begun = world.now();
        let some = vec![BoxStrategy::new(Some(hosts())), BoxStrategy::new((Gate::new(), None::<Spacing>))];
        let all = (some, Limiter::with_clock((Pausable::new(), SlidingWindow::new(3, secs(1)).unwrap()), world.clock()));
        // Two hosts take turns, each once a second; three a second in all.
        let runner = paced(&world, &[10; 6]).strategy(all);
        let report = runner.request(|task| Request::new().class(Class::from_u64(*task as u64 / 3))).run().await;
        let starts = starts(&report, begun);
        assert_eq!(&starts[..3], [0, 1_000, 2_000], "{starts:?}");
        assert_eq!(report.counts().ok, 6);
    }

    async fn a_class_that_may_not_start_ends_no_other(world: World) {
        let mut keyed = Keyed::new(Concurrency::new(2).unwrap());
        keyed.set(Class::of("vip"), Concurrency::new(3).unwrap());
        let mut runner = Runner::new().clock(world.clock()).strategy(keyed);
        for task in ["poor", "vip"] {
            runner.add(task, owned(&world, secs(1), Ok(1))).unwrap();
        }
        let report = runner.request(|task| Request::new().cost(3).class(Class::of(task))).run().await;
        let ends = ends(&report);
        assert!(ends[0].starts_with("rejected: it costs 3"), "{ends:?}");
        assert_eq!(ends[1], "ok 1");
    }
}

/// A tuple that can't start whole starts nothing: what the others have taken goes back.
#[test]
fn a_tuple_that_can_not_start_whole_starts_nothing() {
    let now = Time::from_nanos(5);
    let shared = Limiter::new(Concurrency::new(1).unwrap());
    let mut all =
        (Gcra::new(1, secs(1)).unwrap(), Concurrency::new(5).unwrap(), shared.clone(), Gate::new());
    let before = (all.0.clone(), all.1.clone());
    let held = shared.try_acquire().unwrap();
    for _ in 0..3 {
        assert_eq!(all.start(now, &Request::new()).unwrap_err(), Readiness::OnChange);
    }
    assert_eq!((&all.0, &all.1), (&before.0, &before.1));
    drop(held);
    let token = all.start(now, &Request::new()).unwrap();
    assert_eq!(all.start(now, &Request::new()).unwrap_err(), Readiness::OnChange);
    all.finish(token, now, Outcome::Success);
    assert_eq!((all.1.in_flight(), shared.issued()), (0, 0));
}

#[test]
fn explain_says_who_holds_a_task_back_and_until_when() {
    let now = Time::from_nanos(5);
    let pause = Pausable::new();
    let mut all =
        (Gcra::new(1, secs(1)).unwrap(), (pause.clone(), Gate::closed()), Breaker::consecutive(1).unwrap());
    all.2.trip(now);
    pause.pause_until(now + secs(9));
    let mut reasons = Vec::new();
    all.explain(now, &Request::new(), &mut reasons);
    let until = |pause| Readiness::NotBefore(now + pause);
    let expected = [
        ("gcra", Readiness::Ready),
        ("pausable", until(secs(9))),
        ("gate", Readiness::OnChange),
        ("breaker", until(secs(30))),
    ];
    let named: Vec<_> = reasons.iter().map(|(who, readiness)| (who.as_str(), *readiness)).collect();
    assert_eq!(named, expected);
    let mut keyed = hosts();
    let (ann, bob) = (Request::new().class(Class::of("ann")), Request::new().class(Class::of("bob")));
    let _running = keyed.start(now, &ann).unwrap();
    let mut reasons = Vec::new();
    keyed.explain(now, &ann, &mut reasons);
    assert_eq!(reasons[0], ("concurrency".to_owned(), Readiness::OnChange));
    assert_eq!(reasons[1], ("gcra".to_owned(), until(secs(1))));
    reasons.clear();
    keyed.explain(now, &bob, &mut reasons);
    assert!(reasons.iter().all(|(_, readiness)| readiness.is_ready()), "{reasons:?}");
}

#[test]
fn and_takes_the_worst_whatever_the_order() {
    let too_costly = Readiness::from(Rejection::TooCostly { cost: 3, max: 2 });
    let all = [Readiness::Ready, Readiness::NotBefore(Time::from_nanos(9)), Readiness::OnChange, too_costly];
    for (worse, &a) in all.iter().enumerate() {
        for (better, &b) in all.iter().enumerate() {
            assert_eq!(a.and(b), all[worse.max(better)]);
            assert_eq!(a.and(b), b.and(a));
            all.iter().for_each(|&c| assert_eq!(a.and(b).and(c), a.and(b.and(c))));
        }
    }
}
