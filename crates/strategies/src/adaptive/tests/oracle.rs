//! O5: a server of capacity c. From cold, and after c has changed, the limit settles within [c/2, 3c], and stays.

use super::server::{Server, World};
use super::*;
use fastrand::Rng;

/// A random capacity and service time, an algorithm that suits them, and clients that want more than enough.
fn world(algorithm: &str, random: &mut Rng) -> World {
    let service = random.u64(1_000..100_000_000);
    let mut server = Server::new(random.usize(1..40), service, random.f64() * 0.3);
    let limit = match algorithm {
        // The latency that is allowed is a matter of the service, not of the capacity.
        "aimd" => Adaptive::aimd(Duration::from_nanos(service * 2)).unwrap(),
        "aimd by overload" => {
            server.refuses_beyond = Some(2);
            Adaptive::aimd(Duration::MAX).unwrap()
        }
        _ => Adaptive::gradient2(),
    };
    let limit = limit.bounds(1, 300).unwrap().initial(random.usize(1..=300)).unwrap();
    World::new(limit, server, usize::MAX, random.fork())
}

/// Enough for the slowest way up, one more per limit-ful, and for the way down.
fn time_to_settle(world: &World) -> usize {
    let capacity = world.server.capacity;
    2_000 + 5 * capacity * capacity + 60 * world.limit.learned()
}

fn settles(algorithm: &str) {
    laws::oracle(algorithm, |random| {
        let mut world = world(algorithm, random);
        for when in ["cold", "first step", "second step"] {
            world.steps(time_to_settle(&world));
            world.settled(2_000, when);
            world.server.capacity = match random.bool() {
                true => (world.server.capacity * random.usize(2..5)).min(50),
                false => (world.server.capacity / random.usize(2..5)).max(1),
            };
        }
    });
}

#[test]
fn oracle_aimd_settles_near_the_capacity() {
    settles("aimd");
}

#[test]
fn oracle_aimd_settles_near_the_capacity_by_overload_alone() {
    settles("aimd by overload");
}

#[test]
fn oracle_gradient_settles_near_the_capacity() {
    settles("gradient");
}

/// A million samples under steady load.
fn stays(algorithm: &str) {
    let mut world = world(algorithm, &mut Rng::with_seed(5));
    world.server.capacity = 12;
    world.steps(time_to_settle(&world));
    world.settled(1_000_000, "a million");
}

#[test]
fn oracle_aimd_stays_for_a_million_samples() {
    stays("aimd");
}

#[test]
fn oracle_gradient_stays_for_a_million_samples() {
    stays("gradient");
}

/// A million samples with half of the limit in use.
#[test]
fn oracle_without_load_nothing_rises() {
    for make in [|| Adaptive::aimd(QUICK).unwrap(), Adaptive::gradient2] {
        let mut world = World::new(make(), Server::new(100, 1_000_000, 0.5), 10, Rng::with_seed(3));
        for _ in 0..500_000 {
            world.step();
            assert!(world.limit.limit() <= 20, "{:?}", world.limit);
        }
    }
}

/// Ten clients for ever: the limit rises to what they use, and a little more, and no further.
#[test]
fn oracle_under_a_steady_load_it_rises_to_what_is_used() {
    for make in [|| Adaptive::aimd(QUICK).unwrap(), Adaptive::gradient2] {
        let limit = make().initial(1).unwrap();
        let mut world = World::new(limit, Server::new(100, 1_000_000, 0.2), 10, Rng::with_seed(3));
        world.steps(5_000);
        for _ in 0..200_000 {
            world.step();
            assert!((5..=14).contains(&world.limit.limit()), "{:?}", world.limit);
        }
    }
}
