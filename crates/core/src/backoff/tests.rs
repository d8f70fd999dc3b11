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
