use super::*;
use crate::laws;
use std::collections::VecDeque;
use std::time::Duration;

const BAD: Sample = Sample { failed: true, slow: false };

#[test]
fn a_cleared_window_is_like_a_new_one() {
    let mut count = CountWindow::new(3);
    let mut time = TimeWindow::new(Duration::from_nanos(100));
    for now in [5, 17, 50, 400] {
        let _ = count.add(BAD, true);
        let _ = time.add(Time::from_nanos(now), BAD);
    }
    count.clear();
    time.clear();
    assert_eq!(count, CountWindow::new(3));
    assert_eq!(time, TimeWindow::new(Duration::from_nanos(100)));
}

#[test]
fn a_clock_that_goes_back_stands_still_for_a_window() {
    let mut window = TimeWindow::new(Duration::from_nanos(100));
    let _ = window.add(Time::from_nanos(95), BAD);
    assert_eq!(window.add(Time::from_nanos(3), BAD).results, 2);
    assert_eq!(window.add(Time::from_nanos(189), BAD).results, 3);
    assert_eq!(window.add(Time::from_nanos(190), BAD).results, 2, "both left with their slot");
}

/// Against the list of the last results.
#[test]
fn oracle_count_windows_know_the_last_results() {
    laws::oracle("breaker, count window", |random| {
        let size = if random.bool() { random.u32(1..6) } else { random.u32(1..200) };
        let (mut window, mut last) = (CountWindow::new(size), VecDeque::new());
        // In some, most words of bits are never touched.
        let share = if random.bool() { 0.5 } else { 0.01 };
        for _ in 0..random.usize(..1_000) {
            let sample = Sample { failed: random.f64() < share, slow: random.f64() < share };
            last.push_back(sample);
            if last.len() > size as usize {
                last.pop_front();
            }
            assert_eq!(window.add(sample, true), tally(last.iter()));
        }
    });
}

/// Against the list of all results and when they came.
#[test]
fn oracle_time_windows_know_the_results_of_their_slots() {
    laws::oracle("breaker, time window", |random| {
        let length = random.u64(1..400);
        let width = length.div_ceil(10);
        let mut window = TimeWindow::new(Duration::from_nanos(length));
        let (mut now, mut all) = (0_u64, Vec::new());
        for _ in 0..300 {
            now = match random.u8(..20) {
                0 => now.saturating_sub(random.u64(..length)),
                1 => now + random.u64(..3 * length),
                _ => now + random.u64(..=width),
            };
            let sample = Sample { failed: random.bool(), slow: random.bool() };
            let latest = all.last().map_or(0, |(time, _)| *time);
            all.push((now.max(latest), sample));
            let counts = |time: u64| time / width + 10 > now.max(latest) / width;
            let held = all.iter().filter(|(time, _)| counts(*time)).map(|(_, sample)| sample);
            assert_eq!(window.add(Time::from_nanos(now), sample), tally(held));
            // What is younger than nine tenths is in, what is as old as the whole is not.
            for (time, _) in &all {
                let age = now.max(latest) - time;
                assert!(counts(*time) || age > 9 * width);
                assert!(!counts(*time) || age < 10 * width);
            }
        }
    });
}

fn tally<'a>(samples: impl Iterator<Item = &'a Sample>) -> BreakerTally {
    samples.fold(BreakerTally::default(), |sum, sample| BreakerTally {
        results: sum.results + 1,
        failures: sum.failures + u64::from(sample.failed),
        slow: sum.slow + u64::from(sample.slow),
    })
}
