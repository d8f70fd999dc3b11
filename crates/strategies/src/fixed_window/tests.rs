use super::*;
use crate::laws::{self, Bound};
use crate::rate::tests::*;
use regatta_core::Rejection;

const ALIGNS: [Align; 2] = [Align::Origin, Align::FirstStart];

fn window(n: u32, nanos: u64) -> FixedWindow {
    FixedWindow::new(n, Duration::from_nanos(nanos)).unwrap()
}

#[test]
fn the_laws_hold() {
    for align in ALIGNS {
        laws::hold(Bound::Exact, |random| {
            let windows = [1, 2, random.u64(3..30), u64::MAX];
            window(random.u32(1..9), windows[random.usize(..windows.len())]).align(align)
        });
    }
}

#[test]
fn smoke() {
    let mut rate = window(2, 10);
    let _a = started(&mut rate, 15, 1);
    let _b = started(&mut rate, 19, 1);
    assert_eq!([19, 20].map(|now| ready(&rate, now)), [not_before(20), Readiness::Ready]);
    assert_eq!((rate.n(), rate.window(), rate.alignment()), (2, Duration::from_nanos(10), Align::Origin));
}

#[test]
fn aligned_to_the_first_start_a_window_begins_with_it() {
    let mut rate = window(2, 10).align(Align::FirstStart);
    let _a = started(&mut rate, 15, 1);
    let _b = started(&mut rate, 19, 1);
    assert_eq!([19, 24, 25].map(|now| ready(&rate, now)), [not_before(25), not_before(25), Readiness::Ready]);
    let _c = started(&mut rate, 33, 2);
    assert_eq!(ready(&rate, 33), not_before(43), "not on a grid of the first of all");
}

/// It is a true window, and its docs say so.
#[test]
fn at_an_edge_twice_as_many_start_close_together() {
    let mut rate = window(3, 10);
    let starts = saturate(&mut rate, 9, 11);
    assert_eq!(starts, 6);
}

#[test]
fn zero_is_refused_and_changes_nothing() {
    let cases = [
        (0, 5, ConfigError::new("n", 0, "must be at least 1")),
        (5, 0, ConfigError::new("window", "0ns", "must be longer than zero")),
    ];
    for (n, nanos, error) in cases {
        let window_of = Duration::from_nanos(nanos);
        assert_eq!(FixedWindow::new(n, window_of).unwrap_err(), error);
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
    let _free = started(&mut rate, 4, 0);
    assert_eq!([1, 2].map(|of| rate.ready(at(4), &cost(of))), [Readiness::Ready, not_before(10)]);
    let _light = started(&mut rate, 4, 1);
    let _another_free = started(&mut rate, 4, 0);
}

#[test]
fn a_free_start_opens_no_window() {
    let mut rate = window(1, 10).align(Align::FirstStart);
    let _free = started(&mut rate, 5, 0);
    let _first = started(&mut rate, 12, 1);
    assert_eq!(ready(&rate, 15), not_before(22));
}

#[test]
fn an_unused_start_gives_back_what_it_took_only_if_it_was_the_latest() {
    for align in ALIGNS {
        let mut rate = window(2, 10).align(align);
        let a = started(&mut rate, 0, 1);
        let before = rate.clone();
        let b = started(&mut rate, 3, 1);
        undo(&mut rate, a, 4);
        assert_eq!(ready(&rate, 4), not_before(10), "a later start stands on it");
        undo(&mut rate, b, 4);
        assert_eq!(rate, before);
        let c = started(&mut rate, 4, 1);
        let _d = started(&mut rate, 10, 1);
        undo(&mut rate, c, 11);
        assert_eq!([1, 2].map(|of| rate.ready(at(11), &cost(of))), [Readiness::Ready, not_before(20)]);
    }
}

#[test]
fn undoing_the_first_start_of_a_window_goes_back_to_the_one_before() {
    for align in ALIGNS {
        let mut rate = window(2, 10).align(align);
        let _full = started(&mut rate, 0, 2);
        let before = rate.clone();
        let token = started(&mut rate, 57, 1);
        undo(&mut rate, token, 57);
        assert_eq!(rate, before);
        assert_eq!(ready(&rate, 9), not_before(10));
    }
}

/// The window was opened by the start that is undone, but what others were found to cost in it stays.
#[test]
fn undoing_keeps_what_was_corrected_meanwhile() {
    let mut rate = window(4, 10);
    let mut first = started(&mut rate, 10, 1);
    let second = started(&mut rate, 11, 1);
    rate.reconcile(&mut first, at(12), 4);
    undo(&mut rate, second, 13);
    assert_eq!(ready(&rate, 13), not_before(20));

    let mut rate = window(4, 10);
    let _past = started(&mut rate, 0, 4);
    let mut free = started(&mut rate, 10, 0);
    let opener = started(&mut rate, 11, 1);
    rate.reconcile(&mut free, at(12), 4);
    undo(&mut rate, opener, 13);
    assert_eq!(ready(&rate, 13), not_before(20));
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
fn a_corrected_cost_counts_while_its_window_goes_on() {
    let mut rate = window(4, 10);
    let mut token = started(&mut rate, 0, 1);
    rate.reconcile(&mut token, at(1), 9);
    assert_eq!(ready(&rate, 1), not_before(10), "too much already");
    rate.reconcile(&mut token, at(1), 0);
    assert_eq!(rate.ready(at(1), &cost(4)), Readiness::Ready);
    let mut free = started(&mut rate, 12, 0);
    rate.reconcile(&mut free, at(19), 3);
    assert_eq!(rate.ready(at(19), &cost(2)), not_before(20));
    let _next = started(&mut rate, 20, 1);
    rate.reconcile(&mut free, at(21), 9);
    assert_eq!(rate.ready(at(21), &cost(3)), Readiness::Ready, "its window is over");
}

#[test]
fn a_clock_that_lags_waits_for_the_window() {
    for align in ALIGNS {
        let mut rate = window(2, 10).align(align);
        let _full = started(&mut rate, 0, 2);
        let _next = started(&mut rate, 20, 1);
        assert_eq!(ready(&rate, 9), not_before(20));
        assert_eq!(rate.ready(at(9), &cost(2)), not_before(30));
        assert_eq!(ready(&rate, 20), Readiness::Ready);
    }
}

#[test]
fn a_new_rate_counts_at_once_and_kicks() {
    let change =
        |n, nanos| move |rate: &mut FixedWindow| rate.set_rate(n, Duration::from_nanos(nanos)).unwrap();
    let mut rate = window(2, 100);
    let _a = started(&mut rate, 130, 1);
    let b = started(&mut rate, 156, 1);
    assert_eq!(kicks(&mut rate, change(3, 100)), 1);
    assert_eq!(ready(&rate, 156), Readiness::Ready);
    assert_eq!(kicks(&mut rate, change(2, 10)), 1);
    assert_eq!(
        [156, 159, 160].map(|now| ready(&rate, now)),
        [not_before(160), not_before(160), Readiness::Ready]
    );
    assert_eq!(kicks(&mut rate, change(2, 10)), 0, "only a change is news");
    undo(&mut rate, b, 157);
    assert_eq!(ready(&rate, 157), not_before(160), "what started before the change counts");

    let mut rate = window(2, 100).align(Align::FirstStart);
    let _tokens = [130, 156].map(|now| started(&mut rate, now, 1));
    rate.set_rate(2, Duration::from_nanos(10)).unwrap();
    assert_eq!([157, 166].map(|now| ready(&rate, now)), [not_before(166), Readiness::Ready]);
}

#[test]
fn at_the_end_of_time_everything_is_ready() {
    for align in ALIGNS {
        let mut rate = window(1, 10).align(align);
        let end = u64::MAX;
        let _almost = started(&mut rate, end - 1, 1);
        assert_eq!(ready(&rate, end - 1), not_before(end));
        let _tokens = [started(&mut rate, end, 1), started(&mut rate, end, 1)];
        assert_eq!(ready(&rate, 0), not_before(end));
    }
}

#[test]
fn it_explains_itself_and_rests_when_its_window_is_over() {
    let mut rate = window(1, 10);
    assert_eq!(rate.rest(at(0)), Readiness::Ready);
    let _token = started(&mut rate, 4, 1);
    let mut reasons = Vec::new();
    rate.explain(at(5), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("fixed window".to_owned(), not_before(10))]);
    assert_eq!([9, 10].map(|now| rate.rest(at(now))), [not_before(10), Readiness::Ready]);
    assert!(rate.timed());
}

/// O3: against a list of all starts: those in the window that the time lies in.
#[test]
fn oracle_each_aligned_window_admits_n_and_wastes_nothing() {
    for (name, also) in [("fixed window", Also::Nothing), ("fixed window, corrected", Also::Correct)] {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let expected = |now: u64, request: &Request, readiness, starts: &[Start]| {
                if request.cost == 0 || request.cost > n {
                    return;
                }
                let here = starts.iter().filter(|start| start.at / nanos == now / nanos);
                let used = here.map(|start| start.cost).sum::<u64>();
                let fits = used + u64::from(request.cost) <= u64::from(n);
                let expected = if fits { Readiness::Ready } else { not_before((now / nanos + 1) * nanos) };
                assert_eq!(readiness, expected, "at {now}, {request:?}, {starts:?}");
            };
            play(&mut window(n, nanos), random, nanos / 3 + 2, also, expected);
        });
    }
}

/// O3: the same for clocks that lag and costs that turn out lower: the bound holds.
#[test]
fn oracle_no_aligned_window_holds_more() {
    for (name, also) in [("fixed window, lagging", Also::Lag), ("fixed window, lowered", Also::LagAndLower)] {
        laws::oracle(name, |random| {
            let (n, nanos) = (random.u32(1..10), random.u64(1..60));
            let starts = play(&mut window(n, nanos), random, nanos / 2 + 2, also, |_, _, _, _| {});
            for window in starts.iter().map(|start| start.at / nanos) {
                let within = starts.iter().filter(|start| start.at / nanos == window);
                assert!(within.map(|start| start.cost).sum::<u64>() <= u64::from(n), "{starts:?}");
            }
        });
    }
}

/// O3: windows that begin with a start: the list is cut into them anew for each ask.
#[test]
fn oracle_windows_from_the_first_start_follow_one_another() {
    laws::oracle("fixed window from the first start", |random| {
        let (n, nanos) = (random.u32(1..10), random.u64(1..60));
        let expected = |now: u64, request: &Request, readiness, starts: &[Start]| {
            if request.cost == 0 || request.cost > n {
                return;
            }
            let (mut begin, mut used) = (0, 0);
            for start in starts {
                if used == 0 || start.at >= begin + nanos {
                    (begin, used) = (start.at, 0);
                }
                used += start.cost;
            }
            let full = used + u64::from(request.cost) > u64::from(n) && now < begin + nanos;
            let expected = if full { not_before(begin + nanos) } else { Readiness::Ready };
            assert_eq!(readiness, expected, "at {now}, {request:?}, {starts:?}");
        };
        let mut rate = window(n, nanos).align(Align::FirstStart);
        play(&mut rate, random, nanos / 3 + 2, Also::Nothing, expected);
    });
}
