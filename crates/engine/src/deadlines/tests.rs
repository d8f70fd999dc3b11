use super::*;

fn entry(at: u64, slot: u32) -> Entry {
    Entry { at: Time::from_nanos(at), slot, tenancy: 0 }
}

#[test]
fn due_entries_come_out_in_order_and_dead_ones_never() {
    let mut deadlines = Deadlines::default();
    for (at, slot) in [(30, 0), (10, 1), (20, 2), (40, 3)] {
        deadlines.push(entry(at, slot), |_| true);
    }
    deadlines.forget();
    let live = |e: &Entry| e.slot != 2;
    assert_eq!(deadlines.earliest(live), Some(Time::from_nanos(10)));
    let mut due = Vec::new();
    while let Some(entry) = deadlines.pop_due(Time::from_nanos(30), live) {
        due.push(entry.slot);
    }
    assert_eq!(due, [1, 0]);
    assert_eq!(deadlines.earliest(live), Some(Time::from_nanos(40)));
}

#[test]
fn a_million_tasks_that_end_early_leave_no_heap_behind() {
    let mut deadlines = Deadlines::default();
    let mut most = 0;
    for n in 0..1_000_000_u64 {
        deadlines.push(entry(n, 0), |e| e.at.as_nanos() + 8 >= n);
        if n >= 8 {
            deadlines.forget();
        }
        most = most.max(deadlines.entries());
    }
    assert!(most <= SMALL + 2 * 8 + 2, "{most} entries for 8 running tasks");
}

#[test]
fn cleaning_up_keeps_the_live_ones() {
    let mut deadlines = Deadlines::default();
    // The odd ones come in order, the even ones come earlier than the last of them.
    for slot in 0..10 {
        let at = if slot % 2 == 1 { 1_000 + u64::from(slot) } else { 1_000 - u64::from(slot) };
        deadlines.push(entry(at, slot), |_| true);
    }
    let live = |entry: &Entry| entry.slot < 10;
    for n in 0..1_000 {
        let at = if n % 2 == 0 { 2_000 + n } else { 500 };
        deadlines.push(entry(at, 10), live);
        deadlines.forget();
    }
    assert!(deadlines.entries() <= SMALL + 2 * 10 + 2, "{} entries for 10 live ones", deadlines.entries());
    let due: Vec<_> =
        std::iter::from_fn(|| deadlines.pop_due(Time::MAX, live)).map(|entry| entry.slot).collect();
    assert_eq!(due, [8, 6, 4, 2, 0, 1, 3, 5, 7, 9]);
}
