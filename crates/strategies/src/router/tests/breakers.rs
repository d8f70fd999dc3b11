//! Endpoints whose health a breaker judges.

use super::*;
use crate::Breaker;
use std::time::Duration;

const PAUSE: Duration = Duration::from_nanos(10);

fn breaker() -> Breaker {
    Breaker::consecutive(1).unwrap().open_for(PAUSE).unwrap()
}

fn fleet() -> Router<&'static str, Breaker> {
    let router = [("a", 2), ("b", 1), ("c", 1)]
        .into_iter()
        .try_fold(Router::new(), |router, (name, weight)| router.endpoint(name, weight, breaker()));
    from_the_beginning(router.unwrap())
}

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn send(router: &mut Router<&'static str, Breaker>, now: Time, outcome: Outcome) -> &'static str {
    let routed = router.start(now, &Request::new()).expect("somebody is well");
    let name = *routed.endpoint();
    router.finish(routed, now, outcome);
    name
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        (0..random.usize(1..4)).fold(Router::new().seed(random.u64(..)), |router, name| {
            let breaker = Breaker::consecutive(random.u32(1..3)).unwrap();
            let breaker = breaker.open_for(Duration::from_nanos(random.u64(1..40))).unwrap();
            router.endpoint(name, random.u32(1..4), breaker.probes(random.u32(1..3)).unwrap()).unwrap()
        })
    });
}

#[test]
fn the_others_share_by_their_weights_until_a_probe_succeeds() {
    let mut router = fleet();
    assert_eq!(send(&mut router, at(0), Outcome::Failure), "a");
    let picks: String = (0..6).map(|_| send(&mut router, at(1), Outcome::Success)).collect();
    assert_eq!(picks, "bcbcbc");
    // Half-open: one probe, and nothing else before it has reported.
    let picks: Vec<_> = (0..8).map(|_| router.start(at(10), &Request::new()).unwrap()).collect();
    let probes: Vec<_> = picks.iter().filter(|routed| *routed.endpoint() == "a").collect();
    assert_eq!(probes.len(), 1);
    for routed in picks {
        router.finish(routed, at(11), Outcome::Success);
    }
    let picks: String = (0..8).map(|_| send(&mut router, at(12), Outcome::Success)).collect();
    assert_eq!(picks.matches('a').count(), 4, "{picks}");
}

#[test]
fn if_all_are_open_it_waits_for_the_first_that_reopens() {
    let mut router = fleet();
    for (now, name) in [(3, "a"), (1, "b"), (2, "c")] {
        assert_eq!(send(&mut router, at(now), Outcome::Failure), name);
    }
    assert_eq!(router.ready(at(4), &Request::new()), Readiness::NotBefore(at(11)));
    assert_eq!(send(&mut router, at(11), Outcome::Success), "b");
}

/// Requests lost at a death are at most those that were in flight there.
#[test]
fn oracle_after_the_first_loss_nothing_goes_to_the_dead() {
    laws::oracle("router death", |random| {
        let mut router = fleet().seed(random.u64(..));
        let (mut running, mut dead, mut lost, mut exposed) = (Vec::new(), false, 0, None);
        for step in 0..300 {
            dead |= step == 100;
            if random.bool() && running.len() < 12 {
                let routed = router.start(at(0), &Request::new()).unwrap();
                assert!(exposed.is_none() || *routed.endpoint() != "b", "sent to the dead");
                running.push(routed);
            } else if !running.is_empty() {
                let routed = running.swap_remove(random.usize(..running.len()));
                let is_lost = dead && *routed.endpoint() == "b";
                if is_lost {
                    lost += 1;
                    exposed.get_or_insert(router.shares()[1].in_flight);
                }
                router.finish(routed, at(0), if is_lost { Outcome::Failure } else { Outcome::Success });
            }
        }
        assert!(lost <= exposed.unwrap_or(0), "{lost} lost, {exposed:?} in flight at the first");
    });
}
