use super::*;
use crate::retry::Budgeted;
use crate::{RetryBudget, RetryExt, laws};
use regatta_core::{ConfigError, Retry};
use std::thread;

fn begin(budget: &RetryBudget, now: Time) -> Budgeted<Backoff> {
    let mut rule = every(0).budget(budget);
    Retry::<Fault>::begin(&mut rule, now);
    rule
}

fn retries(rule: &mut Budgeted<Backoff>, now: Time) -> bool {
    rule.delay(now, 1, &BUSY).is_some()
}

/// How many of `operations`, each of which fails for ever, are retried at once.
fn retried(budget: &RetryBudget, operations: usize) -> usize {
    (0..operations).filter(|_| retries(&mut begin(budget, Time::ZERO), Time::ZERO)).count()
}

#[test]
fn smoke() {
    let budget = RetryBudget::new(0.25).unwrap().reserve(2);
    assert_eq!(budget.balance(), 2);
    assert_eq!(retried(&budget, 100), 27);
    assert_eq!(budget.balance(), 0);
}

#[test]
fn empty_it_allows_nothing() {
    let budget = RetryBudget::new(0.0).unwrap().reserve(0);
    assert_eq!(retried(&budget, 1_000), 0);
}

/// In the kind of whole numbers that were used elsewhere, 0.6 was rounded to 1.
#[test]
fn sixty_percent_do_not_become_a_hundred() {
    for (ratio, expected) in [(0.6, 600), (0.29, 290), (0.1, 100), (0.001, 1), (0.999, 999), (1.0, 1_000)] {
        let budget = RetryBudget::new(ratio).unwrap().reserve(0);
        assert_eq!(retried(&budget, 1_000), expected, "ratio {ratio}");
    }
}

#[test]
fn a_ratio_with_many_digits_is_rounded_down() {
    for (ratio, operations, expected) in
        [(1.0 / 3.0, 3, 0), (1.0 / 3.0, 4, 1), (2.0 / 3.0, 3, 1), (1e-10, 9, 0)]
    {
        let budget = RetryBudget::new(ratio).unwrap().reserve(0);
        assert_eq!(retried(&budget, operations), expected, "ratio {ratio}");
    }
}

#[test]
fn a_success_pays_in_too_and_a_retry_does_not() {
    let budget = RetryBudget::new(0.5).unwrap().reserve(0);
    let _succeeds = begin(&budget, Time::ZERO);
    let mut fails = begin(&budget, Time::ZERO);
    assert_eq!(budget.balance(), 1);
    assert!(retries(&mut fails, Time::ZERO));
    assert!(!retries(&mut fails, Time::ZERO));
}

#[test]
fn only_so_much_is_saved_up() {
    let budget = RetryBudget::new(1.0).unwrap().reserve(0).balance_max(3).unwrap();
    let mut rules: Vec<_> = (0..50).map(|_| begin(&budget, Time::ZERO)).collect();
    assert_eq!(budget.balance(), 3);
    assert_eq!(rules.iter_mut().filter_map(|rule| rule.delay(Time::ZERO, 1, &BUSY)).count(), 3);
}

#[test]
fn the_rate_pays_for_time_once_and_from_the_first_operation_on() {
    let budget = RetryBudget::new(0.0).unwrap().reserve(0).per_second(2);
    let mut rule = begin(&budget, at(50_000));
    assert!(!retries(&mut rule, at(50_000)), "what was before the first operation doesn't count");
    assert!(!retries(&mut rule, at(50_499)));
    assert!(!retries(&mut rule, at(3)), "time doesn't pass backwards");
    assert!(retries(&mut rule, at(50_500)));
    assert!(!retries(&mut rule, at(50_500)));
    assert!(!retries(&mut rule, at(50_999)));
    let clone = budget.clone();
    assert!(retries(&mut begin(&clone, at(51_000)), at(51_000)), "clones share the account");
    assert!(!retries(&mut rule, at(51_000)));
    assert!(retries(&mut rule, Time::MAX));
    assert_eq!(budget.balance(), 99, "saved up to the maximum");
}

#[test]
fn configuration() {
    for ratio in [-0.1, 10.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = RetryBudget::new(ratio).unwrap_err();
        assert_eq!(error, ConfigError::new("ratio", ratio, "must be a number from 0 to 10"));
    }
    let budget = RetryBudget::new(10.0).unwrap();
    assert_eq!(budget.balance(), 10);
    let zero = budget.clone().reserve(0).balance_max(0).unwrap_err();
    assert_eq!(zero, ConfigError::new("balance_max", 0, "must be at least 1"));
    let below = budget.clone().balance_max(9).unwrap_err();
    assert_eq!(below, ConfigError::new("balance_max", 9, "must be at least the reserve"));
    let most = budget.reserve(u32::MAX).per_second(u32::MAX).balance_max(u32::MAX).unwrap();
    let mut rule = begin(&most, Time::ZERO);
    assert!(retries(&mut rule, Time::MAX));
    assert_eq!(most.balance(), u32::MAX - 1);
    Retry::<Fault>::forgo(&mut rule);
    Retry::<Fault>::forgo(&mut rule);
    assert_eq!(most.balance(), u32::MAX, "and no overflow");
}

#[test]
fn settings_start_a_new_account() {
    let budget = RetryBudget::new(0.0).unwrap().reserve(1);
    let other = budget.clone().reserve(1);
    assert_eq!(retried(&budget, 5), 1);
    assert_eq!((budget.balance(), other.balance()), (0, 1));
}

#[test]
fn threads_share_one_account_to_the_last_retry() {
    let budget = RetryBudget::new(0.3).unwrap().reserve(7).balance_max(u32::MAX).unwrap();
    let total: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| retried(&budget, 10_000))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let left = budget.balance() as usize;
    assert_eq!(total + left, 7 + 12_000);
}

/// O10: against exact sums, for every prefix of random events.
#[test]
fn oracle_retries_stay_within_the_budget_for_every_prefix() {
    laws::oracle("retry budget", |random| {
        let (thousandths, reserve) = (random.u32(..=1_500), random.u32(..4));
        let (rate, max) = (if random.bool() { 0 } else { random.u32(1..5) }, random.u32(4..8));
        let budget = RetryBudget::new(f64::from(thousandths) / 1_000.0).unwrap();
        let budget = budget.reserve(reserve).per_second(rate).balance_max(max).unwrap();
        // In billionths: what the account holds, and what it may ever have paid out.
        let unit = 1_000_000_000u128;
        let (mut balance, mut bound) = (u128::from(reserve) * unit, u128::from(reserve) * unit);
        let (mut latest, mut taken) = (None::<Time>, 0u128);
        let mut now = at(random.u64(..1_000));
        let mut rules = Vec::new();
        for _ in 0..300 {
            now = match random.u8(..20) {
                0 => now - ms(random.u64(..500)),
                1..5 => now + Duration::from_nanos(random.u64(..1_000_000_000)),
                _ => now,
            };
            let begins = rules.is_empty() || random.u8(..3) > 0;
            let mut pay = |units: u128, balance: &mut u128| {
                bound += units;
                *balance = (*balance + units).min(u128::from(max) * unit);
            };
            let passed = latest.map_or(Duration::ZERO, |latest| now.since(latest));
            pay(passed.as_nanos() * u128::from(rate), &mut balance);
            latest = latest.max(Some(now));
            if begins {
                rules.push(begin(&budget, now));
                pay(u128::from(thousandths) * unit / 1_000, &mut balance);
            } else {
                let which = random.usize(..rules.len());
                let allowed = retries(&mut rules[which], now);
                assert_eq!(allowed, balance >= unit, "{balance} of {unit}");
                if allowed {
                    balance -= unit;
                    taken += unit;
                }
                if allowed && random.u8(..5) == 0 {
                    Retry::<Fault>::forgo(&mut rules[which]);
                    balance += unit;
                    taken -= unit;
                }
            }
            assert!(taken <= bound, "more retries than were paid in");
            assert_eq!(u128::from(budget.balance()), balance / unit);
        }
    });
}
