use super::*;
use crate::laws::{self, Bound};
use crate::rate::tests::*;
use regatta_core::Rejection;

fn counter(n: u32, nanos: u64, slots: u32) -> SlidingWindowCounter {
    SlidingWindowCounter::new(n, Duration::from_nanos(nanos)).unwrap().slots(slots).unwrap()
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        let windows = [1, 2, random.u64(3..30), u64::MAX];
        let window = windows[random.usize(..windows.len())];
        counter(random.u32(1..9), window, random.u32(1..=window.min(12) as u32))
    });
}

#[test]
fn smoke() {
    let mut rate = counter(2, 100, 10);
    let _a = started(&mut rate, 15, 1);
    let _b = started(&mut rate, 29, 1);
    assert_eq!([29, 119].map(|now| ready(&rate, now)), [not_before(120); 2]);
    let _c = started(&mut rate, 120, 1);
    assert_eq!(ready(&rate, 120), not_before(130), "the slot of 29 counts in full");
    assert_eq!((rate.n(), rate.window(), rate.slot_count()), (2, Duration::from_nanos(100), 10));
}

#[test]
fn what_can_not_be_is_refused_and_changes_nothing() {
    let zero = ConfigError::new("n", 0, "must be at least 1");
    let empty = ConfigError::new("window", "0ns", "must be longer than zero");
    let short = ConfigError::new("window", "4ns", "must be at least a nanosecond per slot");
    for (n, nanos, error) in [(0, 50, zero), (5, 0, empty), (5, 4, short.clone())] {
        let window = Duration::from_nanos(nanos);
        assert!(error == short || SlidingWindowCounter::new(n, window) == Err(error.clone()));
        let mut rate = counter(3, 50, 5);
        assert_eq!(kicks(&mut rate, |rate| assert_eq!(rate.set_rate(n, window), Err(error))), 0);
        assert_eq!(rate, counter(3, 50, 5));
    }
    let rate = || SlidingWindowCounter::new(5, Duration::from_nanos(8)).unwrap();
    assert_eq!(rate().slots(0), Err(ConfigError::new("slots", 0, "must be at least 1")));
    let many = ConfigError::new("slots", 9, "must be at most one per nanosecond of the window");
    assert_eq!(rate().slots(9), Err(many));
    assert_eq!([rate().slot_count(), rate().slots(8).unwrap().slot_count()], [8, 8]);
    assert_eq!(SlidingWindowCounter::new(5, Duration::from_secs(1)).unwrap().slot_count(), 10);
}

#[test]
fn costs_count_and_what_can_never_fit_is_refused_for_good() {
    let mut rate = counter(3, 10, 10);
    let rejection = Rejection::TooCostly { cost: 4, max: 3 };
    assert_eq!(rate.ready(at(0), &cost(4)), Readiness::Rejected(rejection));
    let _heavy = started(&mut rate, 0, 2);
    let _light = started(&mut rate, 4, 1);
    let _free = started(&mut rate, 4, 0);
    let asks = [1, 2, 3].map(|of| rate.ready(at(4), &cost(of)));
    assert_eq!(asks, [not_before(11), not_before(11), not_before(15)]);
}

/// A counter that weights the oldest slot takes the ten at the end of it for spread evenly, and at 15 admits five
/// more, of which ten lie within the ten nanoseconds from 9 on already.
#[test]
fn the_oldest_slot_counts_in_full() {
    let mut rate = counter(10, 10, 1);
    let _tokens: Vec<_> = (0..10).map(|_| started(&mut rate, 9, 1)).collect();
    assert_eq!([10, 15, 18, 19].map(|now| ready(&rate, now)), [not_before(20); 4]);
    assert_eq!(rate.ready(at(20), &cost(10)), Readiness::Ready);
}

/// Three slots of 10/3 ns: they begin at 0, 4, 7, 10.
#[test]
fn slots_need_not_be_whole_nanoseconds() {
    let grid = Grid { window: 10, slots: 3 };
    assert_eq!([0, 1, 2, 3].map(|tick| grid.begin(tick)), [0, 4, 7, 10]);
    for grid in [grid, Grid { window: 7, slots: 7 }, Grid { window: u64::MAX, slots: u32::MAX }] {
        for now in (0..50).chain(u64::MAX - 50..=u64::MAX) {
            let slot = grid.slot_of(now);
            assert!(
                slot.from <= now && (now < slot.to || slot.to == u64::MAX),
                "{now}: {slot:?} of {grid:?}"
            );
        }
    }
}

#[test]
fn an_unused_start_gives_back_what_it_took_only_if_it_was_the_latest() {
    let mut rate = counter(2, 10, 5);
    let a = started(&mut rate, 0, 1);
    let before = rate.clone();
    let b = started(&mut rate, 3, 1);
    undo(&mut rate, a, 4);
    assert_eq!(ready(&rate, 4), not_before(12), "a later start stands on it");
    undo(&mut rate, b, 4);
    assert_eq!(rate, before);
    let heavy = started(&mut rate, 900, 2);
    undo(&mut rate, heavy, 900);
    assert_eq!(rate, before, "also across many slots");
}

#[test]
fn a_corrected_cost_counts_in_its_own_slot() {
    let mut rate = counter(4, 10, 10);
    let mut first = started(&mut rate, 0, 1);
    let mut free = started(&mut rate, 2, 0);
    let mut second = started(&mut rate, 5, 3);
    rate.reconcile(&mut second, at(6), 1);
    rate.reconcile(&mut free, at(6), 1);
    assert_eq!([1, 2].map(|of| rate.ready(at(6), &cost(of))), [Readiness::Ready, not_before(11)]);
    rate.reconcile(&mut first, at(6), 9);
    assert_eq!(ready(&rate, 6), not_before(11), "too much already");
    rate.reconcile(&mut first, at(6), 0);
    assert_eq!(rate.ready(at(6), &cost(2)), Readiness::Ready);
}

#[test]
fn a_clock_that_lags_admits_nothing_beyond_the_rate() {
    let mut rate = counter(2, 10, 10);
    let _tokens = [0, 0, 11, 12, 22].map(|now| started(&mut rate, now, 1));
    assert_eq!([8, 10, 13].map(|now| ready(&rate, now)), [not_before(23); 3]);
    let mut rate = counter(2, 10, 10);
    let _tokens = [0, 0, 50, 100].map(|now| started(&mut rate, now, 1));
    assert_eq!(ready(&rate, 55), not_before(61), "the fifty no longer counts, and may be one of several");
}

#[test]
fn a_new_rate_counts_what_counted_and_kicks() {
    let mut rate = counter(2, 100, 10);
    let mut tokens = [5, 15].map(|now| started(&mut rate, now, 1));
    let change = |n, nanos| {
        move |rate: &mut SlidingWindowCounter| rate.set_rate(n, Duration::from_nanos(nanos)).unwrap()
    };
    assert_eq!(kicks(&mut rate, change(3, 100)), 1);
    assert_eq!(ready(&rate, 20), Readiness::Ready);
    assert_eq!(kicks(&mut rate, change(2, 10)), 1);
    assert_eq!(
        [16, 20, 21].map(|now| ready(&rate, now)),
        [not_before(20), Readiness::Ready, Readiness::Ready]
    );
    assert_eq!(kicks(&mut rate, change(2, 10)), 0, "only a change is news");
    assert_eq!(kicks(&mut rate, change(2, 1_000)), 1);
    rate.reconcile(&mut tokens[0], at(20), 0);
    undo(&mut rate, tokens.into_iter().next_back().unwrap(), 20);
    assert_eq!(ready(&rate, 20), not_before(1_100), "tokens of other slots change nothing");
}

#[test]
fn it_takes_no_more_than_it_says() {
    let mut rate = counter(1_000, 1_000, 10);
    for now in 0..20_000 {
        let _token = rate.start(at(now), &Request::new());
        assert!(rate.log.capacity() <= 13, "{}", rate.log.capacity());
    }
}

#[test]
fn at_the_end_of_time_everything_is_ready() {
    let mut rate = counter(1, 10, 3);
    let end = u64::MAX;
    let _almost = started(&mut rate, end - 1, 1);
    assert_eq!(ready(&rate, end - 1), not_before(end));
    let _tokens = [started(&mut rate, end, 1), started(&mut rate, end, 1)];
    assert_eq!(ready(&rate, 0), not_before(end));
}

#[test]
fn it_explains_itself_and_rests_when_nothing_counts() {
    let mut rate = counter(1, 10, 2);
    assert_eq!(rate.rest(at(0)), Readiness::Ready);
    let _token = started(&mut rate, 0, 1);
    let mut reasons = Vec::new();
    rate.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("sliding window counter".to_owned(), not_before(15))]);
    assert_eq!([14, 15].map(|now| rate.rest(at(now))), [not_before(15), Readiness::Ready]);
    assert!(rate.timed());
}

/// O3: against a list of all starts, each put into its slot anew for each ask.
#[test]
fn oracle_as_early_as_the_slots_allow_and_no_earlier() {
    let names = ["sliding window counter", "sliding window counter, corrected"];
    for (name, also) in names.into_iter().zip([Also::Nothing, Also::Correct]) {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let slots = random.u64(1..=nanos.min(12));
            let expected = |now, request: &Request, readiness, starts: &[Start]| {
                if request.cost == 0 || request.cost > n {
                    return;
                }
                let fits = |time: u64| {
                    let counting = starts
                        .iter()
                        .filter(|start| start.at * slots / nanos + slots >= time * slots / nanos);
                    counting.map(|start| start.cost).sum::<u64>() + u64::from(request.cost) <= u64::from(n)
                };
                assert_eq!(
                    readiness,
                    first(now, now..=now + 3 * nanos, fits),
                    "at {now}, {request:?}, {starts:?}"
                );
            };
            let mut rate = counter(n, nanos, slots as u32);
            let starts = play(&mut rate, random, nanos / 3 + 2, also, expected);
            assert!(also == Also::Correct || most_within(nanos, &starts) <= u64::from(n));
        });
    }
}

/// O3: never above n in any window, whatever the clocks and those who undo and correct do.
#[test]
fn oracle_no_window_holds_more() {
    let names = ["sliding window counter, lagging", "sliding window counter, lowered"];
    for (name, also) in names.into_iter().zip([Also::Lag, Also::LagAndLower]) {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let mut rate = counter(n, nanos, random.u32(1..=nanos.min(12) as u32));
            let starts = play(&mut rate, random, nanos / 2 + 2, also, |_, _, _, _| {});
            assert!(most_within(nanos, &starts) <= u64::from(n), "{starts:?}");
        });
    }
}

/// O3: at least n · s / (s + 1) per window under constant demand: n in each stretch of s + 1 slots.
#[test]
fn oracle_a_saturated_counter_wastes_one_slot() {
    laws::oracle("sliding window counter, saturated", |random| {
        let (n, nanos) = (random.u32(1..10), random.u64(1..60));
        let slots = random.u64(1..=nanos.min(12));
        let (from, windows) = (random.u64(..1_000), random.u64(1..20));
        let mut rate = counter(n, nanos, slots as u32);
        let count = saturate(&mut rate, from, from + windows * nanos);
        assert!(count >= u64::from(n) * (windows * slots / (slots + 1)), "{count}");
        assert!(count <= u64::from(n) * windows);
    });
}
