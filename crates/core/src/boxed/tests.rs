use super::*;
use crate::{Class, ConfigError, Limiter, Rejection};
use fastrand::Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Admits costs up to a sum, each class after a gap of its own; remembers all calls and holds a secret per token.
#[derive(Clone, PartialEq, Debug, Default)]
struct Quota {
    max: u32,
    used: u32,
    last: Option<Time>,
    serial: u64,
    heard: Vec<String>,
}

/// Its numbers differ from the places of a box's table.
#[derive(PartialEq, Debug)]
struct Ticket {
    serial: u64,
    cost: u32,
    before: Option<Time>,
}

const GAP: Duration = Duration::from_nanos(3);

impl Quota {
    fn new(max: u32) -> Self {
        Self { max, serial: 1_000, ..Self::default() }
    }
}

/// Quota behind a shared cell, so that the test can see the one that is in the box.
#[derive(Clone, Debug)]
struct Seen(Arc<Mutex<Quota>>);

impl Strategy for Seen {
    type Token = Ticket;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        let quota = self.0.lock().unwrap();
        if request.cost > quota.max {
            return Rejection::TooCostly { cost: request.cost, max: quota.max }.into();
        }
        if quota.used + request.cost > quota.max {
            return Readiness::OnChange;
        }
        match quota.last.map(|last| last + GAP) {
            Some(earliest) if now < earliest => Readiness::NotBefore(earliest),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<Ticket, Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {}
            refusal => return Err(refusal),
        }
        let mut quota = self.0.lock().unwrap();
        quota.serial += 1;
        quota.used += request.cost;
        let before = quota.last.replace(now);
        Ok(Ticket { serial: quota.serial, cost: request.cost, before })
    }

    fn finish(&mut self, token: Ticket, now: Time, outcome: Outcome) {
        let mut quota = self.0.lock().unwrap();
        quota.used -= token.cost;
        if outcome == Outcome::Unused && token.serial == quota.serial {
            quota.serial -= 1;
            quota.last = token.before;
        } else {
            quota.heard.push(format!("finish {} {now:?} {outcome:?}", token.serial));
        }
    }

    fn reconcile(&mut self, token: &mut Ticket, now: Time, actual: u32) {
        let mut quota = self.0.lock().unwrap();
        quota.used = quota.used - token.cost + actual;
        token.cost = actual;
        quota.heard.push(format!("reconcile {} {now:?} {actual}", token.serial));
    }

    fn attach(&mut self, _: Kick) {
        self.0.lock().unwrap().heard.push("attach".into());
    }

    fn park(&mut self, now: Time, request: &Request) {
        self.0.lock().unwrap().heard.push(format!("park {now:?} {request:?}"));
    }

    fn unpark(&mut self) {
        self.0.lock().unwrap().heard.push("unpark".into());
    }

    fn timed(&self) -> bool {
        false
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        out.reason("quota", self.ready(now, request));
    }
}

/// One that is in a box and one that isn't, of the same kind.
struct Twins {
    boxed: BoxStrategy<'static>,
    inside: Seen,
    bare: Seen,
    tokens: Vec<(BoxToken, Ticket)>,
}

impl Twins {
    fn new(max: u32) -> Self {
        let [inside, bare] = [(); 2].map(|()| Seen(Arc::new(Mutex::new(Quota::new(max)))));
        Self { boxed: BoxStrategy::new(inside.clone()), inside, bare, tokens: Vec::new() }
    }

    fn are_equal(&self) {
        assert_eq!(*self.inside.0.lock().unwrap(), *self.bare.0.lock().unwrap());
    }

    fn state(&self) -> Quota {
        self.inside.0.lock().unwrap().clone()
    }
}

fn random_outcome(random: &mut Rng) -> Outcome {
    let all = [Outcome::Success, Outcome::Failure, Outcome::Overload, Outcome::Neutral, Outcome::Cancelled];
    all[random.usize(..all.len())]
}

#[test]
fn a_box_answers_and_hears_as_what_is_in_it() {
    for seed in 0..300 {
        let mut random = Rng::with_seed(seed);
        let mut twins = Twins::new(random.u32(1..9));
        let mut now = Time::ZERO;
        for _ in 0..200 {
            now = now + Duration::from_nanos(random.u64(..3));
            let request = Request::new().cost(random.u32(..10)).class(Class::from_u64(random.u64(..3)));
            assert_eq!(twins.boxed.ready(now, &request), twins.bare.ready(now, &request), "seed {seed}");
            match random.u8(..12) {
                0..5 => match (twins.boxed.start(now, &request), twins.bare.start(now, &request)) {
                    (Ok(boxed), Ok(bare)) => twins.tokens.push((boxed, bare)),
                    (Err(boxed), Err(bare)) => assert_eq!(boxed, bare, "seed {seed}"),
                    (boxed, bare) => panic!("seed {seed}: {boxed:?} and {bare:?}"),
                },
                5..9 if !twins.tokens.is_empty() => {
                    let (boxed, bare) = twins.tokens.swap_remove(random.usize(..twins.tokens.len()));
                    let outcome = random_outcome(&mut random);
                    twins.boxed.finish(boxed, now, outcome);
                    twins.bare.finish(bare, now, outcome);
                }
                9 if !twins.tokens.is_empty() => {
                    let place = random.usize(..twins.tokens.len());
                    let (boxed, bare) = &mut twins.tokens[place];
                    let actual = bare.cost.min(random.u32(..10));
                    twins.boxed.reconcile(boxed, now, actual);
                    twins.bare.reconcile(bare, now, actual);
                }
                10 => {
                    twins.boxed.park(now, &request);
                    twins.bare.park(now, &request);
                    twins.boxed.unpark();
                    twins.bare.unpark();
                }
                _ => {}
            }
            twins.are_equal();
        }
    }
}

#[test]
fn an_unused_start_leaves_no_trace() {
    let mut twins = Twins::new(5);
    for nanos in [0, 10, 20] {
        let before = twins.state();
        let token = twins.boxed.start(Time::from_nanos(nanos), &Request::new().cost(2)).unwrap();
        assert_ne!(twins.state(), before);
        twins.boxed.finish(token, Time::from_nanos(nanos), Outcome::Unused);
        assert_eq!(twins.state(), before);
        // And one that stays, so that the next begins from another state.
        let kept = twins.boxed.start(Time::from_nanos(nanos), &Request::new()).unwrap();
        twins.tokens.push((kept, Ticket { serial: 0, cost: 0, before: None }));
    }
}

#[test]
fn a_denied_start_and_a_question_change_nothing() {
    let mut twins = Twins::new(3);
    let _running = twins.boxed.start(Time::ZERO, &Request::new().cost(3)).unwrap();
    let before = twins.state();
    for cost in [1, 3, 4] {
        let request = Request::new().cost(cost);
        let refusal = twins.boxed.start(Time::from_nanos(1), &request).unwrap_err();
        assert_eq!(refusal, twins.boxed.ready(Time::from_nanos(1), &request));
    }
    let mut reasons = Vec::new();
    twins.boxed.explain(Time::ZERO, &Request::new(), &mut reasons);
    assert_eq!(reasons, [("quota".to_owned(), Readiness::OnChange)]);
    assert_eq!(twins.state(), before);
}

#[test]
fn what_is_provided_is_passed_on() {
    let mut twins = Twins::new(3);
    assert!(!twins.boxed.timed());
    twins.boxed.attach(Kick::none());
    assert_eq!(twins.state().heard, ["attach"]);
    assert!(BoxStrategy::new(()).timed() == ().timed());
    assert_eq!(format!("{:?}", twins.boxed), "BoxStrategy");
}

#[test]
fn places_are_used_again() {
    let mut any = BoxStrategy::new(());
    let request = Request::new();
    let mut tokens: Vec<_> = (0..3).map(|_| any.start(Time::ZERO, &request).unwrap()).collect();
    for n in 0..100 {
        let token = tokens.remove(n % tokens.len());
        any.finish(token, Time::ZERO, Outcome::Success);
        tokens.push(any.start(Time::ZERO, &request).unwrap());
    }
    let mut places: Vec<_> = tokens.iter().map(|token| token.place).collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2]);
}

#[test]
fn a_token_of_another_box_changes_nothing() {
    let (mut first, mut second) = (Twins::new(9), Twins::new(9));
    let mut tokens: Vec<_> =
        [0, 10, 20].map(|nanos| first.boxed.start(Time::from_nanos(nanos), &Request::new()).unwrap()).into();
    let before = second.state();
    let mut stranger = tokens.pop().unwrap();
    second.boxed.reconcile(&mut stranger, Time::ZERO, 5);
    drop(second.boxed.hold(&stranger));
    second.boxed.finish(stranger, Time::ZERO, Outcome::Success);
    assert_eq!(second.state(), before);
}

/// Both have given out the same place.
#[test]
fn a_token_of_a_box_that_was_replaced_takes_no_place_of_the_new_one() {
    let (mut former, mut boxed) = (Twins::new(9), Twins::new(9));
    let mut late = former.boxed.start(Time::ZERO, &Request::new()).unwrap();
    let own = boxed.boxed.start(Time::ZERO, &Request::new()).unwrap();
    let before = boxed.state();
    boxed.boxed.reconcile(&mut late, Time::ZERO, 5);
    drop(boxed.boxed.hold(&late));
    boxed.boxed.finish(late, Time::ZERO, Outcome::Success);
    assert_eq!(boxed.state(), before);
    boxed.boxed.finish(own, Time::ZERO, Outcome::Success);
    assert_ne!(boxed.state(), before);
}

#[test]
fn a_box_holds_what_a_limiter_gave_until_the_hold_is_dropped() {
    struct Two(u32);
    impl Strategy for Two {
        type Token = ();
        fn ready(&self, _: Time, _: &Request) -> Readiness {
            if self.0 < 2 { Readiness::Ready } else { Readiness::OnChange }
        }
        fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
            match self.ready(now, request) {
                Readiness::Ready => self.0 += 1,
                refusal => return Err(refusal),
            }
            Ok(())
        }
        fn finish(&mut self, (): (), _: Time, _: Outcome) {
            self.0 -= 1;
        }
    }
    let shared = Limiter::new(Two(0));
    let mut any = BoxStrategy::new(shared.clone());
    any.attach(Kick::none());
    let token = any.start(Time::ZERO, &Request::new()).unwrap();
    let hold = any.hold(&token);
    any.finish(token, Time::ZERO, Outcome::Success);
    assert_eq!(shared.peek(|two| two.0), 1, "still held");
    drop(hold);
    assert_eq!(shared.peek(|two| two.0), 0);
    drop(any);
    assert_eq!(shared.issued(), 0);
}

#[test]
fn boxes_stand_in_tuples_and_in_boxes() {
    let twins = Twins::new(2);
    let mut both = (BoxStrategy::new(twins.boxed), BoxStrategy::new(((), Some(()))));
    let token = both.start(Time::ZERO, &Request::new().cost(2)).unwrap();
    assert_eq!(both.ready(Time::from_nanos(9), &Request::new()), Readiness::OnChange);
    both.finish(token, Time::from_nanos(9), Outcome::Failure);
    assert_eq!(both.ready(Time::from_nanos(9), &Request::new()), Readiness::Ready);
    assert_eq!(twins.inside.0.lock().unwrap().heard.len(), 1);
}

#[test]
fn a_panic_inside_loses_no_place() {
    struct Panics(bool);
    impl Strategy for Panics {
        type Token = ();
        fn ready(&self, _: Time, _: &Request) -> Readiness {
            Readiness::Ready
        }
        fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
            self.0 = !self.0;
            if self.0 { Ok(()) } else { std::panic::resume_unwind(Box::new("start")) }
        }
        fn finish(&mut self, (): (), _: Time, _: Outcome) {
            std::panic::resume_unwind(Box::new("finish"))
        }
    }
    let mut any = BoxStrategy::new(Panics(false));
    for _ in 0..10 {
        let token = any.start(Time::ZERO, &Request::new()).unwrap();
        assert_eq!(token.place, 0);
        let panics = [
            catch_unwind(AssertUnwindSafe(|| any.finish(token, Time::ZERO, Outcome::Success))),
            catch_unwind(AssertUnwindSafe(|| drop(any.start(Time::ZERO, &Request::new())))),
        ];
        assert!(panics.iter().all(Result::is_err));
    }
}

#[test]
fn tokens_that_are_left_are_dropped_with_the_box() {
    struct Lends(Arc<()>);
    impl Strategy for Lends {
        type Token = Arc<()>;
        fn ready(&self, _: Time, _: &Request) -> Readiness {
            Readiness::Ready
        }
        fn start(&mut self, _: Time, _: &Request) -> Result<Arc<()>, Readiness> {
            Ok(self.0.clone())
        }
        fn finish(&mut self, _: Arc<()>, _: Time, _: Outcome) {}
    }
    let lent = Arc::new(());
    let mut any = BoxStrategy::new(Lends(lent.clone()));
    let tokens: Vec<_> = (0..3).map(|_| any.start(Time::ZERO, &Request::new()).unwrap()).collect();
    assert_eq!(Arc::strong_count(&lent), 5);
    drop(any);
    assert_eq!(Arc::strong_count(&lent), 1);
    drop(tokens);
}

/// Borrowed state, and a box that moves between threads.
#[test]
fn a_box_may_borrow_and_be_sent() {
    struct Borrows<'a>(&'a ConfigError);
    impl Strategy for Borrows<'_> {
        type Token = ();
        fn ready(&self, _: Time, _: &Request) -> Readiness {
            if self.0.field.is_empty() { Readiness::Ready } else { Readiness::OnChange }
        }
        fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
            Err(self.ready(now, request))
        }
        fn finish(&mut self, (): (), _: Time, _: Outcome) {}
    }
    let error = ConfigError::new("limit", 0, "must be at least 1");
    let any = BoxStrategy::new(Borrows(&error));
    let answer = std::thread::scope(|scope| {
        scope.spawn(move || any.ready(Time::ZERO, &Request::new())).join().unwrap()
    });
    assert_eq!(answer, Readiness::OnChange);
}
