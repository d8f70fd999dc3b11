mod forgetting;
mod oracles;
mod outside;

use super::*;
use crate::laws::{self, Bound};
use crate::{Concurrency, Measure, Pausable, Spacing};
use regatta_core::{Limiter, Outcome, Readiness, Rejection, Request};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: Time = Time::ZERO;

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn class(number: u64) -> Class {
    Class::from_u64(number)
}

fn of(number: u64) -> Request {
    Request::new().class(class(number))
}

fn concurrency(max: usize) -> Concurrency {
    Concurrency::new(max).unwrap()
}

fn spacing(nanos: u64) -> Spacing {
    Spacing::new(Duration::from_nanos(nanos)).unwrap()
}

/// One at a time per class, and so many classes.
fn singles(capacity: usize) -> Keyed<Concurrency> {
    Keyed::new(concurrency(1)).capacity(capacity).unwrap()
}

fn started<S: Strategy>(keyed: &mut Keyed<S>, now: u64, request: Request) -> KeyedToken<S::Token> {
    keyed.start(at(now), &request).unwrap_or_else(|refusal| panic!("refused with {refusal:?}"))
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Lower, |random| {
        Keyed::new(concurrency(random.usize(1..5))).capacity(random.usize(1..5)).unwrap()
    });
    laws::hold(Bound::Lower, |random| {
        let measure = [Measure::Start, Measure::Finish][random.usize(..2)];
        Keyed::new(spacing(random.u64(1..30)).from(measure)).capacity(random.usize(1..4)).unwrap()
    });
}

#[test]
fn smoke() {
    let mut keyed = singles(10);
    let first = started(&mut keyed, 0, of(1));
    let _second = started(&mut keyed, 0, of(2));
    assert_eq!([1, 2, 3].map(|number| keyed.ready(NOW, &of(number)).is_ready()), [false, false, true]);
    keyed.finish(first, NOW, Outcome::Success);
    assert_eq!([1, 2, 3].map(|number| keyed.ready(NOW, &of(number)).is_ready()), [true, false, true]);
    assert_eq!(keyed.classes(), 2, "asking remembers nobody");
    assert_eq!(keyed.get(class(2)).map(Concurrency::in_flight), Some(1));
    assert_eq!(keyed.get(class(3)), None);
}

#[test]
fn requests_without_a_class_share_one_limit_that_is_not_counted() {
    let mut keyed = singles(1);
    let token = started(&mut keyed, 0, Request::new());
    assert_eq!(keyed.ready(NOW, &Request::new()), Readiness::OnChange);
    let _other = started(&mut keyed, 0, of(1));
    assert_eq!(keyed.classes(), 1);
    keyed.finish(token, NOW, Outcome::Success);
    assert_eq!(keyed.get(None).map(Concurrency::in_flight), Some(0));
}

#[test]
fn no_capacity_is_refused() {
    let error = Keyed::new(concurrency(1)).capacity(0).unwrap_err();
    assert_eq!(error, ConfigError::new("capacity", 0, "must be at least 1"));
    assert_eq!(Keyed::new(concurrency(1)).capacity, 10_000);
}

#[test]
fn a_function_makes_each_class_its_own() {
    let mut keyed = Keyed::with(|class| concurrency(class.map_or(7, Class::as_u64) as usize));
    assert_eq!(keyed.ready(NOW, &of(3).cost(4)), Rejection::TooCostly { cost: 4, max: 3 }.into());
    let _token = started(&mut keyed, 0, of(4).cost(4));
    assert_eq!([class(4).into(), None].map(|class| keyed.get(class).unwrap().max()), [4, 7]);
    assert!(keyed.timed(), "some class may be");
}

#[test]
fn a_class_of_its_own_making() {
    let mut keyed = singles(1);
    let early = started(&mut keyed, 0, of(5));
    keyed.set(class(5), concurrency(2));
    keyed.set(class(5), concurrency(3));
    keyed.set(class(6), concurrency(4));
    keyed.finish(early, NOW, Outcome::Success);
    assert_eq!((keyed.classes(), keyed.kept), (2, 2));
    let _tokens = [5, 5, 5, 6].map(|number| started(&mut keyed, 0, of(number)));
    let _counted = started(&mut keyed, 0, of(7));
    assert_eq!(keyed.ready(NOW, &of(5)), Readiness::OnChange, "a token of the former strategy took nothing");
    assert_eq!(keyed.ready(NOW, &of(8)), Readiness::OnChange, "classes that were set are not counted");
    keyed.set(None, concurrency(9));
    assert_eq!((keyed.get(None).map(Concurrency::max), keyed.classes()), (Some(9), 3));
}

/// For HTTP 429: the pause comes when the class has nothing left in flight, and may have been forgotten.
#[test]
fn an_update_reaches_a_class_that_is_unknown() {
    let limiter = Limiter::new(Keyed::with(|_| Pausable::new()).capacity(1).unwrap());
    let pause = |number, until| {
        limiter.update(|keyed| keyed.update(class(number), |host| host.pause_until(at(until)))).is_some()
    };
    assert!(pause(1, 0));
    assert!(pause(2, u64::MAX), "the first one was not paused");
    assert_eq!(limiter.try_acquire_for(&of(2)).unwrap_err(), Readiness::OnChange);
    assert!(!pause(3, 9), "there is no place");
    assert_eq!(limiter.try_acquire_for(&of(3)).unwrap_err(), Readiness::OnChange);
    assert!(limiter.try_acquire().is_ok());
    limiter.update(|keyed| keyed.update(class(2), |host| host.resume()));
    assert!(limiter.try_acquire_for(&of(3)).is_ok());
    let paused = limiter.update(|keyed| keyed.update(None, |unclassed| unclassed.pause()));
    assert!(paused.is_some() && limiter.try_acquire().is_err());
}

#[test]
fn it_is_equal_while_all_classes_are() {
    let (mut keyed, fresh) = (singles(5), singles(5));
    let token = started(&mut keyed, 0, of(1));
    assert_ne!(keyed, fresh);
    assert_ne!(fresh, keyed);
    assert_eq!(keyed.clone(), keyed);
    keyed.finish(token, NOW, Outcome::Success);
    assert_eq!(keyed, fresh, "a class that is fresh is as good as unknown");
    assert_eq!(fresh, keyed);
    assert_ne!(keyed, singles(6));
    assert_ne!(keyed, Keyed::new(concurrency(2)).capacity(5).unwrap());
    let mut set = singles(5);
    set.set(class(1), concurrency(1));
    assert_ne!(set, keyed, "one of them never forgets it");
    assert_ne!(keyed, set);
    assert!(format!("{keyed:?}").starts_with("Keyed { capacity: 5, classes: 1, unclassed: Concurrency {"));
}

#[test]
fn a_clone_has_a_life_of_its_own() {
    let mut keyed = singles(5);
    let mut clone = keyed.clone();
    let _token = started(&mut keyed, 0, of(1));
    assert_eq!((clone.classes(), clone.ready(NOW, &of(1))), (0, Readiness::Ready));
    let _other = started(&mut clone, 0, of(2));
    assert!(keyed.ready(NOW, &of(2)).is_ready());
}

#[test]
fn the_member_explains_itself_and_else_the_lack_of_a_place() {
    let mut keyed = singles(1);
    let _token = started(&mut keyed, 0, of(1));
    let reasons = |keyed: &Keyed<Concurrency>, number| {
        let mut reasons = Vec::new();
        keyed.explain(NOW, &of(number), &mut reasons);
        reasons
    };
    assert_eq!(reasons(&keyed, 1), [("concurrency".to_owned(), Readiness::OnChange)]);
    let full = [("keyed".to_owned(), Readiness::OnChange), ("concurrency".to_owned(), Readiness::Ready)];
    assert_eq!(reasons(&keyed, 2), full);
    assert!(!keyed.timed());
    keyed.attach(regatta_core::Kick::none());
    assert!(Keyed::new(spacing(1)).timed());
}

/// What is set for those who are there says nothing of those who may come.
#[test]
fn it_answers_for_classes_that_may_come() {
    let measured = |measure| spacing(1).from(measure);
    let asked = |keyed: &Keyed<Spacing>| (keyed.finish_timed(), keyed.finish_matters());
    for (template, known, expected) in [
        (Measure::Start, Measure::Start, false),
        (Measure::Start, Measure::Finish, true),
        (Measure::Finish, Measure::Start, true),
    ] {
        let mut keyed = Keyed::new(measured(template));
        keyed.set(None, measured(known));
        assert_eq!(asked(&keyed), (expected, expected), "{template:?}, {known:?}");
    }
    assert_eq!(
        asked(&Keyed::with(move |_| measured(Measure::Start))),
        (true, true),
        "some class may be otherwise"
    );
}

#[test]
fn it_rests_when_all_classes_do() {
    let mut keyed = Keyed::new(spacing(10));
    assert_eq!(keyed.rest(NOW), Readiness::Ready);
    let _tokens = [started(&mut keyed, 0, of(1)), started(&mut keyed, 5, of(2))];
    assert_eq!([5, 10, 15].map(|now| keyed.rest(at(now))), {
        [Readiness::NotBefore(at(15)), Readiness::NotBefore(at(15)), Readiness::Ready]
    });
}

#[test]
fn a_corrected_cost_goes_to_its_class() {
    let mut keyed = Keyed::new(concurrency(4)).capacity(1).unwrap();
    let mut token = started(&mut keyed, 0, of(1));
    keyed.reconcile(&mut token, NOW, 9);
    assert_eq!(keyed.get(class(1)).map(Concurrency::in_flight), Some(9));
    assert_eq!(keyed.ready(NOW, &of(2)), Readiness::OnChange);
    keyed.reconcile(&mut token, NOW, 0);
    assert!(keyed.ready(NOW, &of(2)).is_ready(), "what is free holds no place");
}

#[test]
fn a_panic_in_a_new_strategy_leaves_no_class_behind() {
    let calls = AtomicUsize::new(0);
    let mut keyed = Keyed::with(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        1 => panic!("cannot be made"),
        _ => concurrency(1),
    });
    let start = std::panic::AssertUnwindSafe(|| keyed.start(NOW, &of(1)).is_ok());
    assert!(std::panic::catch_unwind(start).is_err());
    assert_eq!((keyed.classes(), keyed.slots.len()), (0, 1));
    let _token = started(&mut keyed, 0, of(1));
}

/// Numbers that somebody chose, neighbours or far apart, land everywhere.
#[test]
fn classes_spread_over_the_table() {
    let mix = Mix::default();
    for shift in [0, 8, 20, 32, 40, 54] {
        let hashes =
            (0..1_000_u64).map(|number| std::hash::BuildHasher::hash_one(&mix, class(number << shift)));
        let (lower, upper): (std::collections::HashSet<_>, std::collections::HashSet<_>) =
            hashes.map(|hash| (hash & 1023, hash >> 57)).unzip();
        assert!(lower.len() > 400 && upper.len() > 100, "{} and {} for {shift}", lower.len(), upper.len());
    }
}
