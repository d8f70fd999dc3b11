use super::*;
use crate::laws;
use std::collections::BTreeMap;

const STEP: Duration = Duration::from_nanos(10);

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn level(priority: i32) -> Request {
    Request::new().priority(priority)
}

/// Enqueues all, and gives their numbers in the order in which they go.
fn order(mut priority: Priority, work: &[(u64, i32)]) -> Vec<usize> {
    let mut keys: Vec<_> = work
        .iter()
        .enumerate()
        .map(|(seq, (time, urgency))| (priority.enqueued(at(*time), seq as u64, &level(*urgency)), seq))
        .collect();
    keys.sort();
    keys.into_iter().map(|(_, seq)| seq).collect()
}

#[test]
fn smoke() {
    let work = [(0, 0), (1, 5), (2, 0), (3, -5), (4, 5)];
    assert_eq!(order(Priority::strict(), &work), [1, 4, 0, 2, 3]);
    assert_eq!(order(Priority::ageing(STEP).unwrap(), &work), [1, 4, 0, 2, 3]);
    let levels = Priority::levels(&[(5, Duration::ZERO), (0, STEP)]).unwrap();
    assert_eq!(order(levels, &work), [1, 4, 0, 2, 3]);
    assert_eq!(size_of::<PriorityKey>(), 32);
}

#[test]
fn strict_work_waits_for_ever_and_ageing_work_does_not() {
    let late = 10 * STEP.as_nanos() as u64;
    let work = [(0, 0), (late - 1, 10), (late, 10), (late + 1, 10)];
    assert_eq!(order(Priority::strict(), &work), [1, 2, 3, 0]);
    assert_eq!(
        order(Priority::ageing(STEP).unwrap(), &work),
        [1, 0, 2, 3],
        "the one that was first wins the tie"
    );
}

#[test]
fn levels_between_and_beyond_those_named_count_as_the_lower_one() {
    let mut table = Priority::levels(&[(0, STEP), (10, Duration::ZERO), (-10, 3 * STEP)]).unwrap();
    let mut due = |priority| table.enqueued(at(100), 0, &level(priority)).due;
    assert_eq!([i32::MIN, -11, -10, -1].map(&mut due), [130; 4]);
    assert_eq!([0, 9].map(&mut due), [110; 2]);
    assert_eq!([10, i32::MAX].map(&mut due), [100; 2]);
}

#[test]
fn extremes_keep_their_order() {
    for step in [Duration::from_nanos(1), Duration::MAX] {
        let work = [(u64::MAX, i32::MIN), (0, i32::MIN), (0, 0), (0, i32::MAX), (0, i32::MAX)];
        assert_eq!(order(Priority::ageing(step).unwrap(), &work), [3, 4, 2, 1, 0]);
    }
    assert_eq!(order(Priority::strict(), &[(0, i32::MIN), (u64::MAX, i32::MAX)]), [1, 0]);
    let endless = Priority::levels(&[(0, Duration::MAX)]).unwrap();
    assert_eq!(order(endless, &[(u64::MAX, 0), (0, 0)]), [1, 0]);
}

#[test]
fn bad_settings_are_refused() {
    let second = Duration::from_secs(1);
    let cases = [
        (Priority::ageing(Duration::ZERO), ConfigError::new("step", "0ns", "must be longer than zero")),
        (Priority::levels(&[]), ConfigError::new("levels", "[]", "must name at least one level")),
        (
            Priority::levels(&[(3, second), (1, second), (3, second)]),
            ConfigError::new("levels", 3, "must name each level once"),
        ),
        (
            Priority::levels(&[(3, second), (1, Duration::ZERO)]),
            ConfigError::new("levels", 3, "must not allow a higher level to wait longer"),
        ),
    ];
    for (result, error) in cases {
        assert_eq!(result, Err(error));
    }
}

#[test]
fn raised_work_moves_forwards_and_keeps_its_place_among_its_equals() {
    for mut priority in [Priority::strict(), Priority::ageing(STEP).unwrap()] {
        let low = priority.enqueued(at(0), 0, &level(0));
        let before = priority.enqueued(at(0), 1, &level(3));
        let raised = priority.raised(&low, at(0), 0, &level(3));
        assert!(raised < before, "it came first");
        assert_eq!(priority.raised(&raised, at(0), 0, &level(1)), raised, "nothing is lowered");
    }
}

/// O8: the order of popping is a stable sort by time + allowance, whatever is pushed, popped and raised in between.
#[test]
fn oracle_pops_are_sorted_by_time_and_allowance() {
    laws::oracle("priority", |random| {
        let step = random.u64(1..30);
        let table = [(-1, random.u64(40..60)), (0, random.u64(20..40)), (2, random.u64(..20))];
        let kind = random.u8(..3);
        let mut priority = match kind {
            0 => Priority::strict(),
            1 => Priority::ageing(Duration::from_nanos(step)).unwrap(),
            _ => Priority::levels(&table.map(|(level, nanos)| (level, Duration::from_nanos(nanos)))).unwrap(),
        };
        let due = |time: Time, priority: i32| match kind {
            0 => -i128::from(priority),
            1 => i128::from(time.as_nanos()) - i128::from(priority) * i128::from(step),
            _ => {
                let allowance =
                    table.iter().rev().find(|(level, _)| *level <= priority).unwrap_or(&table[0]).1;
                i128::from(time.as_nanos()) + i128::from(allowance)
            }
        };
        let (mut now, mut heap) = (Time::ZERO, BTreeMap::new());
        // What waits, in the order of coming: number, time, priority.
        let mut waiting: Vec<(u64, Time, i32)> = Vec::new();
        for seq in 0..300 {
            now = laws::later(now, random);
            match random.u8(..8) {
                0..4 => {
                    let urgency = random.i32(-3..4);
                    heap.insert(priority.enqueued(now, seq, &level(urgency)), seq);
                    waiting.push((seq, now, urgency));
                }
                4 if !waiting.is_empty() => {
                    let (seq, since, urgency) = &mut waiting[random.usize(..heap.len())];
                    let (key, _) = heap.iter().find(|(_, other)| *other == seq).expect("it waits");
                    let key = *key;
                    *urgency += 1;
                    heap.remove(&key);
                    heap.insert(priority.raised(&key, *since, *seq, &level(*urgency)), *seq);
                }
                _ => {
                    // The first of the least: what a stable sort puts first.
                    let first =
                        waiting.iter().enumerate().min_by_key(|(_, (_, time, urgency))| due(*time, *urgency));
                    let expected = first.map(|(index, _)| index).map(|index| waiting.remove(index).0);
                    assert_eq!(heap.pop_first().map(|(_, seq)| seq), expected);
                }
            }
        }
    });
}

/// O8: the bound on being passed, for every pair, by a naive server that starts one at a time.
#[test]
fn oracle_nobody_is_passed_by_what_came_too_much_later() {
    laws::oracle("priority bound", |random| {
        let step = random.u64(1..20);
        let mut priority = Priority::ageing(Duration::from_nanos(step)).unwrap();
        let (mut now, mut waiting, mut started) = (0, BTreeMap::new(), Vec::new());
        for seq in 0..200_u64 {
            now += random.u64(..6);
            if random.u8(..5) < 3 {
                let urgency = random.i32(-4..5);
                waiting.insert(priority.enqueued(at(now), seq, &level(urgency)), (now, urgency, seq));
            } else if let Some((_, work)) = waiting.pop_first() {
                for (time, urgency, seq) in waiting.values() {
                    let passing = work.2 > *seq;
                    let allowed = i64::from(work.1 - urgency) * step as i64;
                    assert!(
                        !passing || ((work.0 - time) as i64) < allowed,
                        "{work:?} passed {time}, {urgency}"
                    );
                }
                started.push(work);
            }
        }
        assert!(!started.is_empty());
    });
}
