//! Batches that fail: who is to blame, and what is handed over again.

use super::world::*;
use crate::batcher::{Failure, Repeat};
use crate::{BatchError, Batcher, RetryBudget, RetryExt};
use regatta_core::{Backoff, TaskError, Time, retry_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

fn clear() -> Repeat<&'static str> {
    Repeat::unambiguous(|error| *error == "refused")
}

#[test]
fn a_failure_is_shared_by_its_batch_alone() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher.size(2).unwrap().in_flight(2).unwrap(), [1, 2, 3, 4]);
    desk.answer(0, Answer::Fail("down"));
    desk.answer(1, Answer::Fine);
    let results = outputs(&mut tasks);
    let (Err(BatchError::Failed(one)), Err(BatchError::Failed(two))) = (&results[0], &results[1]) else {
        panic!("{results:?}")
    };
    assert!(Arc::ptr_eq(one, two));
    assert_eq!(results[0].as_ref().unwrap_err().failure(), Some(&"down"));
    assert!(results[2].is_ok() && results[3].is_ok());
}

#[test]
fn panics_inside() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(2).unwrap().on_failure(Failure::Bisect(clear()));
    let mut tasks = callers(&batcher, [1, 2]);
    desk.answer(0, Answer::Panic);
    for result in outputs(&mut tasks) {
        assert_eq!(plain(result), Err("panicked: a bug in the handler".into()));
    }
    // A panic says nothing of what took effect.
    assert_eq!(desk.calls().len(), 1);
    let mut tasks = callers(&batcher, [3, 4]);
    desk.answer(1, Answer::Fine);
    assert!(outputs(&mut tasks).iter().all(Result::is_ok));
}

#[test]
fn a_wrong_count_names_both_counts_and_is_never_repeated() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(2).unwrap().on_failure(Failure::Bisect(Repeat::Idempotent));
    let mut tasks = callers(&batcher, [1, 2]);
    desk.answer(0, Answer::TooMany(3));
    for result in outputs(&mut tasks) {
        assert_eq!(plain(result), Err("the handler was given 2 items and gave 5 results".into()));
    }
    assert_eq!(desk.calls().len(), 1);
    let none = Batcher::per_item(async |_: Vec<u8>| Vec::<Result<u8, u8>>::new());
    let mut task = [Task::new(none.size(1).unwrap().call(1))];
    assert!(matches!(outputs(&mut task)[0], Err(BatchError::WrongCount { sent: 1, got: 0 })));
}

#[test]
fn per_item_results_are_each_callers_own() {
    let batcher = Batcher::per_item(async |items: Vec<u32>| {
        items.into_iter().map(|item| if item % 2 == 0 { Ok(item) } else { Err(item) }).collect()
    });
    let batcher = batcher.size(3).unwrap().linger(Duration::MAX);
    let mut tasks: Vec<_> = [1, 2, 3].map(|item| Task::begun(batcher.call(item))).into();
    let results: Vec<_> =
        outputs(&mut tasks).into_iter().map(|result| result.map_err(|e| e.failure().copied())).collect();
    assert_eq!(results, [Err(Some(1)), Ok(2), Err(Some(3))]);
}

#[test]
fn bisecting_fails_the_poison_alone() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(8).unwrap().on_failure(Failure::Bisect(clear()));
    let mut tasks = callers(&batcher, 0..8);
    while let Some(open) = desk.open().first().copied() {
        let poison = desk.calls()[open].contains(&5);
        desk.answer(open, if poison { Answer::Fail("refused") } else { Answer::Fine });
        run(&mut tasks);
        assert!(desk.in_flight() <= 1);
    }
    let results = outputs(&mut tasks);
    let failed: Vec<usize> = (0..8).filter(|item| results[*item].is_err()).collect();
    assert_eq!(failed, [5]);
    let calls: Vec<Vec<u32>> = [0..8, 0..4, 4..8, 4..6, 4..5, 5..6, 6..8].map(Vec::from_iter).into();
    assert_eq!(desk.calls(), calls);
}

#[test]
fn bisecting_keeps_within_its_calls() {
    // All poison sets of up to 9 items, and some of up to 100.
    let mut sets: Vec<(u32, Vec<u32>)> = Vec::new();
    for size in 1..=9 {
        sets.extend((0..1u32 << size).map(|set| (size, (0..size).filter(|i| set >> i & 1 == 1).collect())));
    }
    for size in [10, 33, 64, 100] {
        sets.extend([1, 2, 3, 7].map(|step| (size, (0..size).step_by(step * 5).collect())));
    }
    for (size, poison) in sets {
        let calls = Arc::new(Mutex::new(0));
        let (count, bad) = (calls.clone(), poison.clone());
        let batcher = Batcher::new(async move |items: Vec<u32>| {
            *count.lock().unwrap() += 1;
            if items.iter().any(|item| bad.contains(item)) { Err("refused") } else { Ok(items) }
        });
        let batcher =
            batcher.size(size as usize).unwrap().linger(Duration::MAX).on_failure(Failure::Bisect(clear()));
        let mut tasks: Vec<_> = (0..size).map(|item| Task::begun(batcher.call(item))).collect();
        let failed: Vec<u32> = (0..)
            .zip(outputs(&mut tasks))
            .filter(|(_, result)| result.is_err())
            .map(|(item, _)| item)
            .collect();
        assert_eq!(failed, poison);
        let bound = 1 + 2 * poison.len() as u32 * size.next_power_of_two().ilog2();
        let calls = *calls.lock().unwrap();
        assert!(calls <= bound.min(2 * size - 1).max(1), "{calls} calls for {poison:?} of {size}");
    }
}

#[test]
fn nothing_is_bisected_after_an_ambiguous_failure() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(4).unwrap().on_failure(Failure::Bisect(clear()));
    let mut tasks = callers(&batcher, 0..4);
    desk.answer(0, Answer::Fail("refused"));
    run(&mut tasks);
    // Nobody knows whether it wrote the first two.
    desk.answer(1, Answer::Fail("timed out"));
    run(&mut tasks);
    desk.answer(2, Answer::Fine);
    let results: Vec<_> = outputs(&mut tasks).into_iter().map(plain).collect();
    let lost = || Err("timed out".to_owned());
    assert_eq!(results, [lost(), lost(), Ok(1002), Ok(1003)]);
    assert_eq!(desk.calls(), [vec![0, 1, 2, 3], vec![0, 1], vec![2, 3]]);
}

#[test]
fn what_may_be_done_twice_is_bisected_after_any_failure() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(2).unwrap().on_failure(Failure::Bisect(Repeat::Idempotent));
    let mut tasks = callers(&batcher, 0..2);
    desk.answer(0, Answer::Panic);
    run(&mut tasks);
    desk.answer(1, Answer::Fail("timed out"));
    run(&mut tasks);
    desk.answer(2, Answer::Fine);
    let results: Vec<_> = outputs(&mut tasks).into_iter().map(plain).collect();
    assert_eq!(results, [Err("timed out".to_owned()), Ok(1001)]);
}

#[test]
fn one_by_one_each_has_one_more_chance() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(3).unwrap().on_failure(Failure::OneByOne(clear()));
    let mut tasks = callers(&batcher, 0..3);
    for answer in [Answer::Fail("refused"), Answer::Fine, Answer::Fail("refused"), Answer::Fine] {
        desk.answer(desk.open()[0], answer);
        run(&mut tasks);
    }
    let failed: Vec<_> = outputs(&mut tasks).iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false]);
    assert_eq!(desk.calls(), [vec![0, 1, 2], vec![0], vec![1], vec![2]]);
}

#[test]
fn a_retry_waits_on_the_one_timer_and_holds_no_place() {
    let (desk, batcher, clock) = world();
    let rule = Backoff::constant(Duration::from_nanos(100)).times(1);
    let batcher = batcher.size(2).unwrap().on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks = callers(&batcher, [1, 2, 3, 4]);
    desk.answer(0, Answer::Fail("busy"));
    run(&mut tasks);
    // The next batch goes meanwhile.
    assert_eq!((desk.calls(), desk.in_flight()), (vec![vec![1, 2], vec![3, 4]], 1));
    clock.set(200);
    run(&mut tasks);
    // Its time has come, but there is no room.
    assert_eq!(desk.calls().len(), 2);
    desk.answer(1, Answer::Fine);
    run(&mut tasks);
    assert_eq!(desk.calls()[2], [1, 2]);
    desk.answer(2, Answer::Fail("busy again"));
    let results: Vec<_> = outputs(&mut tasks).into_iter().map(plain).collect();
    let busy = || Err("busy again".to_owned());
    assert_eq!(results, [busy(), busy(), Ok(1003), Ok(1004)]);
    assert!(clock.armed_most() <= 1);
}

#[test]
fn a_retry_alone_is_woken_by_its_timer() {
    let (desk, batcher, clock) = world();
    let rule = Backoff::constant(Duration::from_nanos(100)).times(1);
    let batcher = batcher.size(2).unwrap().on_failure(Failure::retry(rule, clear()));
    let mut tasks = callers(&batcher, [1, 2]);
    desk.answer(0, Answer::Fail("refused"));
    run(&mut tasks);
    // Whoever armed it goes.
    tasks[0].cancel();
    assert_eq!((desk.in_flight(), clock.armed()), (0, 1));
    clock.jump();
    run(&mut tasks);
    // What was sent stays in its batch.
    assert_eq!((desk.calls(), clock.now()), (vec![vec![1, 2], vec![1, 2]], 100));
    // Ambiguous, whatever the rule says.
    desk.answer(1, Answer::Fail("timed out"));
    run(&mut tasks);
    assert_eq!(tasks[1].output().map(plain), Some(Err("timed out".into())));
}

#[test]
fn each_batch_begins_the_rule_anew() {
    let (desk, batcher, clock) = world();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let rule = retry_fn(move |attempts, failure: &TaskError<&'static str>| {
        log.lock().unwrap().push((attempts, failure.failure().copied()));
        (attempts < 3).then_some(Duration::ZERO)
    });
    let batcher = batcher.size(1).unwrap().on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks = callers(&batcher, [1, 2]);
    for answer in [Answer::Fail("a"), Answer::Panic, Answer::Fine, Answer::Fail("b"), Answer::Fine] {
        desk.answer(desk.open()[0], answer);
        run(&mut tasks);
    }
    assert!(outputs(&mut tasks).iter().all(Result::is_ok));
    assert_eq!(*asked.lock().unwrap(), [(1, Some("a")), (2, None), (1, Some("b"))]);
    assert_eq!(clock.made(), 0);
}

#[test]
fn of_per_item_results_only_the_failed_are_handed_over_again() {
    for policy in 0..3 {
        let clock = Manual::default();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = calls.clone();
        // Odd numbers fail at first, and 3 always.
        let batcher = Batcher::per_item(async move |items: Vec<u32>| {
            log.lock().unwrap().push(items.clone());
            let first = log.lock().unwrap().len() == 1;
            let fine = |item: u32| item.is_multiple_of(2) || (!first && item != 3);
            items.into_iter().map(|item| if fine(item) { Ok(item) } else { Err("refused") }).collect()
        });
        let rule = Backoff::constant(Duration::from_nanos(5)).times(2);
        let failure = match policy {
            0 => Failure::retry(rule, clear()),
            1 => Failure::OneByOne(clear()),
            _ => Failure::Bisect(clear()),
        };
        let batcher = batcher.size(4).unwrap().on_failure(failure).clock(Arc::new(clock.clone()));
        let mut tasks: Vec<_> = [1, 2, 3, 5].map(|item| Task::begun(batcher.call(item))).into();
        run(&mut tasks);
        while clock.jump() {
            run(&mut tasks);
        }
        let failed: Vec<bool> = outputs(&mut tasks).iter().map(Result::is_err).collect();
        let calls = calls.lock().unwrap().clone();
        let (expected_failed, expected): (_, &[&[u32]]) = match policy {
            0 => ([false, false, true, false], &[&[1, 2, 3, 5], &[1, 3, 5], &[3]]),
            1 => ([false, false, true, false], &[&[1, 2, 3, 5], &[1], &[3], &[5]]),
            _ => ([true, false, true, true], &[&[1, 2, 3, 5]]),
        };
        assert_eq!((failed, calls), (expected_failed.into(), expected.iter().map(|c| c.to_vec()).collect()));
    }
}

#[test]
fn a_retry_that_waited_for_room_began_after_its_deadline() {
    let (desk, batcher, clock) = world();
    let budget = RetryBudget::new(0.0).unwrap().reserve(1);
    let rule = Backoff::constant(nanos(100)).within(nanos(150)).budget(&budget);
    let batcher = batcher.size(2).unwrap().on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks = callers(&batcher, [1, 2, 3, 4]);
    desk.answer(0, Answer::Fail("busy"));
    run(&mut tasks);
    assert_eq!((desk.calls().len(), budget.balance()), (2, 0));
    // The other batch keeps the only place for too long.
    clock.set(150);
    desk.answer(1, Answer::Fine);
    let results: Vec<_> = outputs(&mut tasks).into_iter().map(plain).collect();
    let busy = || Err("busy".to_owned());
    assert_eq!(results, [busy(), busy(), Ok(1003), Ok(1004)]);
    // What was not tried again took nothing from the budget.
    assert_eq!((desk.calls().len(), budget.balance()), (2, 1));
}

#[test]
fn what_is_late_for_its_retry_has_each_its_own_error() {
    let clock = Manual::default();
    let time = clock.clone();
    let batcher = Batcher::per_item(async move |items: Vec<u32>| {
        time.advance(1);
        items.into_iter().map(|item| if item == 2 { Ok(item) } else { Err(item) }).collect()
    });
    let rule = Backoff::constant(nanos(100)).until(Time::from_nanos(150));
    let batcher = batcher
        .size(3)
        .unwrap()
        .on_failure(Failure::retry(rule, Repeat::Idempotent))
        .clock(Arc::new(clock.clone()));
    let mut tasks: Vec<_> = [1, 2, 3].map(|item| Task::begun(batcher.call(item))).into();
    run(&mut tasks);
    // Everybody was busy elsewhere.
    clock.set(150);
    let results: Vec<_> =
        outputs(&mut tasks).iter().map(|r| r.as_ref().map_err(|e| *e.failure().unwrap()).copied()).collect();
    assert_eq!((results, clock.now()), (vec![Err(1), Ok(2), Err(3)], 150), "it was called once");
}

#[test]
fn a_batch_that_was_tried_again_at_once_left_no_turn_to_the_next() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        if items[0] == 1 {
            return Err("down");
        }
        // Not at the first poll.
        let mut first = true;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        count.fetch_add(1, Ordering::Relaxed);
        Ok(items)
    });
    let rule = Backoff::constant(Duration::ZERO).forever();
    let batcher = batcher.size(1).unwrap().in_flight(2).unwrap();
    let batcher = batcher.on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks = [Task::new(batcher.call(1)), Task::new(batcher.call(2))];
    for _ in 0..10 {
        tasks.iter_mut().for_each(Task::poll);
    }
    assert_eq!((done.load(Ordering::Relaxed), tasks[1].output().and_then(Result::ok)), (1, Some(2)));
}
