//! Random rules and operations against what the documentation says, computed step by step.

use super::*;
use crate::world::World;
use crate::{RetryBudget, RetryExt, laws, retry};
use fastrand::Rng;
use regatta_core::{Jitter, Retry};
use std::cell::RefCell;

type Rule = Box<dyn Retry<Fault> + Send>;

/// Everything a rule may be made of. The pauses are those of a linear backoff.
#[derive(Clone, Copy, Debug)]
struct Parts {
    step: u64,
    retries: u32,
    when: bool,
    hint: bool,
    within: Option<u64>,
    until: Option<u64>,
    budget: Option<(u32, u32)>,
}

impl Parts {
    fn random(random: &mut Rng) -> Self {
        Self {
            step: random.u64(..20),
            retries: random.u32(..8),
            when: random.bool(),
            hint: random.bool(),
            within: random.bool().then(|| random.u64(..150)),
            until: random.bool().then(|| random.u64(..300)),
            budget: random.bool().then(|| (random.u32(..1_000), random.u32(..4))),
        }
    }

    fn budget(&self) -> RetryBudget {
        let (thousandths, reserve) = self.budget.unwrap_or_default();
        RetryBudget::new(f64::from(thousandths) / 1_000.0).unwrap().reserve(reserve)
    }

    /// The parts in any order.
    fn rule(&self, budget: &RetryBudget, random: &mut Rng) -> Rule {
        let mut rule: Rule = Box::new(Backoff::linear(ms(self.step)).times(self.retries));
        let mut order = [0, 1, 2, 3, 4];
        random.shuffle(&mut order);
        for part in order {
            rule = match part {
                0 if self.when => Box::new(rule.when(Fault::may_pass)),
                1 if self.hint => Box::new(rule.hint(Fault::retry_after)),
                2 if self.within.is_some() => Box::new(rule.within(ms(self.within.unwrap_or(0)))),
                3 if self.until.is_some() => Box::new(rule.until(at(self.until.unwrap_or(0)))),
                4 if self.budget.is_some() => Box::new(rule.budget(budget)),
                _ => rule,
            };
        }
        rule
    }

    /// What the rule should say after so many attempts, in milliseconds. `balance` is in thousandths.
    fn expected(
        &self,
        began: u64,
        now: u64,
        attempts: u32,
        fault: Option<Fault>,
        balance: &mut u32,
    ) -> Option<u64> {
        let unwanted = self.when && fault == Some(Fault::Missing);
        if unwanted || attempts > self.retries {
            return None;
        }
        let mut pause = self.step * u64::from(attempts);
        if let (true, Some(Fault::BusyFor(hint))) = (self.hint, fault) {
            pause = pause.max(hint);
        }
        let deadlines = [self.within.map(|total| began + total), self.until];
        if deadlines.into_iter().flatten().any(|deadline| now + pause >= deadline) {
            return None;
        }
        if self.budget.is_some() {
            *balance = balance.checked_sub(1_000)?;
        }
        Some(pause)
    }
}

/// How one attempt goes: after so long, like this.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    takes: u64,
    ends: Result<(), Fault>,
}

fn attempt(random: &mut Rng) -> Attempt {
    let ends = match random.u8(..8) {
        0 => Ok(()),
        1 => Err(Fault::Missing),
        2..5 => Err(Fault::BusyFor(random.u64(..60))),
        _ => Err(Fault::Busy),
    };
    Attempt { takes: if random.bool() { 0 } else { random.u64(..40) }, ends }
}

/// Which of the failures ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Done,
    Failed(Fault),
    TimedOut,
}

/// O10: the starts of all attempts and the end, for parts in any order; and nothing after a deadline.
#[test]
fn oracle_attempts_start_and_stop_as_the_parts_say() {
    laws::oracle("retry", |random| {
        let parts = Parts::random(random);
        let budget = parts.budget();
        let mut balance = parts.budget.map_or(0, |(_, reserve)| reserve * 1_000);
        let timeout = random.bool().then(|| random.u64(1..40));
        let world = World::default();
        for _ in 0..6 {
            let rule = parts.rule(&budget, random);
            let script: Vec<_> = (0..10).map(|_| attempt(random)).collect();
            let starts = RefCell::new(Vec::new());
            let began = world.millis() as u64;

            let answer = retry(rule, async || {
                let attempt = script[starts.borrow().len()];
                starts.borrow_mut().push(world.millis() as u64);
                if attempt.takes > 0 {
                    world.sleep(ms(attempt.takes)).await;
                }
                attempt.ends
            });
            let mut answer = answer.clock(world.clock());
            if let Some(timeout) = timeout {
                answer = answer.attempt_timeout(ms(timeout));
            }
            let end = match world.run(answer) {
                Ok(()) => End::Done,
                Err(TaskError::Failed(fault)) => End::Failed(fault),
                Err(TaskError::TimedOut { .. }) => End::TimedOut,
                Err(other) => panic!("{other:?}"),
            };

            balance += parts.budget.map_or(0, |(thousandths, _)| thousandths);
            let (mut now, mut expected) = (began, Vec::new());
            let expected_end = loop {
                let attempt = script[expected.len()];
                expected.push(now);
                // A timer that was made first fires first; the attempt's own is made before the timeout's.
                let slow = timeout.filter(|timeout| attempt.takes > *timeout);
                now += slow.unwrap_or(attempt.takes);
                let (failure, fault) = match (slow, attempt.ends) {
                    (Some(_), _) => (End::TimedOut, None),
                    (None, Ok(())) => break End::Done,
                    (None, Err(fault)) => (End::Failed(fault), Some(fault)),
                };
                let attempts = expected.len() as u32;
                match parts.expected(began, now, attempts, fault, &mut balance) {
                    Some(pause) => now += pause,
                    None => break failure,
                }
            };
            assert_eq!(*starts.borrow(), expected, "{parts:?}");
            assert_eq!(end, expected_end, "{parts:?}");
            assert_eq!(world.millis() as u64, now, "it ended at another time");
            if parts.budget.is_some() {
                assert_eq!(budget.balance(), balance / 1_000, "{parts:?}");
            }
            let late = |start: &u64| {
                parts.until.is_some_and(|until| *start >= until)
                    || parts.within.is_some_and(|total| *start >= began + total)
            };
            assert!(!starts.borrow().iter().skip(1).any(late), "a retry after the deadline");
        }
    });
}

/// O10: two sessions with one rule don't come back together, unless they are seeded.
#[test]
fn oracle_two_sessions_differ() {
    laws::oracle("retry sessions", |random| {
        let step = ms(random.u64(1_000..5_000));
        let kinds: [fn(Duration) -> Backoff; 3] = [Backoff::constant, Backoff::exponential, Backoff::linear];
        let rules =
            kinds.map(|kind| kind(step).jitter(if random.bool() { Jitter::Full } else { Jitter::Equal }));
        for rule in rules.into_iter().chain([Backoff::decorrelated(step)]) {
            let rule = rule.times(6);
            let session = |rule: Backoff| {
                let (world, mut starts) = (World::default(), Vec::new());
                let seen = RefCell::new(&mut starts);
                let answer = retry(rule.within(Duration::from_secs(3_600)), async || {
                    seen.borrow_mut().push(world.present());
                    Err::<(), _>(Fault::Busy)
                });
                world.run(answer.clock(world.clock())).unwrap_err();
                starts
            };
            assert_ne!(session(rule.clone()), session(rule.clone()));
            let rule = rule.seed(random.u64(..));
            assert_eq!(session(rule.clone()), session(rule));
        }
    });
}
