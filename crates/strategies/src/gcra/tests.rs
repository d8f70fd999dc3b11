use super::*;
use crate::laws::{self, Bound};
use crate::rate::tests::*;
use fastrand::Rng;
use regatta_core::Rejection;

fn gcra(n: u32, nanos: u64, burst: u32) -> Gcra {
    Gcra::new(n, Duration::from_nanos(nanos)).unwrap().burst(burst).unwrap()
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        let periods = [1, 2, random.u64(3..90), u64::MAX];
        gcra(random.u32(1..9), periods[random.usize(..periods.len())], random.u32(1..6))
    });
}

#[test]
fn smoke() {
    let mut rate = gcra(2, 20, 2);
    let _burst = [started(&mut rate, 5, 1), started(&mut rate, 5, 1)];
    assert_eq!([5, 14, 15].map(|now| ready(&rate, now)), [not_before(15), not_before(15), Readiness::Ready]);
    let _next = started(&mut rate, 15, 1);
    assert_eq!(ready(&rate, 15), not_before(25));
    assert_eq!((rate.n(), rate.period(), rate.burst_max()), (2, Duration::from_nanos(20), 2));
}

#[test]
fn without_a_burst_starts_are_spread_evenly() {
    let mut rate = Gcra::new(10, Duration::from_nanos(100)).unwrap();
    assert_eq!(rate.burst_max(), 1);
    assert_eq!(saturate(&mut rate, 0, 1_000), 100);
    assert_eq!(ready(&rate, 999), not_before(1_000));
}

#[test]
fn zero_is_refused_and_changes_nothing() {
    let cases = [
        (0, 5, ConfigError::new("n", 0, "must be at least 1")),
        (5, 0, ConfigError::new("period", "0ns", "must be longer than zero")),
    ];
    for (n, nanos, error) in cases {
        let period = Duration::from_nanos(nanos);
        assert_eq!(Gcra::new(n, period).unwrap_err(), error);
        let mut rate = gcra(3, 7, 2);
        assert_eq!(kicks(&mut rate, |rate| assert_eq!(rate.set_rate(n, period), Err(error))), 0);
        assert_eq!(rate, gcra(3, 7, 2));
    }
    let error = ConfigError::new("burst", 0, "must be at least 1");
    let mut rate = gcra(3, 7, 2);
    assert_eq!(rate.clone().burst(0).unwrap_err(), error);
    assert_eq!(kicks(&mut rate, |rate| assert_eq!(rate.set_burst(0), Err(error))), 0);
    assert_eq!(rate.burst_max(), 2);
}

#[test]
fn costs_count_and_what_can_never_fit_is_refused_for_good() {
    let mut rate = gcra(1, 10, 3);
    let rejection = Rejection::TooCostly { cost: 4, max: 3 };
    assert_eq!(rate.ready(at(0), &cost(4)), Readiness::Rejected(rejection));
    let _heavy = started(&mut rate, 0, 2);
    let _light = started(&mut rate, 0, 1);
    let _free = started(&mut rate, 0, 0);
    assert_eq!([1, 2, 3].map(|of| rate.ready(at(0), &cost(of))), [10, 20, 30].map(not_before));
}

/// T is 10/3 ns: rounded down, the rate would be too high; rounded up, it would start 26 in 100 ns instead of 31.
#[test]
fn nothing_is_lost_or_gained_by_rounding() {
    assert_eq!(saturate(&mut gcra(3, 10, 2), 0, 101), 2 + 30);
    assert_eq!(saturate(&mut gcra(7, 3, 8), 0, 3_001), 8 + 7_000, "T is less than a nanosecond");
    let mut rate = gcra(3, 10, 1);
    let starts = (0..30).filter(|now| rate.start(at(*now), &Request::new()).is_ok());
    let expected = [0, 4, 8, 12, 16, 20, 24, 28];
    assert_eq!(starts.collect::<Vec<_>>(), expected, "without a burst, what each start is late is lost");
}

#[test]
fn an_unused_start_gives_back_what_it_took_only_if_it_was_the_latest() {
    let mut rate = gcra(1, 10, 2);
    let a = started(&mut rate, 0, 1);
    let before = rate.clone();
    let b = started(&mut rate, 3, 1);
    undo(&mut rate, a, 4);
    assert_eq!(ready(&rate, 4), not_before(10), "a later start stands on it");
    undo(&mut rate, b, 4);
    assert_eq!(rate, before);
}

/// Subtracting what the first had taken would let two start at 100, and with the second that makes three in a burst
/// of two: the time from 10 to 100, in which it had flowed off anyway, would be given back.
#[test]
fn undoing_an_early_start_does_not_break_the_rate() {
    let mut rate = gcra(1, 10, 2);
    let early = started(&mut rate, 0, 1);
    let _second = started(&mut rate, 100, 1);
    undo(&mut rate, early, 100);
    let _third = started(&mut rate, 100, 1);
    assert_eq!(ready(&rate, 100), not_before(110));
}

/// What the naive refund does, to show that the bound sees it: it broke the rate in more than a quarter of histories.
#[test]
fn the_bound_catches_a_refund_by_subtraction() {
    let broken = |seed: u64| {
        let random = &mut Rng::with_seed(seed);
        let (period, burst) = (10, 2);
        let (mut now, mut arrival, mut starts, mut open) = (0_u64, 0_u64, Vec::new(), Vec::new());
        for number in 0..60 {
            now += random.u64(..12);
            if random.u8(..3) == 0 && !open.is_empty() {
                let undone = open.swap_remove(random.usize(..open.len()));
                starts.retain(|(other, _)| *other != undone);
                arrival = arrival.saturating_sub(period);
            } else if arrival.max(now) + period <= now + burst * period {
                arrival = arrival.max(now) + period;
                starts.push((number, Start { at: now, cost: 1 }));
                open.push(number);
            }
        }
        let starts: Vec<_> = starts.into_iter().map(|(_, start)| start).collect();
        exceeds(&starts, 1, period, burst)
    };
    let count = (0..200).filter(|seed| broken(*seed)).count();
    assert!(count > 50, "{count} of 200");
}

#[test]
fn an_outcome_gives_nothing_back() {
    for outcome in
        [Outcome::Success, Outcome::Failure, Outcome::Overload, Outcome::Neutral, Outcome::Cancelled]
    {
        let mut rate = gcra(1, 10, 1);
        let token = started(&mut rate, 0, 1);
        rate.finish(token, at(1), outcome);
        assert_eq!(ready(&rate, 1), not_before(10));
    }
}

#[test]
fn a_corrected_cost_moves_the_next_start() {
    let mut rate = gcra(1, 10, 2);
    let mut token = started(&mut rate, 0, 1);
    rate.reconcile(&mut token, at(1), 5);
    assert_eq!(ready(&rate, 1), not_before(40), "beyond the burst");
    rate.reconcile(&mut token, at(1), 2);
    assert_eq!(ready(&rate, 1), not_before(10));
    let before = rate.clone();
    rate.reconcile(&mut token, at(1), 0);
    assert_eq!(rate, gcra(1, 10, 2));
    rate.reconcile(&mut token, at(1), 2);
    assert_eq!(rate, before);
    undo(&mut rate, token, 1);
    assert_eq!(rate, gcra(1, 10, 2));
}

/// As with the refund: less would give back time that was never lost.
#[test]
fn only_the_latest_start_is_corrected_downwards() {
    let mut rate = gcra(1, 10, 2);
    let mut early = started(&mut rate, 0, 1);
    let late = started(&mut rate, 100, 1);
    let before = rate.clone();
    rate.reconcile(&mut early, at(100), 0);
    assert_eq!(rate, before);
    rate.reconcile(&mut early, at(100), 3);
    assert_eq!(ready(&rate, 100), not_before(120), "upwards always");
    undo(&mut rate, late, 100);
    assert_eq!(ready(&rate, 100), not_before(120), "the latest no longer knows what it stands on");
}

#[test]
fn a_free_start_that_turns_out_to_cost_counts_from_its_own_start() {
    let mut rate = gcra(1, 10, 1);
    let mut free = started(&mut rate, 100, 0);
    assert_eq!(rate, gcra(1, 10, 1));
    rate.reconcile(&mut free, at(500), 2);
    assert_eq!(ready(&rate, 100), not_before(120));
}

#[test]
fn a_clock_that_lags_admits_nothing_beyond_the_rate() {
    let mut rate = gcra(1, 10, 2);
    let _first = started(&mut rate, 100, 1);
    assert_eq!([0, 99].map(|now| ready(&rate, now)), [not_before(100); 2]);
    let _second = started(&mut rate, 100, 1);
    assert_eq!(ready(&rate, 50), not_before(110));
}

#[test]
fn a_new_rate_keeps_what_is_used_up_and_kicks() {
    let change = |n, nanos| move |rate: &mut Gcra| rate.set_rate(n, Duration::from_nanos(nanos)).unwrap();
    let mut rate = gcra(1, 1_000, 3);
    let tokens = [0, 0, 0].map(|now| started(&mut rate, now, 1));
    assert_eq!(ready(&rate, 0), not_before(1_000));
    assert_eq!(kicks(&mut rate, change(1, 10)), 1);
    assert_eq!([0, 5].map(|now| rate.ready(at(now), &cost(2))), [not_before(20); 2], "three still count");
    assert_eq!(kicks(&mut rate, change(3, 100)), 1);
    assert_eq!(rate.ready(at(0), &cost(2)), not_before(67));
    assert_eq!(kicks(&mut rate, change(3, 100)), 0, "only a change is news");
    let before = rate.clone();
    tokens.into_iter().for_each(|token| undo(&mut rate, token, 1));
    assert_eq!(rate, before, "what started before the change counts");
    assert_eq!(kicks(&mut rate, |rate| rate.set_burst(1).unwrap()), 1);
    assert_eq!(ready(&rate, 1), not_before(100));
    assert_eq!(kicks(&mut rate, |rate| rate.set_burst(1).unwrap()), 0);
}

#[test]
fn the_largest_numbers_overflow_nothing() {
    let mut rate = Gcra::new(u32::MAX, Duration::MAX).unwrap().burst(u32::MAX).unwrap();
    let mut token = started(&mut rate, u64::MAX, u32::MAX);
    for actual in [0, u32::MAX, 1, u32::MAX] {
        rate.reconcile(&mut token, at(0), actual);
    }
    let _more = (0..100).map(|_| started(&mut rate, u64::MAX, u32::MAX)).collect::<Vec<_>>();
    rate.set_rate(1, Duration::from_nanos(1)).unwrap();
    rate.set_rate(u32::MAX, Duration::MAX).unwrap();
    assert_eq!(ready(&rate, 0), not_before(u64::MAX));
}

#[test]
fn at_the_end_of_time_everything_is_ready() {
    let mut rate = gcra(1, 10, 1);
    let end = u64::MAX;
    let _almost = started(&mut rate, end - 1, 1);
    assert_eq!(ready(&rate, end - 1), not_before(end));
    let _tokens = [started(&mut rate, end, 1), started(&mut rate, end, 1)];
    assert_eq!(ready(&rate, 0), not_before(end));
}

#[test]
fn it_explains_itself_and_rests_when_all_has_flowed_off() {
    let mut rate = gcra(1, 10, 2);
    assert_eq!(rate.rest(at(0)), Readiness::Ready);
    let _tokens = [started(&mut rate, 0, 1), started(&mut rate, 0, 1)];
    let mut reasons = Vec::new();
    rate.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("gcra".to_owned(), not_before(10))]);
    assert_eq!([19, 20].map(|now| rate.rest(at(now))), [not_before(20), Readiness::Ready]);
    assert!(rate.timed());
}

/// Whether more than burst + ⌊d · n / period⌋ start in some stretch of length d, from a start to a start.
fn exceeds(starts: &[Start], n: u64, period: u64, burst: u64) -> bool {
    let pairs = starts.iter().flat_map(|first| starts.iter().map(move |last| (first.at, last.at)));
    pairs.filter(|(first, last)| first <= last).any(|(first, last)| {
        let within = starts.iter().filter(|start| (first..=last).contains(&start.at));
        within.map(|start| start.cost).sum::<u64>() > burst + (last - first) * n / period
    })
}

/// O3: a request fits if with it no stretch since an earlier start holds too much. That names the earliest time
/// without any arrival time, and must be met exactly.
#[test]
fn oracle_as_early_as_the_rate_allows_and_no_earlier() {
    for (name, also) in [("gcra", Also::Nothing), ("gcra, lagging", Also::Lag)] {
        laws::oracle(name, |random| {
            let (n, period) = (random.u64(1..10), random.u64(1..60));
            let burst = random.u64(1..7);
            let expected = |now: u64, request: &Request, readiness, starts: &[Start]| {
                let cost = u64::from(request.cost);
                if cost == 0 || cost > burst {
                    return;
                }
                let earliest = (0..starts.len()).map(|first| {
                    let since: u64 = starts[first..].iter().map(|start| start.cost).sum();
                    // Below zero it says how far the clock may lag behind that start.
                    let excess = (since + cost) as i64 - burst as i64;
                    (starts[first].at * n).saturating_add_signed(excess * period as i64).div_ceil(n)
                });
                let earliest = earliest.max().unwrap_or(0);
                assert_eq!(readiness, rate::from(earliest, at(now)), "at {now}, {request:?}, {starts:?}");
            };
            let mut rate = gcra(n as u32, period, burst as u32);
            let starts = play(&mut rate, random, 2 * period / n + 3, also, expected);
            assert!(!exceeds(&starts, n, period, burst), "{starts:?}");
        });
    }
}

/// O3: at most burst + ⌊d / T⌋ in any stretch, also with costs that turn out lower.
#[test]
fn oracle_no_stretch_holds_more() {
    laws::oracle("gcra, lowered", |random| {
        let (n, period) = (random.u64(1..10), random.u64(1..60));
        let burst = random.u64(1..7);
        let mut rate = gcra(n as u32, period, burst as u32);
        let starts = play(&mut rate, random, 2 * period / n + 3, Also::LagAndLower, |_, _, _, _| {});
        assert!(!exceeds(&starts, n, period, burst), "{starts:?}");
    });
}

/// O3: under constant demand nothing is lost, except what a start comes late where there is no burst to make up for it.
#[test]
fn oracle_a_saturated_rate_wastes_no_time() {
    laws::oracle("gcra, saturated", |random| {
        let (n, period) = (random.u64(1..10), random.u64(1..60));
        let burst = random.u64(1..7);
        let (from, length) = (random.u64(..1_000), random.u64(1..1_000));
        let count = saturate(&mut gcra(n as u32, period, burst as u32), from, from + length);
        let most = burst + (length - 1) * n / period;
        let expected = if n <= period * (burst - 1) {
            most
        } else if burst == 1 && n <= period {
            1 + (length - 1) / period.div_ceil(n)
        } else {
            // Faster than the nanoseconds pass, and no burst large enough for what comes due in one.
            assert!(count <= most && count >= burst.min(n / period) * length, "{count}");
            return;
        };
        assert_eq!(count, expected);
    });
}

/// O14: against the formula as it stands in the recommendation, in fractions of a nanosecond, with starts undone at
/// once or not at all.
#[test]
fn oracle_the_plain_formula_admits_the_same() {
    laws::oracle("gcra, formula", |random| {
        let (n, period) = (random.u32(1..1_000), random.u64(1..1_000_000_000_000));
        let burst = random.u32(1..50);
        let (increment, limit) = (u128::from(period), u128::from(period) * u128::from(burst - 1));
        let mut rate = gcra(n, period, burst);
        let (mut now, mut arrival) = (random.u64(..1 << 40), 0_u128);
        for _ in 0..300 {
            now += random.u64(..=2 * period / u64::from(n));
            let conforms = arrival <= u128::from(now) * u128::from(n) + limit;
            match rate.start(at(now), &Request::new()) {
                Ok(token) => {
                    assert!(conforms);
                    if random.u8(..5) == 0 {
                        undo(&mut rate, token, now);
                    } else {
                        arrival = arrival.max(u128::from(now) * u128::from(n)) + increment;
                    }
                }
                Err(refusal) => {
                    assert!(!conforms);
                    let earliest = (arrival - limit).div_ceil(u128::from(n));
                    assert_eq!(refusal, not_before(earliest as u64));
                }
            }
        }
    });
}

#[test]
fn its_state_is_as_small_as_it_says() {
    assert_eq!(size_of::<Gcra>() - size_of::<Kick>() - size_of::<u64>(), 40);
}
