use super::*;
use crate::laws::{self, Bound};

const GAP: u64 = 10;

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn spacing(measure: Measure) -> Spacing {
    Spacing::new(Duration::from_nanos(GAP)).unwrap().from(measure)
}

fn ready(spacing: &Spacing, now: u64) -> Readiness {
    spacing.ready(at(now), &Request::new())
}

fn started(spacing: &mut Spacing, now: u64) -> SpacingToken {
    spacing.start(at(now), &Request::new()).expect("the gap is over")
}

#[test]
fn the_laws_hold() {
    for measure in [Measure::Start, Measure::Finish] {
        laws::hold(Bound::Exact, |random| {
            let gaps = [1, 2, random.u64(3..30), u64::MAX];
            let gap = gaps[random.usize(..gaps.len())];
            Spacing::new(Duration::from_nanos(gap)).unwrap().from(measure)
        });
    }
}

#[test]
fn smoke() {
    let mut spacing = spacing(Measure::Start);
    assert_eq!(ready(&spacing, 5), Readiness::Ready);
    let running = started(&mut spacing, 5);
    assert_eq!([14, 15].map(|now| ready(&spacing, now)), [Readiness::NotBefore(at(15)), Readiness::Ready]);
    spacing.finish(running, at(14), Outcome::Success);
    assert_eq!(ready(&spacing, 14), Readiness::NotBefore(at(15)), "only starts count");
    assert_eq!((spacing.gap(), spacing.measure()), (Duration::from_nanos(10), Measure::Start));
}

#[test]
fn from_the_finish_one_runs_at_a_time_with_a_pause_after_it() {
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Cancelled] {
        let mut spacing = spacing(Measure::Finish);
        let running = started(&mut spacing, 0);
        assert_eq!(ready(&spacing, 1_000), Readiness::OnChange);
        spacing.finish(running, at(1_000), outcome);
        assert_eq!(ready(&spacing, 1_009), Readiness::NotBefore(at(1_010)));
        let _next = started(&mut spacing, 1_010);
    }
}

#[test]
fn no_gap_is_refused() {
    let error = Spacing::new(Duration::ZERO).unwrap_err();
    assert_eq!(error, ConfigError::new("gap", "0ns", "must be longer than zero"));
}

#[test]
fn an_endless_gap_means_once() {
    let mut once = Spacing::new(Duration::MAX).unwrap();
    let _first = started(&mut once, 7);
    assert_eq!(ready(&once, u64::MAX - 1), Readiness::NotBefore(Time::MAX));
}

#[test]
fn a_clock_that_goes_backwards_admits_nothing_early() {
    let mut from_start = spacing(Measure::Start);
    let _first = started(&mut from_start, 100);
    assert_eq!(ready(&from_start, 0), Readiness::NotBefore(at(110)));

    let mut from_finish = spacing(Measure::Finish);
    let first = started(&mut from_finish, 100);
    from_finish.finish(first, at(200), Outcome::Success);
    let second = started(&mut from_finish, 210);
    from_finish.finish(second, at(50), Outcome::Success);
    assert_eq!(ready(&from_finish, 50), Readiness::NotBefore(at(210)), "the latest end counts");
}

#[test]
fn an_unused_start_gives_back_the_gap() {
    for measure in [Measure::Start, Measure::Finish] {
        let mut spacing = spacing(measure);
        let first = started(&mut spacing, 0);
        spacing.finish(first, at(0), Outcome::Success);
        let before = spacing.clone();
        let second = started(&mut spacing, 50);
        spacing.finish(second, at(70), Outcome::Unused);
        assert_eq!(spacing, before);
        let _third = started(&mut spacing, 70);
    }
}

/// Undoing the first of two starts would let a third one come too close to the second.
#[test]
fn only_the_latest_start_is_undone() {
    let mut spacing = spacing(Measure::Start);
    let first = started(&mut spacing, 0);
    let second = started(&mut spacing, 10);
    spacing.finish(first, at(12), Outcome::Unused);
    assert_eq!(ready(&spacing, 12), Readiness::NotBefore(at(20)));
    spacing.finish(second, at(12), Outcome::Unused);
    let third = started(&mut spacing, 12);
    spacing.finish(third, at(12), Outcome::Unused);
    assert_eq!(ready(&spacing, 9), Readiness::NotBefore(at(10)), "the first was undone too late and counts");
}

#[test]
fn it_explains_itself() {
    let mut spacing = spacing(Measure::Start);
    let _first = started(&mut spacing, 0);
    let mut reasons = Vec::new();
    spacing.explain(at(1), &Request::new(), &mut reasons);
    assert_eq!(reasons, [("spacing".to_owned(), Readiness::NotBefore(at(10)))]);
    assert!(spacing.timed());
}

/// O3, from start to start: the history of all starts, which are undone at once or stand.
#[test]
fn oracle_starts_keep_their_distance_and_waste_no_time() {
    laws::oracle("spacing from start", |random| {
        let gap = random.u64(1..20);
        let mut spacing = Spacing::new(Duration::from_nanos(gap)).unwrap();
        let (mut now, mut starts) = (0_u64, Vec::<u64>::new());
        for _ in 0..300 {
            now = if random.u8(..10) == 0 {
                now.saturating_sub(random.u64(..40))
            } else {
                now + random.u64(..gap)
            };
            let fits = starts.iter().all(|start| now >= start + gap);
            match spacing.start(at(now), &laws::request(random)) {
                Ok(token) => {
                    assert!(fits, "too early: {now} after {starts:?}");
                    if random.u8(..4) == 0 {
                        spacing.finish(token, at(now), Outcome::Unused);
                    } else {
                        starts.push(now);
                    }
                }
                Err(refusal) => {
                    assert!(!fits, "time was wasted at {now} after {starts:?}");
                    let earliest = at(starts.iter().max().unwrap() + gap);
                    assert_eq!(refusal, Readiness::NotBefore(earliest));
                }
            }
        }
        // Whoever comes at exactly the time that was named gets in.
        for _ in 0..20 {
            let last = *starts.iter().max().unwrap_or(&0);
            starts.push(last + gap);
            assert!(starts.len() == 1 || !ready(&spacing, last + gap - 1).is_ready());
            let _token = started(&mut spacing, last + gap);
        }
    });
}

/// O3, from start to start, with tokens that are undone in any order: early never, late perhaps.
#[test]
fn oracle_starts_that_stand_keep_their_distance_whatever_is_undone() {
    laws::oracle("spacing with undone starts", |random| {
        let gap = random.u64(1..20);
        let mut spacing = Spacing::new(Duration::from_nanos(gap)).unwrap();
        let (mut now, mut open, mut stood) = (0, Vec::new(), Vec::<u64>::new());
        for _ in 0..300 {
            now += random.u64(..gap);
            if random.bool() && !open.is_empty() {
                let (token, start) = open.swap_remove(random.usize(..open.len()));
                let outcome = laws::outcome(random);
                spacing.finish(token, at(now), outcome);
                stood.extend((outcome != Outcome::Unused).then_some(start));
            } else if let Ok(token) = spacing.start(at(now), &Request::new()) {
                open.push((token, now));
            }
            // What is open may still be undone, but now it stands.
            let standing: Vec<_> = stood.iter().chain(open.iter().map(|(_, start)| start)).collect();
            let latest = standing.iter().copied().max();
            if let Some(latest) = latest {
                assert!(!ready(&spacing, latest + gap - 1).is_ready());
            }
            let mut sorted = standing;
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= gap));
        }
    });
}

/// O3, from finish to start: one at a time, and the next exactly a gap after the latest end.
#[test]
fn oracle_pauses_keep_their_length_and_no_two_run_at_once() {
    laws::oracle("spacing from finish", |random| {
        let gap = random.u64(1..20);
        let mut spacing = Spacing::new(Duration::from_nanos(gap)).unwrap().from(Measure::Finish);
        let (mut now, mut running, mut ends) = (0_u64, None, Vec::<u64>::new());
        for _ in 0..300 {
            now = if random.u8(..10) == 0 {
                now.saturating_sub(random.u64(..40))
            } else {
                now + random.u64(..gap)
            };
            if random.bool()
                && let Some(token) = running.take()
            {
                let outcome = laws::outcome(random);
                spacing.finish(token, at(now), outcome);
                ends.extend((outcome != Outcome::Unused).then_some(now));
            }
            let paused = ends.iter().max().map(|end| end + gap).filter(|earliest| now < *earliest);
            let expected = match (&running, paused) {
                (Some(_), _) => Readiness::OnChange,
                (None, Some(earliest)) => Readiness::NotBefore(at(earliest)),
                (None, None) => Readiness::Ready,
            };
            assert_eq!(ready(&spacing, now), expected);
            if let Ok(token) = spacing.start(at(now), &laws::request(random)) {
                running = Some(token);
            }
        }
    });
}
