//! The laws of the `Strategy` trait, checked over random histories. Every strategy's tests run them.

use fastrand::Rng;
use regatta_core::{Class, Explain, Outcome, Readiness, Request, Strategy, Time};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// How far the times of a history lie apart, in nanoseconds: small, so that edges are hit.
const SPAN: u64 = 40;

/// What holds for a strategy beyond the laws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    /// `NotBefore(t)` is the earliest time.
    Exact,
    /// `NotBefore(t)` is a lower bound, or never answered.
    Lower,
    /// The same, and it may wait for a change while nothing is in flight, because it is changed from outside.
    Outside,
}

/// An oracle: as [`histories`], 50 unless told otherwise, and it says how many it ran.
pub(crate) fn oracle(name: &str, check: impl FnMut(&mut Rng)) {
    let seeds = histories(50, check);
    println!("oracle strategies {name}: {seeds} seeds");
}

/// Calls `check` once per seed: `default` times, or as often as `REGATTA_SEEDS` says.
pub(crate) fn histories(default: u64, mut check: impl FnMut(&mut Rng)) -> u64 {
    let seeds = std::env::var("REGATTA_SEEDS")
        .map_or(default, |seeds| seeds.parse().expect("REGATTA_SEEDS must be a number"));
    for seed in 0..seeds {
        let mut random = Rng::with_seed(seed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&mut random))) {
            eprintln!("seed {seed} failed");
            resume_unwind(panic);
        }
    }
    seeds
}

/// Checks all laws for the strategies that `make` makes.
pub(crate) fn hold<S>(bound: Bound, make: impl Fn(&mut Rng) -> S)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let _ = histories(50, |random| history(bound, make(random), random));
    let _ = histories(50, |random| tuples(make(random), make(random), random));
}

/// A strategy whose clones share, with a way to make an independent copy, which the laws need.
#[derive(Debug)]
pub(crate) struct Apart<S> {
    pub(crate) strategy: S,
    pub(crate) copy: fn(&S) -> S,
}

impl<S> Clone for Apart<S> {
    fn clone(&self) -> Self {
        Self { strategy: (self.copy)(&self.strategy), copy: self.copy }
    }
}

impl<S: PartialEq> PartialEq for Apart<S> {
    fn eq(&self, other: &Self) -> bool {
        self.strategy == other.strategy
    }
}

impl<S: Strategy> Strategy for Apart<S> {
    type Token = S::Token;

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.strategy.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<S::Token, Readiness> {
        self.strategy.start(now, request)
    }

    fn finish(&mut self, token: S::Token, now: Time, outcome: Outcome) {
        self.strategy.finish(token, now, outcome);
    }

    fn reconcile(&mut self, token: &mut S::Token, now: Time, actual: u32) {
        self.strategy.reconcile(token, now, actual);
    }

    fn finish_matters(&self) -> bool {
        self.strategy.finish_matters()
    }

    fn rest(&self, now: Time) -> Readiness {
        self.strategy.rest(now)
    }

    fn explain(&self, now: Time, request: &Request, out: &mut dyn Explain) {
        self.strategy.explain(now, request, out);
    }
}

/// A request that may be free, usual, costly, or too costly for anything, of one of a few classes or of none.
pub(crate) fn request(random: &mut Rng) -> Request {
    let cost = match random.u8(..20) {
        0 => 0,
        1 => u32::MAX,
        _ => random.u32(1..5),
    };
    let request = Request::new().cost(cost).priority(random.i32(-2..3));
    if random.bool() { request.class(Class::from_u64(random.u64(..3))) } else { request }
}

/// Mostly a little later than before, sometimes earlier, sometimes at the end of time.
pub(crate) fn later(now: Time, random: &mut Rng) -> Time {
    match random.u8(..30) {
        0 => Time::MAX,
        1 => Time::ZERO,
        2..5 => now - Duration::from_nanos(random.u64(..SPAN)),
        // Back from the end of time, so that a history goes on.
        _ if now > Time::from_nanos(u64::MAX / 2) => Time::from_nanos(random.u64(..SPAN)),
        _ => now + Duration::from_nanos(random.u64(..SPAN / 4)),
    }
}

pub(crate) fn outcome(random: &mut Rng) -> Outcome {
    let outcomes = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Overload,
        Outcome::Neutral,
        Outcome::Cancelled,
        Outcome::Unused,
    ];
    outcomes[random.usize(..outcomes.len())]
}

fn history<S>(bound: Bound, mut strategy: S, random: &mut Rng)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let mut now = Time::ZERO;
    let mut tokens = Vec::new();
    let fresh = strategy.clone();
    for _ in 0..200 {
        now = later(now, random);
        let request = request(random);
        asking_changes_nothing(&strategy, now, &request);
        answers_are_true(&strategy, bound, now, &request, tokens.is_empty());
        an_unused_start_leaves_no_trace(&strategy, now, &request);
        a_strategy_at_rest_is_like_new(&strategy, &fresh, now, &request);
        match random.u8(..10) {
            0..5 => tokens.extend(start(&mut strategy, now, &request)),
            5 if !tokens.is_empty() => {
                let index = random.usize(..tokens.len());
                strategy.reconcile(&mut tokens[index], now, random.u32(..9));
            }
            _ if !tokens.is_empty() => {
                let token = tokens.swap_remove(random.usize(..tokens.len()));
                finish(&mut strategy, token, now, outcome(random));
            }
            _ => {}
        }
    }
}

/// Starts, and checks that it is refused exactly as `ready` says, and then without a trace.
fn start<S>(strategy: &mut S, now: Time, request: &Request) -> Option<S::Token>
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let (before, readiness) = (strategy.clone(), strategy.ready(now, request));
    match strategy.start(now, request) {
        Ok(token) => {
            assert_eq!(readiness, Readiness::Ready, "started although not ready");
            Some(token)
        }
        Err(refusal) => {
            assert_ne!(refusal, Readiness::Ready, "refused with `Ready`");
            assert_eq!(refusal, readiness, "refused with another answer than was given before");
            assert_eq!(*strategy, before, "a denied start changed something");
            None
        }
    }
}

/// Finishes, and checks that a strategy which says that this doesn't matter to it keeps its word.
fn finish<S>(strategy: &mut S, token: S::Token, now: Time, outcome: Outcome)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let before = (!strategy.finish_matters() && outcome != Outcome::Unused).then(|| strategy.clone());
    strategy.finish(token, now, outcome);
    if let Some(before) = before {
        assert_eq!(*strategy, before, "a finish changed something");
    }
}

fn asking_changes_nothing<S>(strategy: &S, now: Time, request: &Request)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let before = strategy.clone();
    let answer = strategy.ready(now, request);
    strategy.explain(now, request, &mut Vec::new());
    assert_eq!(strategy.ready(now, request), answer, "two answers to one question");
    assert_eq!(*strategy, before, "asking changed something");
}

fn answers_are_true<S: Strategy>(strategy: &S, bound: Bound, now: Time, request: &Request, idle: bool) {
    let ready = |time: Time| strategy.ready(time, request);
    match ready(now) {
        Readiness::NotBefore(earliest) => {
            assert!(earliest > now, "`NotBefore` names a time that is past");
            let nanos = now.as_nanos()..earliest.as_nanos();
            let samples = nanos.clone().take(50).chain(nanos.rev().take(50));
            for time in samples.map(Time::from_nanos) {
                assert_ne!(ready(time), Readiness::Ready, "ready at {time:?}, before the lower bound");
            }
            if bound == Bound::Exact {
                assert_eq!(ready(earliest), Readiness::Ready, "not ready at the time that was named");
            }
        }
        Readiness::OnChange => {
            assert!(!idle || bound == Bound::Outside, "waits for a change although nothing is in flight");
        }
        Readiness::Ready | Readiness::Rejected(_) => {}
    }
    for nanos in [1, SPAN, 1_000 * SPAN] {
        let then = now + Duration::from_nanos(nanos);
        assert!(ready(then) <= ready(now), "readiness got worse without a start");
    }
}

fn an_unused_start_leaves_no_trace<S>(strategy: &S, now: Time, request: &Request)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let mut trial = strategy.clone();
    if let Ok(token) = trial.start(now, request) {
        trial.finish(token, now, Outcome::Unused);
        assert_eq!(trial, *strategy, "an unused start left a trace");
    }
}

fn a_strategy_at_rest_is_like_new<S: Strategy>(strategy: &S, fresh: &S, now: Time, request: &Request) {
    match strategy.rest(now) {
        Readiness::Ready => {
            for nanos in [0, 1, SPAN, 1_000 * SPAN] {
                let then = now + Duration::from_nanos(nanos);
                assert_eq!(strategy.ready(then, request), fresh.ready(then, request), "not as a fresh one");
            }
        }
        Readiness::NotBefore(time) => assert!(time > now, "will be at rest at a time that is past"),
        Readiness::OnChange | Readiness::Rejected(_) => {}
    }
}

/// (A, B) and (B, A) answer alike, and neither changes when it refuses.
fn tuples<S>(first: S, second: S, random: &mut Rng)
where
    S: Strategy + Clone + PartialEq + Debug,
{
    let mut forwards = (first.clone(), second.clone());
    let mut backwards = (second, first);
    let mut now = Time::ZERO;
    let (mut tokens, mut others) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        now = later(now, random);
        // Others use one of the members, too, so that the members refuse at different times.
        if random.u8(..5) == 0 {
            let (forth, back) = others.pop().unzip();
            forth.into_iter().for_each(|token| forwards.0.finish(token, now, Outcome::Success));
            back.into_iter().for_each(|token| backwards.1.finish(token, now, Outcome::Success));
        } else if random.u8(..5) == 0 {
            let forth = forwards.0.start(now, &Request::new());
            others.extend(forth.ok().zip(backwards.1.start(now, &Request::new()).ok()));
        }
        if random.bool() && !tokens.is_empty() {
            let (forth, back) = tokens.swap_remove(random.usize(..tokens.len()));
            let outcome = outcome(random);
            forwards.finish(forth, now, outcome);
            backwards.finish(back, now, outcome);
        } else {
            let request = request(random);
            asking_changes_nothing(&forwards, now, &request);
            an_unused_start_leaves_no_trace(&forwards, now, &request);
            assert_eq!(forwards.ready(now, &request), backwards.ready(now, &request), "the order matters");
            let forth = start(&mut forwards, now, &request);
            let back = start(&mut backwards, now, &request);
            assert_eq!(forth.is_some(), back.is_some(), "the order matters");
            tokens.extend(forth.zip(back));
        }
        assert_eq!((&forwards.0, &forwards.1), (&backwards.1, &backwards.0), "the order matters");
    }
}
