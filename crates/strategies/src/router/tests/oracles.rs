//! O12: against the plain formula, and against exact shares.

use super::*;
use std::collections::BTreeMap;

/// The formula as nginx states it, over whoever is eligible.
struct Plain {
    weights: Vec<i64>,
    current: Vec<i64>,
}

impl Plain {
    fn new(weights: &[u32]) -> Self {
        Self {
            weights: weights.iter().map(|weight| i64::from(*weight)).collect(),
            current: vec![0; weights.len()],
        }
    }

    fn pick(&mut self, eligible: &[bool]) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for index in (0..self.weights.len()).filter(|index| eligible[*index] && self.weights[*index] > 0) {
            self.current[index] += self.weights[index];
            total += self.weights[index];
            if best.is_none_or(|best| self.current[index] > self.current[best]) {
                best = Some(index);
            }
        }
        self.current[best?] -= total;
        best
    }
}

fn router_of(weights: &[u32]) -> Router<usize, Health> {
    weights
        .iter()
        .enumerate()
        .fold(Router::new(), |router, (name, weight)| router.endpoint(name, *weight, WELL).unwrap())
}

fn pick(router: &mut Router<usize, Health>) -> usize {
    let routed = start(router);
    let name = *routed.endpoint();
    router.finish(routed, NOW, Outcome::Success);
    name
}

fn weights(random: &mut fastrand::Rng) -> Vec<u32> {
    let max = [2, 5, 20, 300][random.usize(..4)];
    (0..random.usize(1..9)).map(|_| random.u32(1..=max)).collect()
}

/// 1/2 + 1/3 + … + 1/n.
fn behind_max(endpoints: usize) -> f64 {
    (2..=endpoints).map(|n| 1.0 / n as f64).sum()
}

/// While all are ready: the plain formula's picks, no endpoint 1 ahead or too far behind, and exact cycles.
#[track_caller]
fn all_ready(weights: &[u32]) -> f64 {
    let (mut router, mut plain) = (from_the_beginning(router_of(weights)), Plain::new(weights));
    let total: u32 = weights.iter().sum();
    let mut counts = vec![0_u32; weights.len()];
    let mut behind_most = 0.0_f64;
    for picks in 1..=2 * total {
        let picked = pick(&mut router);
        assert_eq!(Some(picked), plain.pick(&vec![true; weights.len()]));
        counts[picked] += 1;
        for (count, weight) in counts.iter().zip(weights) {
            let behind = f64::from(picks) * f64::from(*weight) / f64::from(total) - f64::from(*count);
            assert!(behind > -1.0, "{weights:?}: {behind} ahead after {picks}");
            behind_most = behind_most.max(behind);
        }
        if picks % total == 0 {
            let cycles = picks / total;
            assert!(
                counts.iter().zip(weights).all(|(count, weight)| *count == cycles * weight),
                "{counts:?}"
            );
        }
    }
    assert!(behind_most <= behind_max(weights.len()) + 1e-9, "{weights:?}: {behind_most} behind");
    behind_most
}

#[test]
fn up_to_four_endpoints_with_all_small_weights_keep_to_their_shares() {
    let mut most = 0.0_f64;
    for a in 1..7 {
        most = most.max(all_ready(&[a]));
        for b in 1..7 {
            most = most.max(all_ready(&[a, b]));
            for c in 1..7 {
                most = most.max(all_ready(&[a, b, c]));
                for d in 1..5 {
                    most = most.max(all_ready(&[a, b, c, d]));
                }
            }
        }
    }
    assert!(most < 1.0, "{most}");
}

/// Found by hill climbing: these come close to the bound for few endpoints, and pass 1.5 for many.
#[test]
fn the_worst_weights_known_stay_within_the_bound() {
    let cases: &[(&[u32], f64)] = &[
        (&[1, 1], 0.5),
        (&[1, 28, 28], 0.82),
        (&[874, 36, 1, 874], 1.06),
        (&[127, 777, 1, 8, 777, 1], 1.29),
        (&[1, 22, 1, 480, 1, 22, 1, 1, 22, 480], 1.51),
    ];
    for (weights, behind) in cases {
        let measured = all_ready(weights);
        assert!(measured >= *behind && measured < 1.6, "{weights:?}: {measured}");
    }
}

#[test]
fn oracle_shares_are_exact_while_all_are_ready() {
    laws::oracle("router shares", |random| {
        let weights = weights(random);
        all_ready(&weights);
        // Wherever it begins, any run as long as a cycle is exact.
        let total: u32 = weights.iter().sum();
        let mut router = router_of(&weights).seed(random.u64(..));
        for _ in 0..random.u32(..total) {
            pick(&mut router);
        }
        let mut counts = vec![0; weights.len()];
        (0..total).for_each(|_| counts[pick(&mut router)] += 1);
        assert_eq!(counts, weights);
    });
}

/// Readiness comes and goes, starts are undone, and still each pick is the plain formula's, among those that are ready.
#[test]
fn oracle_picks_are_the_plain_formulas_among_the_ready() {
    laws::oracle("router picks", |random| {
        let weights = weights(random);
        let (mut router, mut plain) = (from_the_beginning(router_of(&weights)), Plain::new(&weights));
        let mut eligible = vec![true; weights.len()];
        for _ in 0..400 {
            let flipped = random.usize(..weights.len());
            eligible[flipped] = random.bool();
            let answer = if eligible[flipped] { Readiness::Ready } else { Readiness::OnChange };
            router.strategy_mut(&flipped).unwrap().answer = answer;
            if random.u8(..4) == 0 {
                let before = router.clone();
                if let Ok(routed) = router.start(NOW, &Request::new()) {
                    router.finish(routed, NOW, Outcome::Unused);
                }
                assert_eq!(router, before);
            }
            let routed = router.start(NOW, &Request::new());
            assert_eq!(routed.as_ref().ok().map(|routed| *routed.endpoint()), plain.pick(&eligible));
            if let Ok(routed) = routed {
                router.finish(
                    routed,
                    NOW,
                    [Outcome::Success, Outcome::Failure, Outcome::Cancelled][random.usize(..3)],
                );
            }
            // Frozen while away: nobody collects a claim.
            let total: i64 = plain.weights.iter().sum();
            let bound = total * weights.len() as i64;
            assert!(plain.current.iter().all(|credit| credit.abs() < bound), "{:?}", plain.current);
        }
    });
}

/// After a time in which some were away, the first cycles may be off by one, and then they are exact.
#[test]
fn oracle_shares_are_exact_again_after_some_were_away() {
    laws::oracle("router return", |random| {
        let weights = weights(random);
        let total: u32 = weights.iter().sum();
        let mut router = router_of(&weights);
        for _ in 0..random.usize(..6) {
            for name in 0..weights.len() {
                let answer = if random.bool() { Readiness::Ready } else { Readiness::OnChange };
                router.strategy_mut(&name).unwrap().answer = answer;
            }
            for _ in 0..random.u32(..total) {
                if let Ok(routed) = router.start(NOW, &Request::new()) {
                    router.finish(routed, NOW, Outcome::Success);
                }
            }
        }
        for name in 0..weights.len() {
            router.strategy_mut(&name).unwrap().answer = Readiness::Ready;
        }
        let mut cycle = || {
            let mut counts = vec![0_u32; weights.len()];
            (0..total).for_each(|_| counts[pick(&mut router)] += 1);
            counts
        };
        for _ in 0..2 * weights.len() {
            let counts = cycle();
            let off = counts.iter().zip(&weights).map(|(count, weight)| count.abs_diff(*weight)).max();
            assert!(off <= Some(2), "{counts:?} for {weights:?}");
        }
        assert_eq!(cycle(), weights);
    });
}

/// Everything at once, against a list of who runs where: never to one that is not ready or drained, counts come from
/// what happened, and after the last change shares are right within the bounds.
#[test]
fn oracle_changes_keep_the_counts_and_the_shares() {
    laws::oracle("router changes", |random| {
        let mut router = Router::<u32, Health>::new().seed(random.u64(..));
        // Weight, well, started, running.
        let mut model = BTreeMap::<u32, (u32, bool, u64, usize)>::new();
        let mut running = Vec::new();
        for step in 0..300 {
            let name = random.u32(..6);
            let weight = random.u32(..6);
            match random.u8(..12) {
                0 => {
                    let there = model.contains_key(&name);
                    assert_eq!(router.add(name, weight, WELL).is_err(), there, "step {step}");
                    model.entry(name).or_insert((weight, true, 0, 0));
                }
                1 if random.bool() => {
                    assert_eq!(router.remove(&name).is_some(), model.remove(&name).is_some());
                    running.retain(|routed: &Routed<u32, ()>| *routed.endpoint() != name);
                }
                2 => {
                    let entry = model.get_mut(&name);
                    assert_eq!(router.set_weight(&name, weight).is_ok(), entry.is_some());
                    entry.into_iter().for_each(|entry| entry.0 = weight);
                }
                3 | 4 => {
                    let well = random.bool();
                    let answer = if well { Readiness::Ready } else { Readiness::OnChange };
                    let changed = router.strategy_mut(&name).map(|health| health.answer = answer);
                    let entry = model.get_mut(&name);
                    assert_eq!(changed.is_some(), entry.is_some());
                    entry.into_iter().for_each(|entry| entry.1 = well);
                }
                5..8 if !running.is_empty() => {
                    let routed = running.swap_remove(random.usize(..running.len()));
                    let outcome = laws::outcome(random);
                    let entry = model.get_mut(routed.endpoint()).unwrap();
                    entry.3 -= 1;
                    entry.2 -= u64::from(outcome == Outcome::Unused);
                    router.finish(routed, NOW, outcome);
                }
                _ => {
                    let possible = model.values().any(|(weight, well, ..)| *weight > 0 && *well);
                    assert_eq!(router.ready(NOW, &Request::new()).is_ready(), possible);
                    let routed = router.start(NOW, &Request::new());
                    assert_eq!(routed.is_ok(), possible);
                    if let Ok(routed) = routed {
                        let entry = model.get_mut(routed.endpoint()).unwrap();
                        assert!(entry.0 > 0 && entry.1, "to one that is drained or ill");
                        (entry.2, entry.3) = (entry.2 + 1, entry.3 + 1);
                        running.push(routed);
                    }
                }
            }
            let mut shares: Vec<_> = router.shares();
            shares.sort_by_key(|share| *share.endpoint);
            let told =
                shares.iter().map(|share| (*share.endpoint, share.weight, share.started, share.in_flight));
            let expected =
                model.iter().map(|(name, (weight, _, started, now))| (*name, *weight, *started, *now));
            assert!(told.eq(expected), "step {step}");
        }
        // From here on nothing changes.
        for name in model.keys() {
            router.strategy_mut(name).unwrap().answer = Readiness::Ready;
        }
        let total: u32 = model.values().map(|(weight, ..)| weight).sum();
        let mut counts = BTreeMap::<u32, u32>::new();
        for picks in 1..=4 * total {
            let routed = start(&mut router);
            *counts.entry(*routed.endpoint()).or_default() += 1;
            for (name, (weight, ..)) in &model {
                let share = f64::from(picks) * f64::from(*weight) / f64::from(total);
                let off = (f64::from(counts.get(name).copied().unwrap_or(0)) - share).abs();
                assert!(off < 4.0, "{name} is off by {off} after {picks} of {model:?}");
            }
        }
    });
}
