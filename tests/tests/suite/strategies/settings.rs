//! Every setting that can be wrong is refused when it is made: which one, the value, and the rule that it breaks.

use crate::runner::support::secs;
use regatta::strategies::batcher::Batcher;
use regatta::strategies::{
    Adaptive, Breaker, Concurrency, FixedWindow, Gcra, Gradient2, HealthProbe, Keyed, Load, LoadSampler,
    Priority, RetryBudget, Router, SlidingWindow, SlidingWindowCounter, Spacing, WeightedFair,
};
use regatta::{Backoff, Class, ConfigError, Limit, Limiter, inherit};
use std::time::Duration;

const ZERO: Duration = Duration::ZERO;
const COUNT: &str = "must be at least 1";
const TIME: &str = "must be longer than zero";
const SHARE: &str = "must be above 0 and at most 1";

/// The setting, the value, and the rule of each refusal; nothing where it was accepted.
macro_rules! refusals {
    ($($made:expr => $field:literal, $value:literal, $rule:expr;)+) => {
        vec![$((stringify!($made), $made.err(), ($field, $value, $rule)),)+]
    };
}

fn consecutive() -> Breaker {
    Breaker::consecutive(1).unwrap()
}

fn windowed() -> Breaker {
    Breaker::count_window(8, 0.5).unwrap()
}

fn aimd() -> Adaptive {
    Adaptive::aimd(secs(1)).unwrap()
}

fn router() -> Router<&'static str, ()> {
    Router::new().endpoint("a", 1, ()).unwrap()
}

fn batcher() -> Batcher<u8, u8, &'static str> {
    Batcher::new(async |items: Vec<u8>| Ok(items))
}

fn limiter() -> Limiter<Breaker> {
    Limiter::new(consecutive())
}

fn rules() -> Vec<(&'static str, Option<ConfigError>, (&'static str, &'static str, &'static str))> {
    let load = || Ok(Load::new());
    let sampler = || LoadSampler::new(Limiter::new(aimd()), load, secs(1)).unwrap();
    let share = |cpu, memory| {
        let mut load = Load::new();
        (load.cpu, load.memory) = (cpu, memory);
        load
    };
    refusals! {
        Limit::count(0) => "limit", "0", COUNT;
        Concurrency::new(0) => "max", "0", COUNT;
        Concurrency::new(1).unwrap().set_max(0) => "max", "0", COUNT;
        Spacing::new(ZERO) => "gap", "0ns", TIME;
        FixedWindow::new(0, secs(1)) => "n", "0", COUNT;
        FixedWindow::new(1, ZERO) => "window", "0ns", TIME;
        SlidingWindow::new(0, secs(1)) => "n", "0", COUNT;
        SlidingWindow::new(1, ZERO) => "window", "0ns", TIME;
        SlidingWindowCounter::new(0, secs(1)) => "n", "0", COUNT;
        SlidingWindowCounter::new(1, ZERO) => "window", "0ns", TIME;
        SlidingWindowCounter::new(1, secs(1)).unwrap().slots(0) => "slots", "0", COUNT;
        SlidingWindowCounter::new(1, Duration::from_nanos(5)).unwrap().slots(6)
            => "slots", "6", "must be at most one per nanosecond of the window";
        Gcra::new(0, secs(1)) => "n", "0", COUNT;
        Gcra::new(1, ZERO) => "period", "0ns", TIME;
        Gcra::new(1, secs(1)).unwrap().burst(0) => "burst", "0", COUNT;
        Gcra::new(1, secs(1)).unwrap().set_rate(0, secs(1)) => "n", "0", COUNT;
        Keyed::new(()).capacity(0) => "capacity", "0", COUNT;
        Breaker::consecutive(0) => "failures", "0", COUNT;
        Breaker::count_window(0, 0.5) => "size", "0", COUNT;
        Breaker::count_window(1, 0.0) => "rate", "0", SHARE;
        Breaker::count_window(1, 1.5) => "rate", "1.5", SHARE;
        Breaker::count_window(1, f64::NAN) => "rate", "NaN", SHARE;
        Breaker::time_window(ZERO, 0.5) => "window", "0ns", TIME;
        Breaker::time_window(secs(1), f64::INFINITY) => "rate", "inf", SHARE;
        windowed().minimum(0) => "minimum", "0", COUNT;
        windowed().minimum(9) => "minimum", "9", "must be at most the size of the window";
        consecutive().minimum(2) => "minimum", "2", "needs a window, of a count or of time";
        windowed().slow(ZERO, 0.5) => "slow", "0ns", TIME;
        windowed().slow(secs(1), -0.5) => "slow rate", "-0.5", SHARE;
        consecutive().slow(secs(1), 0.5) => "slow", "1s", "needs a window, of a count or of time";
        consecutive().open_for(ZERO) => "open_for", "0ns", TIME;
        consecutive().growing(0.9, secs(60)) => "factor", "0.9", "must be finite and at least 1";
        consecutive().growing(f64::NAN, secs(60)) => "factor", "NaN", "must be finite and at least 1";
        consecutive().growing(2.0, secs(1)) => "max", "1s", "must be at least as long as it is open at first";
        consecutive().growing(2.0, secs(60)).unwrap().open_for(secs(61))
            => "open_for", "61s", "must be at most the maximum that it grows to";
        consecutive().probes(0) => "probes", "0", COUNT;
        consecutive().probe_timeout(ZERO) => "probe_timeout", "0ns", TIME;
        consecutive().recover_over(ZERO) => "recover_over", "0ns", TIME;
        HealthProbe::new(limiter(), |breaker: &mut Breaker| breaker, ZERO, async || true) => "every", "0ns", TIME;
        Adaptive::aimd(ZERO) => "latency_max", "0ns", TIME;
        aimd().bounds(0, 9) => "min", "0", COUNT;
        aimd().bounds(9, 8) => "max", "8", "must not be less than min";
        aimd().bounds(2, 9).unwrap().initial(1) => "initial", "1", "must lie within the bounds";
        aimd().bounds(2, 9).unwrap().initial(10) => "initial", "10", "must lie within the bounds";
        aimd().decrease(0.0) => "decrease", "0", "must be above 0 and below 1";
        aimd().decrease(1.0) => "decrease", "1", "must be above 0 and below 1";
        aimd().set_ceiling(Some(0)) => "ceiling", "0", COUNT;
        Gradient2::new().tolerance(0.5) => "tolerance", "0.5", "must be at least 1 and finite";
        Gradient2::new().smoothing(0.0) => "smoothing", "0", SHARE;
        Gradient2::new().smoothing(f64::NAN) => "smoothing", "NaN", SHARE;
        LoadSampler::new(Limiter::new(aimd()), load, ZERO) => "every", "0ns", TIME;
        sampler().ceiling(|limit| limit, share(Some(0.0), None)) => "cpu", "0", SHARE;
        sampler().ceiling(|limit| limit, share(None, Some(1.1))) => "memory", "1.1", SHARE;
        sampler().ceiling(|limit| limit, share(None, None)) => "max", "nothing", "must have a maximum for cpu or memory";
        Backoff::exponential(secs(1)).factor(0.5) => "factor", "0.5", "must be a finite number of at least 1";
        Backoff::exponential(secs(1)).factor(f64::NAN) => "factor", "NaN", "must be a finite number of at least 1";
        RetryBudget::new(-0.1) => "ratio", "-0.1", "must be a number from 0 to 10";
        RetryBudget::new(f64::NAN) => "ratio", "NaN", "must be a number from 0 to 10";
        RetryBudget::new(0.1).unwrap().balance_max(0) => "balance_max", "0", COUNT;
        Priority::ageing(ZERO) => "step", "0ns", TIME;
        Priority::levels(&[]) => "levels", "[]", "must name at least one level";
        Priority::levels(&[(1, ZERO), (1, secs(1))]) => "levels", "1", "must name each level once";
        WeightedFair::new().weight(Class::of("a"), 0) => "weight", "0", COUNT;
        inherit(&[0, 1], [(0, 2)]) => "edge", "(0, 2)", "must name nodes that have a priority";
        batcher().size(0) => "size", "0", COUNT;
        batcher().weight(0, |_| 1) => "weight", "0", COUNT;
        batcher().in_flight(0) => "in_flight", "0", COUNT;
        router().endpoint("a", 1, ()) => "endpoint", "\"a\"", "must not be there twice";
        router().set_weight(&"b", 1) => "endpoint", "\"b\"", "must be one of the router's";
        router().panic_below(0.0) => "panic_below", "0", SHARE;
        router().panic_below(1.1) => "panic_below", "1.1", SHARE;
    }
}

#[test]
fn every_wrong_setting_is_refused_by_name_value_and_rule() {
    for (made, refusal, (field, value, rule)) in rules() {
        let refusal = refusal.unwrap_or_else(|| panic!("{made} was accepted"));
        assert_eq!((refusal.field, refusal.value.as_str(), refusal.rule), (field, value, rule), "{made}");
        assert_eq!(refusal.to_string(), format!("{field} = {value}: {rule}"));
    }
}

#[test]
fn a_setting_that_is_refused_leaves_the_old_one() {
    let mut limit = Concurrency::new(3).unwrap();
    assert!(limit.set_max(0).is_err());
    assert_eq!(limit.max(), 3);
    let mut rate = Gcra::new(3, secs(1)).unwrap();
    assert!(rate.set_rate(3, ZERO).is_err() && rate.set_rate(0, secs(1)).is_err());
    assert_eq!((rate.n(), rate.period()), (3, secs(1)));
    let mut adaptive = aimd();
    assert!(adaptive.set_ceiling(Some(0)).is_err());
    assert_eq!(adaptive.ceiling(), None);
}
