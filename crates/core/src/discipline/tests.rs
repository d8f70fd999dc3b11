use super::*;
use fastrand::Rng;

#[test]
fn fifo_is_the_order_of_coming() {
    let key = Fifo.enqueued(Time::MAX, 3, &Request::new().priority(9));
    assert_eq!((key, Fifo.raised(&key, Time::ZERO, 3, &Request::new())), (3, 3));
}

#[test]
fn empty() {
    assert_eq!(inherit(&[], []), Ok(vec![]));
    assert_eq!(inherit(&[4, -3], []), Ok(vec![4, -3]));
}

#[test]
fn urgency_goes_to_what_is_needed_and_not_the_other_way() {
    assert_eq!(inherit(&[0, 5, 0], [(0, 1), (1, 2)]), Ok(vec![5, 5, 0]));
    assert_eq!(inherit(&[i32::MIN, i32::MAX], [(0, 1), (0, 1)]), Ok(vec![i32::MAX; 2]));
    assert_eq!(inherit(&[9, 1], [(0, 1)]), Ok(vec![9, 1]), "nothing is lowered");
}

#[test]
fn a_cycle_shares_one_priority() {
    assert_eq!(inherit(&[1, 7, 3, 0, 2], [(0, 1), (1, 2), (2, 0), (3, 2), (4, 4)]), Ok(vec![7, 7, 7, 7, 2]));
}

#[test]
fn an_unknown_node_is_refused() {
    let error = |edge: &str| ConfigError::new("edge", edge, "must name nodes that have a priority");
    assert_eq!(inherit(&[1, 2], [(0, 1), (2, 1)]), Err(error("(2, 1)")));
    assert_eq!(inherit(&[1, 2], [(0, usize::MAX)]), Err(error(&format!("(0, {})", usize::MAX))));
}

/// A chain is walked without recursion, and each edge once.
#[test]
fn a_long_chain_and_a_wide_star() {
    let nodes = 1_000_000;
    let mut own = vec![0; nodes];
    own[nodes - 1] = 1;
    assert_eq!(inherit(&own, (1..nodes).map(|node| (node - 1, node))), Ok(vec![1; nodes]));
    let mut star: Vec<_> = (0..nodes as i32).collect();
    let best = inherit(&star, (1..nodes).map(|node| (0, node)));
    star[0] = nodes as i32 - 1;
    assert_eq!(best, Ok(star));
}

/// O8: against a search of the graph from every node.
#[test]
fn oracle_against_a_graph_search() {
    let seeds = std::env::var("REGATTA_SEEDS").map_or(50, |seeds| seeds.parse().expect("a number"));
    for seed in 0..seeds {
        let mut random = Rng::with_seed(seed);
        let nodes = random.usize(1..20);
        let own: Vec<_> = (0..nodes).map(|_| random.i32(-5..6)).collect();
        let edges: Vec<_> =
            (0..random.usize(..40)).map(|_| (random.usize(..nodes), random.usize(..nodes))).collect();
        let naive: Vec<_> = (0..nodes)
            .map(|node| {
                let mut reached = vec![node];
                let mut looked = 0;
                while looked < reached.len() {
                    let here = reached[looked];
                    looked += 1;
                    for (_, after) in edges.iter().filter(|(before, _)| *before == here) {
                        if !reached.contains(after) {
                            reached.push(*after);
                        }
                    }
                }
                reached.into_iter().map(|node| own[node]).max().unwrap()
            })
            .collect();
        assert_eq!(inherit(&own, edges.iter().copied()), Ok(naive), "seed {seed}: {own:?} {edges:?}");
    }
    println!("oracle core inherit: {seeds} seeds");
}
