//! What the tests of the rates share: histories that remember all starts.

use super::*;
use crate::laws;
use fastrand::Rng;
use regatta_core::{Kick, Outcome, Request, Strategy};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

pub(crate) fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

pub(crate) fn not_before(nanos: u64) -> Readiness {
    Readiness::NotBefore(at(nanos))
}

pub(crate) fn cost(cost: u32) -> Request {
    Request::new().cost(cost)
}

pub(crate) fn ready<S: Strategy>(strategy: &S, now: u64) -> Readiness {
    strategy.ready(at(now), &Request::new())
}

pub(crate) fn started<S: Strategy<Token: Debug>>(strategy: &mut S, now: u64, of: u32) -> S::Token {
    strategy.start(at(now), &cost(of)).expect("it is ready")
}

pub(crate) fn undo<S: Strategy>(strategy: &mut S, token: S::Token, now: u64) {
    strategy.finish(token, at(now), Outcome::Unused);
}

/// How often a strategy kicks while `change` changes it.
pub(crate) fn kicks<S: Strategy>(strategy: &mut S, change: impl FnOnce(&mut S)) -> usize {
    #[derive(Default)]
    struct Kicks(AtomicUsize);
    impl Wake for Kicks {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let kicks = Arc::new(Kicks::default());
    strategy.attach(Kick::new(Waker::from(kicks.clone())));
    change(strategy);
    kicks.0.load(Ordering::Relaxed)
}

/// A start that counts: when it was asked for, and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Start {
    pub(crate) at: u64,
    pub(crate) cost: u64,
}

/// What may happen in a history besides starts, and undoing them at any later time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Also {
    Nothing,
    /// The clock goes backwards now and then.
    Lag,
    /// Costs are corrected, in any direction.
    Correct,
    /// Costs are corrected downwards, of any start, while the clock goes backwards now and then.
    LagAndLower,
}

/// Plays a random history, in steps of up to `step`, and lets `check` compare each answer with all starts so far.
/// Returns the starts.
pub(crate) fn play<S>(
    strategy: &mut S,
    random: &mut Rng,
    step: u64,
    also: Also,
    mut check: impl FnMut(u64, &Request, Readiness, &[Start]),
) -> Vec<Start>
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let mut now = random.u64(..1_000);
    let mut starts: Vec<Start> = Vec::new();
    // The tokens with the positions of their starts; a free start has none.
    let mut open: Vec<(S::Token, Option<usize>)> = Vec::new();
    for _ in 0..200 {
        now = match also {
            Also::Lag | Also::LagAndLower if random.u8(..4) == 0 => {
                now.saturating_sub(random.u64(..3 * step))
            }
            _ => now + random.u64(..step),
        };
        let request = laws::request(random);
        let readiness = strategy.ready(at(now), &request);
        check(now, &request, readiness, &starts);
        match (random.u8(..10), also) {
            (0, _) if !open.is_empty() => {
                let (token, position) = open.swap_remove(random.usize(..open.len()));
                let outcome = laws::outcome(random);
                strategy.finish(token, at(now), outcome);
                match position {
                    // Whether it counts or not, it never ran.
                    Some(position) if outcome == Outcome::Unused && also == Also::LagAndLower => {
                        starts[position].cost = 0;
                    }
                    // Only the latest is undone; the others count.
                    Some(position) if outcome == Outcome::Unused && position + 1 == starts.len() => {
                        starts.pop();
                    }
                    Some(_) | None => {}
                }
            }
            (1, Also::Correct | Also::LagAndLower) if !open.is_empty() => {
                let chosen = random.usize(..open.len());
                let (token, position) = &mut open[chosen];
                if let Some(start) = position.map(|position| &mut starts[position]) {
                    let most = if also == Also::Correct { 8 } else { start.cost };
                    let actual = random.u64(..=most);
                    strategy.reconcile(token, at(now), actual as u32);
                    start.cost = actual;
                }
            }
            _ => {
                if let Ok(token) = strategy.start(at(now), &request) {
                    let counts = request.cost > 0;
                    starts.extend(counts.then_some(Start { at: now, cost: u64::from(request.cost) }));
                    open.push((token, counts.then(|| starts.len() - 1)));
                }
            }
        }
    }
    starts
}

/// The most that started within `window`, wherever it begins.
pub(crate) fn most_within(window: u64, starts: &[Start]) -> u64 {
    let within = |first: &Start| {
        let in_window = starts.iter().filter(|start| start.at >= first.at && start.at - first.at < window);
        in_window.map(|start| start.cost).sum()
    };
    starts.iter().map(within).max().unwrap_or(0)
}

/// The first time from `now` on at which it `fits`, of those at which that may change.
pub(crate) fn first(now: u64, changes: impl Iterator<Item = u64>, fits: impl Fn(u64) -> bool) -> Readiness {
    match changes.filter(|time| *time > now).chain([now]).filter(|time| fits(*time)).min() {
        Some(time) => from(time, at(now)),
        None => panic!("it never fits"),
    }
}

/// Lets tasks start whenever they may until `end`, one nanosecond after the other, and returns how many did.
pub(crate) fn saturate<S: Strategy>(strategy: &mut S, from: u64, end: u64) -> u64 {
    let mut count = 0;
    for now in from..end {
        while strategy.start(at(now), &Request::new()).is_ok() {
            count += 1;
        }
    }
    count
}

#[test]
fn stretches_longer_than_the_line_of_time_are_endless() {
    assert_eq!(nanos("window", Duration::MAX), Ok(u64::MAX));
    assert_eq!(nanos("window", Duration::from_nanos(1)), Ok(1));
    assert_eq!(
        nanos("window", Duration::ZERO),
        Err(ConfigError::new("window", "0ns", "must be longer than zero"))
    );
    assert_eq!(count("n", 0), Err(ConfigError::new("n", 0, "must be at least 1")));
}
