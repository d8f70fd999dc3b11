use super::*;
use crate::laws::{self, Bound};
use crate::rate::tests::*;
use regatta_core::Rejection;

fn window(n: u32, nanos: u64) -> SlidingWindow {
    SlidingWindow::new(n, Duration::from_nanos(nanos)).unwrap()
}

#[test]
fn the_laws_hold() {
    laws::hold(Bound::Exact, |random| {
        let windows = [1, 2, random.u64(3..30), u64::MAX];
        window(random.u32(1..9), windows[random.usize(..windows.len())])
    });
}

#[test]
fn smoke() {
    let mut rate = window(2, 10);
    let _a = started(&mut rate, 5, 1);
    let _b = started(&mut rate, 9, 1);
    assert_eq!([9, 14, 15].map(|now| ready(&rate, now)), [not_before(15), not_before(15), Readiness::Ready]);
    let _c = started(&mut rate, 15, 1);
    assert_eq!([18, 19].map(|now| ready(&rate, now)), [not_before(19), Readiness::Ready]);
    assert_eq!((rate.n(), rate.window()), (2, Duration::from_nanos(10)));
}

#[test]
fn zero_is_refused_and_changes_nothing() {
    let cases = [
        (0, 5, ConfigError::new("n", 0, "must be at least 1")),
        (5, 0, ConfigError::new("window", "0ns", "must be longer than zero")),
    ];
    for (n, nanos, error) in cases {
        let window_of = Duration::from_nanos(nanos);
        assert_eq!(SlidingWindow::new(n, window_of).unwrap_err(), error);
        let mut rate = window(3, 7);
        assert_eq!(kicks(&mut rate, |rate| assert_eq!(rate.set_rate(n, window_of), Err(error))), 0);
        assert_eq!(rate, window(3, 7));
    }
}

#[test]
fn costs_count_and_what_can_never_fit_is_refused_for_good() {
    let mut rate = window(3, 10);
    let rejection = Rejection::TooCostly { cost: 4, max: 3 };
    assert_eq!(rate.ready(at(0), &cost(4)), Readiness::Rejected(rejection));
    let _heavy = started(&mut rate, 0, 2);
    let _light = started(&mut rate, 4, 1);
    let _free = started(&mut rate, 4, 0);
    let asks = [1, 2, 3].map(|of| rate.ready(at(4), &cost(of)));
    assert_eq!(asks, [not_before(10), not_before(10), not_before(14)]);
}

#[test]
fn an_unused_start_gives_back_what_it_took_only_if_it_was_the_latest() {
    let mut rate = window(2, 10);
    let a = started(&mut rate, 0, 1);
    let b = started(&mut rate, 3, 1);
    undo(&mut rate, a, 4);
    assert_eq!(ready(&rate, 4), not_before(10), "a later start stands on it");
    undo(&mut rate, b, 4);
    assert_eq!(ready(&rate, 4), Readiness::Ready);
}

/// The start that is undone had pushed others out of the log.
#[test]
fn undoing_brings_back_what_the_start_had_made_stale() {
    let mut rate = window(3, 10);
    let _tokens = [0, 1, 2].map(|now| started(&mut rate, now, 1));
    let before = rate.clone();
    let heavy = started(&mut rate, 12, 3);
    undo(&mut rate, heavy, 12);
    assert_eq!(rate, before);
    assert_eq!(ready(&rate, 9), not_before(10), "also for a clock that lags");
}

#[test]
fn an_outcome_gives_nothing_back() {
    for outcome in
        [Outcome::Success, Outcome::Failure, Outcome::Overload, Outcome::Neutral, Outcome::Cancelled]
    {
        let mut rate = window(1, 10);
        let token = started(&mut rate, 0, 1);
        rate.finish(token, at(1), outcome);
        assert_eq!(ready(&rate, 1), not_before(10));
    }
}

#[test]
fn a_corrected_cost_counts_from_its_own_start() {
    let mut rate = window(4, 10);
    let mut first = started(&mut rate, 0, 1);
    let mut second = started(&mut rate, 5, 3);
    rate.reconcile(&mut second, at(6), 1);
    assert_eq!(rate.ready(at(6), &cost(2)), Readiness::Ready);
    rate.reconcile(&mut first, at(6), 9);
    assert_eq!(ready(&rate, 6), not_before(10), "too much already");
    rate.reconcile(&mut second, at(6), 0);
    assert_eq!(rate.ready(at(10), &cost(4)), Readiness::Ready);
    rate.reconcile(&mut second, at(11), 2);
    assert_eq!(rate.ready(at(11), &cost(3)), not_before(15));
    rate.reconcile(&mut first, at(11), 0);
    rate.reconcile(&mut second, at(11), 0);
    assert_eq!(rate.rest(at(11)), Readiness::Ready);
}

#[test]
fn a_free_start_that_turns_out_to_cost_counts_from_its_own_start() {
    let mut rate = window(2, 10);
    let mut free = started(&mut rate, 0, 0);
    let _later = started(&mut rate, 5, 1);
    rate.reconcile(&mut free, at(6), 1);
    assert_eq!([6, 10].map(|now| ready(&rate, now)), [not_before(10), Readiness::Ready]);
    undo(&mut rate, free, 6);
    assert_eq!(ready(&rate, 6), not_before(10), "it was not the latest");
}

#[test]
fn a_clock_that_lags_admits_nothing_beyond_the_rate() {
    let mut rate = window(2, 10);
    let _tokens = [0, 0, 10].map(|now| started(&mut rate, now, 1));
    assert_eq!(ready(&rate, 9), not_before(10), "three in the ten from 0 on");
    let mut rate = window(2, 10);
    let _late = started(&mut rate, 100, 1);
    let _early = started(&mut rate, 50, 1);
    assert_eq!(ready(&rate, 50), not_before(110), "counted with the latest");
}

/// What was corrected to nothing makes room, but not in the past of what was dropped meanwhile.
#[test]
fn a_clock_that_lags_finds_no_gap_where_something_was_forgotten() {
    let mut rate = window(2, 10);
    let _first = [0, 1].map(|now| started(&mut rate, now, 1));
    let mut later = [10, 11].map(|now| started(&mut rate, now, 1));
    for token in &mut later {
        rate.reconcile(token, at(12), 0);
    }
    assert_eq!(ready(&rate, 9), not_before(10));
}

#[test]
fn a_new_rate_counts_what_is_remembered_and_kicks() {
    let mut rate = window(2, 10);
    let _tokens = [0, 1].map(|now| started(&mut rate, now, 1));
    let change =
        |n, nanos| move |rate: &mut SlidingWindow| rate.set_rate(n, Duration::from_nanos(nanos)).unwrap();
    assert_eq!(kicks(&mut rate, change(3, 10)), 1);
    assert_eq!(ready(&rate, 2), Readiness::Ready);
    assert_eq!(kicks(&mut rate, change(1, 20)), 1);
    assert_eq!(ready(&rate, 2), not_before(21));
    assert_eq!(kicks(&mut rate, change(1, 20)), 0, "only a change is news");
    assert_eq!(kicks(&mut rate, change(2, 5)), 1);
    assert_eq!([2, 5].map(|now| ready(&rate, now)), [not_before(5), Readiness::Ready]);
}

/// The log of 10 per second knows ten starts, not six hundred.
#[test]
fn a_longer_window_does_not_wait_for_what_nobody_remembers() {
    let mut rate = window(1, 10);
    let _tokens = [0, 10, 20].map(|now| started(&mut rate, now, 1));
    rate.set_rate(5, Duration::from_nanos(1_000)).unwrap();
    assert_eq!(ready(&rate, 21), Readiness::Ready);
}

#[test]
fn the_log_takes_no_more_than_it_says() {
    let mut rate = window(100, 1_000);
    let mut kept = Vec::new();
    for now in 0..5_000 {
        if let Ok(mut token) = rate.start(at(now), &Request::new()) {
            // What costs nothing in the end leaves nothing in the log.
            rate.reconcile(&mut token, at(now), (now % 3) as u32);
            kept.push(token);
        }
        assert!(rate.log.capacity() <= 101, "{}", rate.log.capacity());
    }
    let mut huge = window(u32::MAX, 10);
    let _heavy = started(&mut huge, 0, u32::MAX);
    assert_eq!((huge.log.capacity(), ready(&huge, 9)), (4, not_before(10)));
}

#[test]
fn at_the_end_of_time_everything_is_ready() {
    let mut rate = window(1, 10);
    let end = u64::MAX;
    let _almost = started(&mut rate, end - 1, 1);
    assert_eq!(ready(&rate, end - 1), not_before(end));
    let _tokens = [started(&mut rate, end, 1), started(&mut rate, end, 1)];
    assert_eq!(ready(&rate, 0), not_before(end));
}

#[test]
fn it_explains_itself_and_rests_when_nothing_counts() {
    let mut rate = window(1, 10);
    assert_eq!(rate.rest(at(0)), Readiness::Ready);
    let _token = started(&mut rate, 0, 1);
    let mut reasons = Vec::new();
    rate.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("sliding window".to_owned(), not_before(10))]);
    assert_eq!([9, 10].map(|now| rate.rest(at(now))), [not_before(10), Readiness::Ready]);
    assert!(rate.timed());
}

/// O2: against a list of all starts, which is searched anew for each ask.
#[test]
fn oracle_as_early_as_the_starts_allow_and_no_earlier() {
    for (name, also) in [("sliding window", Also::Nothing), ("sliding window, corrected", Also::Correct)] {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let expected = |now, request: &Request, readiness, starts: &[Start]| {
                if request.cost == 0 || request.cost > n {
                    return;
                }
                let fits = |time: u64| {
                    let counting = starts.iter().filter(|start| start.at + nanos > time);
                    counting.map(|start| start.cost).sum::<u64>() + u64::from(request.cost) <= u64::from(n)
                };
                let changes = starts.iter().map(|start| start.at + nanos);
                assert_eq!(readiness, first(now, changes, fits), "at {now}, {request:?}, {starts:?}");
            };
            let starts = play(&mut window(n, nanos), random, nanos / 3 + 2, also, expected);
            assert!(also == Also::Correct || most_within(nanos, &starts) <= u64::from(n));
        });
    }
}

/// O2: start[i + n] - start[i] >= window, whatever the clocks and those who undo and correct do.
#[test]
fn oracle_no_window_holds_more() {
    for (name, also) in
        [("sliding window, lagging", Also::Lag), ("sliding window, lowered", Also::LagAndLower)]
    {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let starts = play(&mut window(n, nanos), random, nanos / 2 + 2, also, |_, _, _, _| {});
            assert!(most_within(nanos, &starts) <= u64::from(n), "{starts:?}");
        });
    }
}
