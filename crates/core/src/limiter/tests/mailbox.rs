//! Ends that change nothing: the strategy hears of them when the limiter is next used, of each once, as it was told.

use super::world::*;
use crate::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Admits everything, or one at a time, and writes down how tasks end. Only in the second case it minds.
#[derive(Debug)]
struct Diary {
    one: bool,
    in_flight: usize,
    log: Log,
}

impl Diary {
    fn new(one: bool) -> Self {
        Self { one, in_flight: 0, log: Log::default() }
    }
}

impl Strategy for Diary {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.one && self.in_flight > 0 { Readiness::OnChange } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.in_flight += 1;
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.in_flight -= 1;
        self.log.lock().unwrap().push(outcome);
    }

    fn finish_matters(&self) -> bool {
        self.one
    }
}

/// A limiter that admits everything, and what its strategy has heard.
fn diary() -> (Limiter<Diary>, Log) {
    let (limiter, _) = limiter(Diary::new(false));
    let log = limiter.peek(|diary| diary.log.clone());
    (limiter, log)
}

fn heard(log: &Log) -> Vec<Outcome> {
    log.lock().unwrap().clone()
}

#[test]
fn an_end_that_changes_nothing_is_told_when_the_limiter_is_next_used() {
    let looks: [fn(&Limiter<Diary>); 8] = [
        |limiter| assert_eq!(limiter.issued(), 0),
        |limiter| assert_eq!(limiter.waiting(), 0),
        |limiter| limiter.peek(|diary| assert_eq!(diary.in_flight, 0)),
        |limiter| limiter.update(|diary| assert_eq!(diary.in_flight, 0)),
        |limiter| limiter.try_acquire().unwrap().complete(Outcome::Unused),
        |limiter| limiter.close(),
        |limiter| assert_eq!(limiter.ready(at(0), &cost(1)), Readiness::Ready),
        |limiter| assert!(format!("{limiter:?}").contains("issued: 0")),
    ];
    for (number, look) in looks.into_iter().enumerate() {
        let (limiter, log) = diary();
        limiter.try_acquire().unwrap().complete(Outcome::Failure);
        assert_eq!(heard(&log), [], "look {number}");
        look(&limiter);
        assert_eq!(heard(&log)[0], Outcome::Failure, "look {number}");
        assert_eq!(limiter.issued(), 0, "look {number}");
    }
}

#[test]
fn each_end_is_told_once_and_as_it_was() {
    let all = [Outcome::Success, Outcome::Failure, Outcome::Overload, Outcome::Neutral, Outcome::Cancelled];
    for outcome in all {
        let (limiter, log) = diary();
        let permits = [(); 3].map(|()| limiter.try_acquire().unwrap());
        let mut left = permits.len();
        for permit in permits {
            permit.complete(outcome);
            left -= 1;
            assert_eq!(limiter.issued(), left);
        }
        assert_eq!(heard(&log), [outcome; 3]);
    }
}

/// There is room for one.
#[test]
fn a_second_end_takes_the_first_one_along() {
    let (limiter, log) = diary();
    let [first, second, third] = [(); 3].map(|()| limiter.try_acquire().unwrap());
    first.complete(Outcome::Neutral);
    second.complete(Outcome::Overload);
    assert_eq!(heard(&log), [Outcome::Neutral, Outcome::Overload]);
    drop(third);
    assert_eq!((heard(&log).len(), limiter.issued()), (2, 0));
    assert_eq!(heard(&log), [Outcome::Neutral, Outcome::Overload, Outcome::Cancelled]);
}

#[test]
fn what_was_never_used_is_given_back_at_once() {
    let (mut limiter, log) = diary();
    limiter.try_acquire().unwrap().complete(Outcome::Unused);
    assert_eq!(heard(&log), [Outcome::Unused]);
    let permit = limiter.start(at(0), &cost(1)).unwrap();
    let hold = limiter.hold(&permit);
    limiter.finish(permit, at(0), Outcome::Unused);
    assert_eq!(heard(&log).len(), 1, "still held");
    drop(hold);
    assert_eq!(heard(&log), [Outcome::Unused; 2]);
}

#[test]
fn a_grant_with_two_holders_ends_with_the_last_of_them() {
    for held_longer in [true, false] {
        let (limiter, log) = diary();
        let mut engine = limiter.clone();
        let permit = engine.start(at(0), &cost(1)).unwrap();
        let hold = engine.hold(&permit);
        if held_longer {
            engine.finish(permit, at(0), Outcome::Failure);
            assert_eq!((limiter.issued(), heard(&log)), (1, vec![]));
            drop(hold);
        } else {
            drop(hold);
            assert_eq!((limiter.issued(), heard(&log)), (1, vec![]));
            engine.finish(permit, at(0), Outcome::Failure);
        }
        assert_eq!((limiter.issued(), heard(&log)), (0, vec![Outcome::Failure]));
    }
}

#[test]
fn a_permit_can_be_looked_into_beside_one_that_has_ended() {
    let (limiter, log) = diary();
    let [ended, other] = [(); 2].map(|()| limiter.try_acquire().unwrap());
    ended.complete(Outcome::Success);
    assert_eq!(limiter.look_into(&other, |()| ()), Some(()));
    assert_eq!(heard(&log), [Outcome::Success]);
}

#[test]
fn an_update_finds_what_ended_before_it_told_to_the_former_rule() {
    let (limiter, log) = diary();
    limiter.try_acquire().unwrap().complete(Outcome::Failure);
    let former = limiter.update(|diary| std::mem::replace(diary, Diary::new(true)));
    assert_eq!((former.in_flight, heard(&log)), (0, vec![Outcome::Failure]));
    assert!(limiter.try_acquire().is_ok());
}

#[test]
fn after_an_update_an_end_that_matters_is_told_at_once() {
    let (limiter, log) = diary();
    let permit = limiter.try_acquire().unwrap();
    limiter.update(|diary| diary.one = true);
    let mut waiting = Task::begun(limiter.acquire());
    assert!(waiting.waits());
    permit.complete(Outcome::Success);
    assert_eq!(heard(&log), [Outcome::Success]);
    drop(waiting.permit());
    assert_eq!(heard(&log), [Outcome::Success, Outcome::Cancelled]);
    limiter.update(|diary| diary.one = false);
    drop(limiter.try_acquire().unwrap());
    assert_eq!((heard(&log).len(), counts(&limiter)), (2, (0, 0)), "told later again");
    assert_eq!(heard(&log).len(), 3);
}

#[test]
fn an_update_that_panics_has_changed_what_it_has_changed() {
    let (limiter, log) = diary();
    let permit = limiter.try_acquire().unwrap();
    let update = || {
        limiter.update(|diary| {
            diary.one = true;
            std::panic::resume_unwind(Box::new("halfway"))
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
    permit.complete(Outcome::Success);
    assert_eq!(heard(&log), [Outcome::Success]);
}

#[test]
fn who_waits_for_a_rate_is_served_by_time_and_not_by_an_end() {
    let (limiter, clock) = limiter(Rate::new(10));
    let permit = limiter.try_acquire().unwrap();
    let mut waiting = Task::begun(limiter.acquire());
    clock.set(5);
    let looks = clock.looks();
    permit.complete(Outcome::Success);
    assert_eq!(clock.looks(), looks);
    assert!(waiting.waits());
    clock.set(10);
    drop(waiting.permit());
    assert_eq!((limiter.peek(|rate| rate.last), counts(&limiter)), (Some(at(10)), (0, 0)));
}

/// Also of a borrowed one, which is a strategy itself.
fn matters(strategy: impl Strategy) -> bool {
    strategy.finish_matters()
}

#[test]
fn a_composed_strategy_minds_if_any_member_does() {
    let [plain, minds] = [false, true].map(|one| move || Diary::new(one));
    assert!(!().finish_matters() && !Some(plain()).finish_matters() && !None::<Diary>.finish_matters());
    assert!(Some(minds()).finish_matters() && Box::new(minds()).finish_matters());
    assert!((plain(), minds()).finish_matters() && !(plain(), plain()).finish_matters());
    assert!(vec![plain(), minds()].finish_matters() && !vec![plain()].finish_matters());
    assert!(BoxStrategy::new(minds()).finish_matters() && !BoxStrategy::new(plain()).finish_matters());
    let asked = |strategy: &dyn Fn() -> Diary| matters(&mut strategy());
    assert!(asked(&minds) && !asked(&plain));
    assert!(Slots::new(1).finish_matters(), "unless told otherwise");
    assert!(Limiter::new(plain()).finish_matters(), "its line is served at a finish");
}

#[test]
fn a_limiter_that_is_dropped_with_an_end_untold_is_gone() {
    let (limiter, log) = diary();
    let alive = Arc::downgrade(&log);
    limiter.try_acquire().unwrap().complete(Outcome::Success);
    drop((limiter, log));
    assert!(alive.upgrade().is_none());
}
