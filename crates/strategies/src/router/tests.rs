use super::*;
use crate::Concurrency;
use crate::laws::{self, Bound};
use regatta_core::{Outcome, Readiness, Rejection, Request, Strategy, Time};

mod balancer;
mod breakers;
mod changes;
mod oracles;
mod panics;

const NOW: Time = Time::ZERO;

type Named = Router<&'static str, Health>;

/// As healthy as it is told to be.
#[derive(Clone, PartialEq, Debug)]
struct Health {
    answer: Readiness,
    /// Starts that have not ended, and what was heard of those that have.
    running: usize,
    heard: Vec<Outcome>,
    kicks: usize,
}

const WELL: Health = said(Readiness::Ready);
const ILL: Health = said(Readiness::OnChange);

const fn said(answer: Readiness) -> Health {
    Health { answer, running: 0, heard: Vec::new(), kicks: 0 }
}

impl Strategy for Health {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        self.answer
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.running += 1;
                Ok(())
            }
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.running -= 1;
        if outcome != Outcome::Unused {
            self.heard.push(outcome);
        }
    }

    fn attach(&mut self, _: Kick) {
        self.kicks += 1;
    }

    fn timed(&self) -> bool {
        false
    }

    fn rest(&self, _: Time) -> Readiness {
        if self.running == 0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn regatta_core::Explain) {
        out.reason("health", self.ready(now, request));
    }
}

/// Begins at the beginning of the cycle, as the plain formula does.
fn from_the_beginning<T, S>(router: Router<T, S>) -> Router<T, S> {
    let mut router = router.seed(0);
    for Endpoint { turn, .. } in &mut router.endpoints {
        *turn = Turn::new(turn.weight);
    }
    router
}

fn named(endpoints: &[(&'static str, u32, Health)]) -> Named {
    let router = endpoints
        .iter()
        .cloned()
        .try_fold(Router::new(), |router, (name, weight, health)| router.endpoint(name, weight, health));
    from_the_beginning(router.expect("no name is there twice"))
}

#[track_caller]
fn start<T, S>(router: &mut Router<T, S>) -> Routed<T, S::Token>
where
    T: PartialEq + fmt::Debug,
    S: Strategy,
{
    router.start(NOW, &Request::new()).expect("somebody is ready")
}

/// The next picks, each ended at once.
fn picks(router: &mut Named, count: usize) -> String {
    let pick = |router: &mut Named| {
        let routed = start(router);
        let name = *routed.endpoint();
        router.finish(routed, NOW, Outcome::Success);
        name
    };
    (0..count).map(|_| pick(router)).collect()
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Lower, |random| {
        (0..random.usize(1..4)).fold(Router::new().seed(random.u64(..)), |router, name| {
            let limit = Concurrency::new(random.usize(1..5)).unwrap();
            router.endpoint(name, random.u32(1..4), limit).unwrap()
        })
    });
}

#[test]
fn the_laws_hold_with_drained_ones_and_panic() {
    laws::hold(Bound::Outside, |random| {
        let router = (0..random.usize(..4)).fold(Router::new().seed(random.u64(..)), |router, name| {
            let limit = Concurrency::new(random.usize(1..5)).unwrap();
            router.endpoint(name, random.u32(..3), limit).unwrap()
        });
        if random.bool() { router.panic_below(random.f64().max(0.01)).unwrap() } else { router }
    });
}

#[test]
fn the_laws_hold_over_time() {
    laws::hold(Bound::Exact, |random| {
        (0..random.usize(1..4)).fold(Router::new().seed(random.u64(..)), |router, name| {
            let gap = crate::Spacing::new(std::time::Duration::from_nanos(random.u64(1..30))).unwrap();
            router.endpoint(name, random.u32(1..4), gap).unwrap()
        })
    });
}

#[test]
fn smoke() {
    let mut router = named(&[("a", 5, WELL), ("b", 1, WELL), ("c", 1, WELL)]);
    assert_eq!(picks(&mut router, 14), "aabacaaaabacaa");
    let shares = router.shares().into_iter().map(|share| (*share.endpoint, share.weight, share.started));
    assert_eq!(shares.collect::<Vec<_>>(), [("a", 5, 10), ("b", 1, 2), ("c", 1, 2)]);
    assert_eq!((router.len(), router.is_empty(), router.timed()), (3, false, false));
    assert_eq!(router.strategy(&"b").unwrap().heard, [Outcome::Success; 2]);
}

#[test]
fn empty() {
    let mut router = Named::default();
    assert_eq!(router.ready(NOW, &Request::new()), Readiness::OnChange, "one may be added");
    assert_eq!(router.start(NOW, &Request::new()).unwrap_err(), Readiness::OnChange);
    assert_eq!((router.rest(NOW), router.is_empty()), (Readiness::Ready, true));
    router.add("a", 1, WELL).unwrap();
    assert_eq!(picks(&mut router, 2), "aa");
}

#[test]
fn the_best_answer_counts() {
    let [early, late] = [5, 9].map(|nanos| Readiness::NotBefore(Time::from_nanos(nanos)));
    let rejected = Readiness::Rejected(Rejection::Open);
    let cases: &[(&[Readiness], Readiness)] = &[
        (&[late, early], early),
        (&[Readiness::OnChange, late], late),
        (&[rejected, Readiness::OnChange], Readiness::OnChange),
        (&[rejected, rejected], rejected),
        (&[rejected, Readiness::Ready], Readiness::Ready),
    ];
    for (answers, expected) in cases {
        let mut router = Router::new();
        for (name, answer) in answers.iter().enumerate() {
            router.add(name, 1, said(*answer)).unwrap();
        }
        // What is drained has no say.
        router.add(99, 0, WELL).unwrap();
        assert_eq!(router.ready(NOW, &Request::new()), *expected, "{answers:?}");
        assert_eq!(router.start(NOW, &Request::new()).err(), (!expected.is_ready()).then_some(*expected));
    }
}

/// Says that it is ready, but somebody else is always faster.
#[derive(Clone, PartialEq, Debug)]
struct Snatched;

impl Strategy for Snatched {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Err(Readiness::OnChange)
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn if_somebody_else_was_faster_the_next_one_is_asked() {
    let limit = |snatched| (Concurrency::new(9).unwrap(), snatched);
    let router = Router::new()
        .endpoint("a", 3, limit(Some(Snatched)))
        .and_then(|router| router.endpoint("b", 1, limit(None)))
        .and_then(|router| router.endpoint("c", 1, limit(None)));
    let mut router = from_the_beginning(router.unwrap());
    let picked: String = (0..4).map(|_| *start(&mut router).endpoint()).collect();
    assert_eq!(picked, "bcbc", "the first takes no part in these");
    let a = router.strategy(&"a").unwrap();
    assert_eq!((a.0.in_flight(), router.shares()[0].started), (0, 0));
    for name in ["b", "c"] {
        router.set_weight(&name, 0).unwrap();
    }
    let before = router.clone();
    assert_eq!(router.start(NOW, &Request::new()).unwrap_err(), Readiness::OnChange);
    assert_eq!(router, before);
}

#[test]
fn the_clock_matters_if_it_matters_to_any_endpoint() {
    let gap = || Some(crate::Spacing::new(std::time::Duration::from_nanos(1)).unwrap());
    let times = |router: Router<&'static str, _>| (router.timed(), router.finish_timed());
    let plain = || Router::new().endpoint("a", 1, None).unwrap();
    assert_eq!(times(plain()), (false, false));
    assert_eq!(times(plain().endpoint("b", 1, gap()).unwrap()), (true, false));
    let paused = gap().map(|gap| gap.from(crate::Measure::Finish));
    assert_eq!(times(plain().endpoint("b", 1, paused).unwrap()), (true, true));
}

#[test]
fn who_comes_back_gets_its_share_and_no_burst() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    assert_eq!(picks(&mut router, 3), "aba");
    router.strategy_mut(&"b").unwrap().answer = Readiness::OnChange;
    assert_eq!(picks(&mut router, 1_000), "a".repeat(1_000));
    router.strategy_mut(&"b").unwrap().answer = Readiness::Ready;
    assert_eq!(picks(&mut router, 6), "bababa");
}

#[test]
fn an_unused_start_gives_the_turn_back() {
    let mut router = named(&[("a", 2, WELL), ("b", 1, WELL)]);
    let before = router.clone();
    let [first, second] = [(); 2].map(|()| start(&mut router));
    assert_eq!([*first.endpoint(), *second.endpoint()], ["a", "b"]);
    router.finish(second, NOW, Outcome::Unused);
    router.finish(first, NOW, Outcome::Unused);
    assert_eq!(router, before);
    assert_eq!(picks(&mut router, 3), "aba");
}

/// Given back late, turns could pile up and come as a burst.
#[test]
fn only_the_latest_turn_is_given_back() {
    let mut router = named(&[("a", 1, WELL), ("b", 1, WELL)]);
    let turns: Vec<_> = (0..20).map(|_| start(&mut router)).collect();
    let (early, _kept): (Vec<_>, Vec<_>) = turns.into_iter().partition(|routed| *routed.endpoint() == "a");
    for routed in early {
        router.finish(routed, NOW, Outcome::Unused);
    }
    let counts = router.shares().into_iter().map(|share| (share.started, share.in_flight));
    assert_eq!(counts.collect::<Vec<_>>(), [(0, 0), (10, 10)], "they don't count as started");
    assert_eq!(picks(&mut router, 6), "ababab");
}

#[test]
fn clients_that_start_together_begin_with_different_endpoints() {
    let first = |seed| {
        let mut router = Router::new().seed(seed);
        for (name, weight) in [("a", 5), ("b", 3), ("c", 2)] {
            router.add(name, weight, ()).unwrap();
        }
        *start(&mut router).endpoint()
    };
    let firsts: Vec<_> = (0..1_000).map(first).collect();
    let counts = ["a", "b", "c"].map(|name| firsts.iter().filter(|first| **first == name).count());
    assert!(
        counts.iter().zip([500, 300, 200]).all(|(count, share)| count.abs_diff(share) < 60),
        "{counts:?}"
    );
    assert_eq!(first(7), first(7));
    // The seed may come after the endpoints.
    let late = || Router::new().endpoint("a", 5, ()).unwrap().endpoint("b", 3, ()).unwrap();
    assert_eq!(late().seed(3), late().seed(3));
    assert!((0..50).any(|_| late() != late()), "by default it is random");
}

#[test]
fn heavy_weights_begin_in_no_time() {
    let mut router = Router::new();
    for name in 0..50 {
        router.add(name, u32::MAX - name, ()).unwrap();
    }
    let firsts: std::collections::BTreeSet<_> = (0..50).map(|_| *start(&mut router).endpoint()).collect();
    assert!(firsts.len() > 40, "{firsts:?}");
}

#[test]
fn more_endpoints_than_fit_in_a_word() {
    let mut router = from_the_beginning((0..200).fold(Router::new(), |router, name| {
        router.endpoint(name, 1, if name % 2 == 0 { WELL } else { ILL }).unwrap()
    }));
    let before = router.clone();
    let routed = start(&mut router);
    router.finish(routed, NOW, Outcome::Unused);
    assert_eq!(router, before);
    let picked: Vec<_> = (0..200).map(|_| *start(&mut router).endpoint()).collect();
    let expected: Vec<_> = (0..200).step_by(2).chain((0..200).step_by(2)).collect();
    assert_eq!(picked, expected);
}

#[test]
fn it_says_who_holds_a_request_back() {
    let mut router = named(&[("a", 1, ILL), ("b", 0, WELL)]);
    let mut reasons = Vec::new();
    router.explain(NOW, &Request::new(), &mut reasons);
    let expected =
        ["router", "\"a\": health", "\"b\": drained"].map(|name| (name.to_owned(), Readiness::OnChange));
    assert_eq!(reasons, expected);
    router.strategy_mut(&"a").unwrap().answer = Readiness::Ready;
    let routed = format!("{:?}", start(&mut router));
    assert_eq!(routed, "Routed { endpoint: \"a\", token: Some(()), .. }");
    assert!(format!("{router:?}").starts_with("Router { endpoints: [Endpoint { value: \"a\""));
}

#[test]
fn at_the_end_of_a_cycle_with_nothing_in_flight_it_could_be_replaced() {
    let mut router = named(&[("a", 2, WELL), ("b", 1, WELL)]);
    router.changed = false;
    let rests = (0..3).map(|_| {
        picks(&mut router, 1);
        router.rest(NOW)
    });
    assert_eq!(rests.collect::<Vec<_>>(), [Readiness::OnChange, Readiness::OnChange, Readiness::Ready]);
    let _running = start(&mut router);
    picks(&mut router, 2);
    assert_eq!(router.rest(NOW), Readiness::OnChange, "one still runs");
    let mut router = named(&[("a", 1, WELL)]);
    router.set_weight(&"a", 2).unwrap();
    assert_eq!(router.rest(NOW), Readiness::OnChange, "a fresh one would have the old weight");
}

#[test]
fn a_corrected_cost_reaches_the_strategy() {
    let mut router = Router::new().endpoint("a", 1, Concurrency::new(4).unwrap()).unwrap();
    let mut routed = start(&mut router);
    router.reconcile(&mut routed, NOW, 3);
    assert_eq!(router.strategy(&"a").unwrap().in_flight(), 3);
    router.finish(routed, NOW, Outcome::Success);
    assert_eq!(router.strategy(&"a").unwrap().in_flight(), 0);
}
