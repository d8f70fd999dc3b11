//! What is particular to the gradient: windows, probes, and a usual latency that stays honest.

use super::server::{Server, World};
use super::*;
use fastrand::Rng;
use std::collections::VecDeque;

const SERVICE: u64 = 1_000_000;

fn world(limit: Adaptive, capacity: usize) -> World {
    World::new(limit, Server::new(capacity, SERVICE, 0.1), usize::MAX, Rng::with_seed(7))
}

fn usual(world: &World) -> f64 {
    match &world.limit.algorithm {
        Algorithm::Gradient2(gradient) => gradient.long_nanos().expect("there was a window") / SERVICE as f64,
        Algorithm::Aimd(_) => panic!("it has no usual latency"),
    }
}

/// Finishes and starts as many as that, always full.
fn keep_full(limit: &mut Adaptive, tokens: &mut VecDeque<AdaptiveToken>, finishes: usize) {
    tokens.extend(full(limit));
    for _ in 0..finishes {
        limit.finish(tokens.pop_front().expect("it is full"), NOW + QUICK, Outcome::Success);
        tokens.extend(full(limit));
    }
}

#[test]
fn a_window_without_a_queue_adds_a_fifth_of_the_square_root() {
    let (mut limit, mut tokens) = (Adaptive::gradient2().initial(16).unwrap(), VecDeque::new());
    // The first window; then what was in flight, and the windows of a probe: no less than twenty each.
    keep_full(&mut limit, &mut tokens, 16);
    assert_eq!(limit.limit(), 6, "half of what is left without the square root");
    keep_full(&mut limit, &mut tokens, 15 + 20);
    assert_eq!(limit.limit(), 3);
    keep_full(&mut limit, &mut tokens, 5 + 20);
    assert_eq!(limit.limit(), 16, "half of the half made no difference");
    keep_full(&mut limit, &mut tokens, 2 + 16);
    assert_eq!(limit.limit, 16.0 + 0.2 * 4.0);
}

#[test]
fn the_usual_latency_is_the_servers_and_not_that_of_the_queue() {
    let mut world = world(Adaptive::gradient2().initial(200).unwrap(), 20);
    world.steps(20_000);
    assert!((0.9..1.3).contains(&usual(&world)), "{}", usual(&world));
}

#[test]
fn it_learns_that_the_server_has_become_slower() {
    let mut world = world(Adaptive::gradient2(), 20);
    world.steps(20_000);
    world.server.service = 5 * SERVICE;
    world.steps(20_000);
    assert!((4.5..6.5).contains(&usual(&world)), "{}", usual(&world));
    world.settled(20_000, "slower");
    world.server.service = SERVICE / 5;
    world.steps(20_000);
    assert!((0.18..0.26).contains(&usual(&world)), "{}", usual(&world));
    world.settled(20_000, "faster");
}

#[test]
fn overload_ends_a_probe() {
    let mut limit = Adaptive::gradient2().bounds(1, 50).unwrap().initial(20).unwrap();
    let mut tokens = full(&mut limit);
    let mut before = limit.limit();
    while limit.limit() >= before {
        before = limit.limit();
        limit.finish(tokens.remove(0), NOW + QUICK, Outcome::Success);
        tokens.extend(full(&mut limit));
    }
    assert!(limit.limit() <= before.div_ceil(2), "the probe begins: {limit:?}");
    tokens.drain(..).for_each(|token| limit.finish(token, NOW + QUICK, Outcome::Success));
    let token = started(&mut limit);
    let during = limit.limit();
    limit.finish(token, NOW + QUICK, Outcome::Overload);
    assert!(limit.limit() < during);
    // There is nothing to go back to.
    for _ in 0..200 {
        let token = started(&mut limit);
        limit.finish(token, NOW + QUICK, Outcome::Success);
        assert!(limit.limit() < during);
    }
}

#[test]
fn latencies_of_nothing_and_of_for_ever_break_nothing() {
    for end in [NOW, Time::MAX] {
        let mut limit = Adaptive::gradient2();
        for _ in 0..1_000 {
            for token in full(&mut limit) {
                limit.finish(token, end, Outcome::Success);
            }
            assert!((1..=200).contains(&limit.limit()));
        }
    }
}

#[test]
fn latency_that_the_limit_has_no_part_in_does_not_lower_it() {
    let mut limit = Adaptive::gradient2();
    for latency in [QUICK, SLOW] {
        for _ in 0..100 {
            let alone = started(&mut limit);
            limit.finish(alone, NOW + latency, Outcome::Success);
        }
        assert_eq!(limit.limit(), 20, "one of twenty");
    }
}
