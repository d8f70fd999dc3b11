//! Which classes are forgotten, when, and at what cost.

use super::*;
use crate::Breaker;
use crate::waiting::{Woken, kick, taken};
use std::sync::Arc;

#[test]
fn a_new_class_takes_the_place_of_one_at_rest() {
    let mut keyed = singles(2);
    let _busy = started(&mut keyed, 0, of(1));
    let idle = started(&mut keyed, 0, of(2));
    assert_eq!(keyed.ready(NOW, &of(3)), Readiness::OnChange);
    assert_eq!(keyed.start(NOW, &of(3)).unwrap_err(), Readiness::OnChange);
    keyed.finish(idle, NOW, Outcome::Success);
    let _new = started(&mut keyed, 0, of(3));
    assert_eq!([1, 2, 3].map(|number| keyed.get(class(number)).is_some()), [true, false, true]);
    assert_eq!(keyed.ready(NOW, &of(2)), Readiness::OnChange, "now that one has no place");
}

#[test]
fn without_a_place_the_answer_is_the_earliest_of_all() {
    let mut keyed = Keyed::new(spacing(10)).capacity(3).unwrap();
    let _tokens = [(3, 1), (1, 2), (2, 3)].map(|(now, number)| started(&mut keyed, now, of(number)));
    assert_eq!(keyed.ready(at(4), &of(9)), Readiness::NotBefore(at(11)));
    // The earliest one starts again.
    let _again = started(&mut keyed, 11, of(2));
    assert_eq!(keyed.ready(at(11), &of(9)), Readiness::NotBefore(at(12)));
    assert_eq!(keyed.start(at(11), &of(9)).unwrap_err(), Readiness::NotBefore(at(12)));
    let _new = started(&mut keyed, 12, of(9));
    assert_eq!([1, 2, 3].map(|number| keyed.get(class(number)).is_some()), [true, true, false]);
}

#[test]
fn what_could_never_start_is_told_so_also_without_a_place() {
    let mut keyed = Keyed::new(concurrency(3)).capacity(1).unwrap();
    let _token = started(&mut keyed, 0, of(1));
    assert_eq!(keyed.ready(NOW, &of(2).cost(4)), Rejection::TooCostly { cost: 4, max: 3 }.into());
}

#[test]
fn an_unused_start_brings_back_what_was_forgotten_for_it() {
    let mut keyed = Keyed::new(spacing(10)).capacity(1).unwrap();
    let former = started(&mut keyed, 0, of(1));
    let before = keyed.clone();
    let unused = started(&mut keyed, 10, of(2));
    // Asking in between finds no other place.
    assert_eq!(keyed.ready(at(10), &of(3)), Readiness::NotBefore(at(20)));
    keyed.finish(unused, at(10), Outcome::Unused);
    assert_eq!(keyed, before);
    assert!(keyed.get(class(1)).is_some() && keyed.get(class(2)).is_none());
    assert_eq!(
        keyed.ready(at(9), &of(1)),
        Readiness::NotBefore(at(10)),
        "as it was, also for an earlier time"
    );
    keyed.finish(former, at(10), Outcome::Unused);
    assert_eq!(keyed.ready(at(9), &of(1)), Readiness::Ready, "and its token is good");
}

#[test]
fn what_was_forgotten_stays_so_once_others_have_started() {
    let mut keyed = Keyed::new(spacing(10)).capacity(1).unwrap();
    let _former = started(&mut keyed, 0, of(1));
    let unused = started(&mut keyed, 10, of(2));
    let _standing = started(&mut keyed, 20, of(2));
    keyed.finish(unused, at(20), Outcome::Unused);
    assert!(keyed.get(class(1)).is_none());
    assert_eq!(keyed.ready(at(20), &of(2)), Readiness::NotBefore(at(30)));
}

/// The first start of the new strategy has the same number as that of the forgotten one.
#[test]
fn a_late_token_of_a_forgotten_class_changes_nothing() {
    let mut keyed = Keyed::new(spacing(10)).capacity(1).unwrap();
    let mut late = started(&mut keyed, 0, of(1));
    let _between = started(&mut keyed, 10, of(2));
    let _again = started(&mut keyed, 20, of(1));
    let before = keyed.clone();
    keyed.reconcile(&mut late, at(20), 7);
    let _hold = keyed.hold(&late);
    keyed.finish(late, at(20), Outcome::Unused);
    assert_eq!(keyed, before);
    assert_eq!(keyed.ready(at(20), &of(1)), Readiness::NotBefore(at(30)));
    // Nor does one of another limit, whose place this one doesn't have.
    let mut wide = Keyed::new(spacing(10));
    let tokens = [7, 8, 9].map(|number| started(&mut wide, 0, of(number)));
    tokens.into_iter().for_each(|token| keyed.finish(token, at(20), Outcome::Success));
}

#[test]
fn a_class_that_was_set_is_never_forgotten() {
    let mut keyed = singles(1);
    let counted = started(&mut keyed, 0, of(7));
    keyed.finish(counted, NOW, Outcome::Success);
    keyed.set(class(7), concurrency(5));
    for number in 100..200 {
        let token = started(&mut keyed, 0, of(number));
        keyed.finish(token, NOW, Outcome::Success);
    }
    assert_eq!(keyed.get(class(7)).map(Concurrency::max), Some(5));
    assert_eq!((keyed.classes(), keyed.slots.len()), (2, 3));
}

/// A limit that counts how often it is asked for its rest.
#[derive(Clone)]
struct Counting(Spacing, Arc<AtomicUsize>);

impl Strategy for Counting {
    type Token = ();

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.0.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.0.start(now, request).map(drop)
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn rest(&self, now: Time) -> Readiness {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.rest(now)
    }
}

#[test]
fn nobody_is_asked_before_it_is_full_and_few_afterwards() {
    const CAPACITY: u64 = 1_000;
    let asked = Arc::new(AtomicUsize::new(0));
    let mut keyed = Keyed::new(Counting(spacing(CAPACITY), asked.clone())).capacity(1_000).unwrap();
    let run = |keyed: &mut Keyed<Counting>, now, number| {
        let () = started(keyed, now, of(number)).inner;
    };
    for now in 0..CAPACITY {
        run(&mut keyed, now, now);
    }
    assert_eq!(asked.swap(0, Ordering::Relaxed), 0);
    // One class comes to rest at a time, and a new one comes at once. Some of the old ones start again.
    let mut starts = 0;
    for now in CAPACITY..20 * CAPACITY {
        assert!(!keyed.ready(at(now - 1), &of(now)).is_ready());
        run(&mut keyed, now, now);
        starts += 1;
    }
    let each = asked.swap(0, Ordering::Relaxed) / starts;
    assert!(each <= 6, "{each} were asked per start");
    // Nobody comes to rest, and one asks again and again.
    for _ in 0..1_000 {
        assert!(!keyed.ready(at(20 * CAPACITY - 1), &of(0)).is_ready());
    }
    let each = asked.load(Ordering::Relaxed) / 1_000;
    assert!(each <= 2, "{each} were asked per refusal");
    assert!(keyed.lock().len() <= 3_100, "the order stays as small as what it orders");
}

#[test]
fn changes_without_end_take_no_memory() {
    let mut keyed = Keyed::new(spacing(1_000)).capacity(2).unwrap();
    let _tokens = [1, 2].map(|number| started(&mut keyed, 0, of(number)));
    for _ in 0..10_000 {
        keyed.update(class(1), |_| ()).unwrap();
        assert_eq!(keyed.ready(NOW, &of(9)), Readiness::NotBefore(at(1_000)));
    }
    assert!(keyed.lock().len() < 50, "{}", keyed.lock().len());
}

/// Open breakers never come to rest by themselves, so a full house of them would keep everybody else out for good.
#[test]
fn a_class_that_is_forgotten_by_hand_makes_room() {
    let (breaker, woken) = (Breaker::consecutive(1).unwrap(), Woken::default());
    let mut keyed = Keyed::new(breaker).capacity(2).unwrap();
    keyed.attach(kick(0, &woken));
    for number in [1, 2] {
        let token = started(&mut keyed, 0, of(number));
        keyed.finish(token, NOW, Outcome::Failure);
    }
    taken(&woken);
    assert_eq!(keyed.ready(NOW, &of(3)), Readiness::OnChange);
    assert!(!keyed.forget(class(3)) && taken(&woken).is_empty());
    assert!(keyed.forget(class(1)));
    assert_eq!(taken(&woken), [0]);
    assert_eq!((keyed.ready(NOW, &of(1)), keyed.classes()), (Readiness::Ready, 2), "it is as fresh");
    let token = started(&mut keyed, 0, of(3));
    keyed.finish(token, NOW, Outcome::Success);
    assert_eq!(keyed.get(class(1)), None, "its place was free");
    assert!(keyed.get(class(2)).is_some(), "the other one still limits");
}

#[test]
fn late_tokens_of_a_class_that_was_forgotten_by_hand_take_nothing() {
    let mut keyed = singles(2);
    let late = started(&mut keyed, 0, of(1));
    keyed.set(class(2), concurrency(5));
    assert!(keyed.forget(class(1)) && keyed.forget(class(2)) && keyed.forget(None));
    let token = started(&mut keyed, 0, of(1));
    keyed.finish(late, NOW, Outcome::Success);
    assert_eq!(keyed.ready(NOW, &of(1)), Readiness::OnChange, "one is in flight");
    keyed.finish(token, NOW, Outcome::Success);
    assert_eq!(keyed.get(class(2)).map(Concurrency::max), Some(1), "what was set is forgotten, too");
    let _others = [3, 4].map(|number| started(&mut keyed, 0, of(number)));
    assert_eq!(keyed.classes(), 2);
}
