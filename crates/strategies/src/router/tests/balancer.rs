//! A router that many tasks share.

use super::*;
use crate::{Balancer, Breaker};
use regatta_core::Limiter;
use std::time::Duration;

fn balancer() -> Balancer<&'static str, Concurrency> {
    let [one, two] = [1, 2].map(|max| Concurrency::new(max).unwrap());
    let router = Router::new().endpoint("a", 2, two).unwrap().endpoint("b", 1, one).unwrap();
    Balancer::new(from_the_beginning(router))
}

#[test]
fn smoke() {
    let balancer = balancer();
    let picks: Vec<_> = (0..3).map(|_| balancer.try_acquire().unwrap()).collect();
    assert_eq!(picks.iter().map(Pick::endpoint).copied().collect::<String>(), "aba");
    assert_eq!(balancer.try_acquire().unwrap_err(), Readiness::OnChange);
    assert_eq!((balancer.limiter().issued(), format!("{:?}", picks[1])), (3, "Pick(\"b\")".to_owned()));
    drop(picks);
    assert_eq!(balancer.limiter().issued(), 0);
    assert!(balancer.shares().iter().all(|share| share.in_flight == 0));
}

#[test]
fn who_waits_gets_the_endpoint_that_comes_free() {
    let balancer = balancer();
    let mut picks: Vec<_> = (0..3).map(|_| balancer.try_acquire().unwrap()).collect();
    let waiting = balancer.acquire();
    smol::block_on(async {
        let mut waiting = std::pin::pin!(waiting);
        assert!(smol::future::poll_once(&mut waiting).await.is_none());
        picks.remove(1).complete(Outcome::Success);
        assert_eq!(*waiting.await.unwrap().endpoint(), "b");
    });
}

#[test]
fn who_waits_hears_of_a_new_endpoint() {
    let balancer = balancer();
    let _picks: Vec<_> = (0..3).map(|_| balancer.try_acquire().unwrap()).collect();
    smol::block_on(async {
        let mut waiting = std::pin::pin!(balancer.acquire());
        assert!(smol::future::poll_once(&mut waiting).await.is_none());
        balancer.clone().update(|router| router.add("c", 1, Concurrency::new(1).unwrap())).unwrap();
        assert_eq!(*waiting.await.unwrap().share(), "c");
    });
}

#[test]
fn a_turn_that_was_granted_and_never_seen_is_given_back() {
    let router = Router::new().endpoint("a", 1, Concurrency::new(1).unwrap()).unwrap();
    let balancer = Balancer::new(router.endpoint("b", 1, Concurrency::new(1).unwrap()).unwrap());
    let [first, second] = [(); 2].map(|()| balancer.try_acquire().unwrap());
    smol::block_on(async {
        let mut waiting = Box::pin(balancer.acquire());
        assert!(smol::future::poll_once(&mut waiting).await.is_none());
        let before = balancer.limiter().peek(|router| router.shares());
        let (freed, name) = (first.share(), *first.endpoint());
        first.complete(Outcome::Success);
        let granted =
            |shares: Vec<Share<_>>| shares.into_iter().find(|share| share.endpoint == freed).unwrap();
        let grant = granted(balancer.shares());
        assert_eq!((grant.in_flight, grant.started), (1, granted(before).started + 1), "handed over at once");
        drop(waiting);
        assert_eq!(granted(balancer.shares()).in_flight, 0);
        assert_eq!(*balancer.acquire().await.unwrap().endpoint(), name);
    });
    drop(second);
}

#[test]
fn run_reports_the_outcome() {
    let router = Router::new().endpoint("a", 1, WELL).unwrap();
    let balancer = Balancer::with_clock(router, regatta_core::SystemClock::shared());
    let classify = |output: &Result<usize, ()>| match output {
        Ok(_) => Outcome::Success,
        Err(()) => Outcome::Overload,
    };
    smol::block_on(async {
        let output = balancer.run(|endpoint| async move { Ok(endpoint.len()) }, classify).await;
        assert_eq!(output, Ok(Ok(1)));
        assert_eq!(balancer.run(|_| async { Err(()) }, classify).await, Ok(Err(())));
        balancer.limiter().close();
        let refused = balancer.run(|_| async { unreachable!("nobody admitted it") }, classify).await;
        assert_eq!(refused, Err(Rejection::Closed));
    });
    let heard = balancer.update(|router| router.strategy(&"a").unwrap().heard.clone());
    assert_eq!(heard, [Outcome::Success, Outcome::Overload]);
}

/// Endpoints whose limits are shared with others: an engine stands in both lines, and leaves the other one when it starts.
#[test]
fn limits_that_are_shared_further_in_are_not_blocked_by_who_went_elsewhere() {
    let shared = [(); 2].map(|()| Limiter::new(Concurrency::new(1).unwrap()));
    let mut router = Router::new();
    for (name, limiter) in shared.iter().enumerate() {
        router.add(name, 1, limiter.clone()).unwrap();
    }
    let [first, second] = shared.each_ref().map(|limiter| limiter.try_acquire().unwrap());
    assert_eq!(router.ready(NOW, &Request::new()), Readiness::OnChange);
    router.park(NOW, &Request::new());
    assert_eq!(shared.each_ref().map(Limiter::waiting), [1, 1]);
    drop(second);
    let routed = start(&mut router);
    assert_eq!(*routed.endpoint(), 1);
    assert_eq!(shared.each_ref().map(Limiter::waiting), [0, 0], "it waits for nobody any more");
    drop(first);
    assert!(shared[0].try_acquire().is_ok());
    let hold = router.hold(&routed);
    router.finish(routed, NOW, Outcome::Success);
    assert!(shared[1].try_acquire().is_err(), "the hold outlasts the token");
    drop(hold);
    assert!(shared[1].try_acquire().is_ok());
}

#[test]
fn a_breaker_that_is_reset_by_hand_serves_those_who_wait() {
    let breaker = Breaker::consecutive(1).unwrap().open_for(Duration::MAX).unwrap();
    let balancer = Balancer::new(Router::new().endpoint("a", 1, breaker).unwrap());
    balancer.try_acquire().unwrap().complete(Outcome::Failure);
    smol::block_on(async {
        let mut waiting = std::pin::pin!(balancer.acquire());
        assert!(smol::future::poll_once(&mut waiting).await.is_none());
        balancer.update(|router| router.strategy_mut(&"a").unwrap().reset());
        assert_eq!(*waiting.await.unwrap().endpoint(), "a");
    });
}
