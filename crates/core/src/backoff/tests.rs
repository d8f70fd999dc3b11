use super::*;

fn failure() -> TaskError<&'static str> {
    TaskError::Failed("busy")
}

#[test]
fn grows_to_the_cap_and_stops_after_its_retries() {
    let ms = Duration::from_millis;
    let mut retry = Backoff::exponential(ms(100)).delay_max(ms(300)).times(4);
    let delays: Vec<_> = (1..=5).map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
    assert_eq!(delays, [Some(ms(100)), Some(ms(200)), Some(ms(300)), Some(ms(300)), None]);
}

#[test]
fn no_pause_overflows() {
    let mut retry = Backoff::exponential(Duration::MAX).delay_max(Duration::MAX).forever();
    for attempts in [1, 2, 1_000, u32::MAX] {
        assert!(retry.delay(Time::ZERO, attempts, &failure()).is_some());
    }
}

#[test]
fn jitter_only_shortens_and_full_reaches_further_down_than_equal() {
    let second = Duration::from_secs(1);
    for (jitter, floor) in [(Jitter::Equal, second / 2), (Jitter::Full, Duration::ZERO)] {
        let mut retry = Backoff::constant(second).forever().jitter(jitter).seed(7);
        let delays: Vec<_> = (1..1_000).filter_map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
        assert!(delays.iter().all(|d| *d >= floor && *d <= second));
        assert!(*delays.iter().min().unwrap() < floor + second / 20, "{jitter:?} stays near its ceiling");
        assert!(*delays.iter().max().unwrap() > second - second / 20, "{jitter:?} stays near its floor");
    }
}

#[test]
fn sessions_differ_unless_seeded() {
    let draw = |mut b: Backoff| (1..5).map(|n| b.delay(Time::ZERO, n, &failure())).collect::<Vec<_>>();
    let fresh = || Backoff::constant(Duration::from_secs(1)).forever().jitter(Jitter::Full);
    assert_ne!(draw(fresh()), draw(fresh()));
    assert_eq!(draw(fresh().seed(3)), draw(fresh().seed(3)));
}

#[test]
fn panics_and_refusals_are_not_retried() {
    let mut retry = Backoff::constant(Duration::ZERO);
    let panic = crate::Panic::new(Box::new("boom"));
    assert_eq!(Retry::<()>::delay(&mut retry, Time::ZERO, 1, &TaskError::Panicked(panic)), None);
    assert_eq!(
        Retry::<()>::delay(&mut retry, Time::ZERO, 1, &TaskError::Rejected(crate::Rejection::Open)),
        None
    );
    assert_eq!(Retry::<()>::delay(&mut retry, Time::ZERO, 1, &TaskError::Cancelled), None);
    let timed_out = TaskError::TimedOut { after: Duration::ZERO };
    assert_eq!(Retry::<()>::delay(&mut retry, Time::ZERO, 1, &timed_out), Some(Duration::ZERO));
}

#[test]
fn a_factor_below_one_is_refused() {
    for factor in [0.99, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Backoff::constant(Duration::ZERO).factor(factor).unwrap_err().field, "factor");
    }
}

#[test]
fn clones_draw_pauses_of_their_own() {
    let draw = |mut b: Backoff| (1..5).map(|n| b.delay(Time::ZERO, n, &failure())).collect::<Vec<_>>();
    let rule = Backoff::constant(Duration::from_secs(1)).forever().jitter(Jitter::Full);
    assert_ne!(draw(rule.clone()), draw(rule.clone()));
    let rule = rule.seed(3);
    assert_eq!(draw(rule.clone()), draw(rule));
}

#[test]
fn no_pause_stays_none_however_often() {
    let mut retry = Backoff::exponential(Duration::ZERO).forever();
    assert_eq!(retry.delay(Time::ZERO, 5_000, &failure()), Some(Duration::ZERO));
}

#[test]
fn jitter_comes_after_the_cap() {
    let cap = Duration::from_secs(1);
    for jitter in [Jitter::Equal, Jitter::Full] {
        let mut retry = Backoff::exponential(cap).forever().delay_max(cap).jitter(jitter).seed(7);
        let delays: Vec<_> = (20..120).filter_map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
        assert!(delays.iter().all(|delay| *delay <= cap));
        let shortened = delays.iter().filter(|delay| **delay < cap - cap / 20).count();
        assert!(shortened > 70, "{jitter:?}: {} of 100 come back together", 100 - shortened);
    }
}

#[test]
fn linear_pauses_grow_by_a_step() {
    let ms = Duration::from_millis;
    let mut retry = Backoff::linear(ms(100)).delay_max(ms(250)).times(4);
    let delays: Vec<_> = (1..=5).map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
    assert_eq!(delays, [Some(ms(100)), Some(ms(200)), Some(ms(250)), Some(ms(250)), None]);
    let mut endless = Backoff::linear(Duration::MAX).forever();
    assert_eq!(endless.delay(Time::ZERO, u32::MAX, &failure()), Some(Duration::MAX));
    let mut none = Backoff::linear(Duration::ZERO).forever();
    assert_eq!(none.delay(Time::ZERO, u32::MAX, &failure()), Some(Duration::ZERO));
}

#[test]
fn decorrelated_pauses_lie_between_the_base_and_three_times_the_last() {
    let (base, cap) = (Duration::from_millis(10), Duration::from_secs(2));
    let mut drawn = Vec::new();
    for seed in 0..200 {
        let mut retry = Backoff::decorrelated(base).delay_max(cap).forever().seed(seed);
        let mut last = base;
        for attempts in 1..40 {
            let pause = retry.delay(Time::ZERO, attempts, &failure()).unwrap();
            assert!(pause >= base && pause <= cap.min(last * 3), "{pause:?} after {last:?}");
            last = pause;
            drawn.push(pause);
        }
    }
    assert!(drawn.contains(&cap) || drawn.iter().any(|pause| *pause > cap - cap / 20), "never near the cap");
    let together = drawn.iter().filter(|pause| **pause == cap).count();
    assert!(together < drawn.len() / 100, "{together} of {} come back together, at the cap", drawn.len());
}

#[test]
fn decorrelated_clones_and_sessions_start_at_the_base() {
    let base = Duration::from_secs(1);
    let mut used = Backoff::decorrelated(base).delay_max(base * 1_000).forever().seed(5);
    let mut draw = |n| used.delay(Time::ZERO, n, &failure()).unwrap();
    assert!((1..30).map(&mut draw).max().unwrap() > base * 3, "it never grew");
    assert!(draw(1) <= base * 3, "a first failure is a new session");
    assert!(used.clone().delay(Time::ZERO, 2, &failure()).unwrap() <= base * 3);
}

#[test]
fn decorrelated_edges() {
    let mut none = Backoff::decorrelated(Duration::ZERO).forever();
    let mut above = Backoff::decorrelated(Duration::from_secs(9)).delay_max(Duration::from_secs(1)).forever();
    let mut huge = Backoff::decorrelated(Duration::MAX).delay_max(Duration::MAX).forever();
    for attempts in [1, 2, 3, u32::MAX] {
        assert_eq!(none.delay(Time::ZERO, attempts, &failure()), Some(Duration::ZERO));
        assert_eq!(above.delay(Time::ZERO, attempts, &failure()), Some(Duration::from_secs(1)));
        assert_eq!(huge.delay(Time::ZERO, attempts, &failure()), Some(Duration::MAX));
    }
}

#[test]
fn jitter_shortens_what_decorrelated_drew() {
    let base = Duration::from_secs(1);
    let mut retry = Backoff::decorrelated(base).forever().jitter(Jitter::Full).seed(1);
    let delays: Vec<_> = (1..200).filter_map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
    assert!(delays.iter().any(|pause| *pause < base), "full jitter reaches below the base");
    assert!(delays.iter().all(|pause| *pause <= Duration::from_secs(60)));
}

/// Through floats, a pause that needs more than 53 bits came out rounded, and jitter could round it up.
#[test]
fn long_pauses_are_exact_and_never_rounded_above_the_cap() {
    let long = Duration::new(u64::MAX / 8, 999_999_999);
    let mut constant = Backoff::constant(long).forever();
    assert_eq!(constant.delay(Time::ZERO, 9, &failure()), Some(long));
    let mut doubling = Backoff::exponential(long).delay_max(Duration::MAX).forever();
    assert_eq!(doubling.delay(Time::ZERO, 3, &failure()), Some(long * 4));
    for pause in [long, Duration::MAX, Duration::from_nanos(1), Duration::from_nanos(3)] {
        for jitter in [Jitter::Equal, Jitter::Full] {
            let mut retry = Backoff::constant(pause).forever().jitter(jitter).seed(9);
            for _ in 0..200 {
                assert!(retry.delay(Time::ZERO, 1, &failure()).unwrap() <= pause);
            }
        }
    }
}

#[test]
fn a_broken_factor_is_exact_to_the_nanosecond() {
    let mut retry = Backoff::exponential(Duration::from_millis(100)).factor(1.5).unwrap().forever();
    let delays: Vec<_> = (1..=4).filter_map(|n| retry.delay(Time::ZERO, n, &failure())).collect();
    assert_eq!(delays, [100_000_000, 150_000_000, 225_000_000, 337_500_000].map(Duration::from_nanos));
}

/// O10: no pause above the cap, whatever the rule, and the pauses without jitter against plain integers.
#[test]
fn oracle_no_pause_above_the_cap() {
    let mut random = fastrand::Rng::with_seed(10);
    for _ in 0..20_000 {
        let first = Duration::from_nanos(random.u64(..) >> random.u32(..64));
        let cap = Duration::from_nanos(random.u64(..) >> random.u32(..64));
        let attempts = 1 + (random.u32(..) >> random.u32(..32)).min(u32::MAX - 1);
        let nanos = first.as_nanos();
        let doubled = 2u128.checked_pow(attempts - 1).map_or(u128::MAX, |power| nanos.saturating_mul(power));
        let rules = [
            (Backoff::constant(first), Some(nanos)),
            (Backoff::linear(first), Some(nanos * u128::from(attempts))),
            (Backoff::exponential(first), Some(if nanos == 0 { 0 } else { doubled })),
            (Backoff::decorrelated(first), None),
        ];
        for (rule, expected) in rules {
            let mut rule = rule.delay_max(cap).forever();
            let pause = rule.delay(Time::ZERO, attempts.min(u32::MAX - 1), &failure()).unwrap();
            assert!(pause <= cap);
            if let Some(expected) = expected
                && attempts < u32::MAX
            {
                assert_eq!(pause.as_nanos(), expected.min(cap.as_nanos()), "{rule:?}, {attempts} attempts");
            }
            for jitter in [Jitter::Equal, Jitter::Full] {
                let shorter = rule.clone().jitter(jitter).delay(Time::ZERO, attempts, &failure()).unwrap();
                assert!(shorter <= cap);
            }
        }
    }
}
