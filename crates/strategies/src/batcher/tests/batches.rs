//! What goes together, and when.

use super::world::*;
use crate::batcher::WhenIdle;
use std::time::Duration;

#[test]
fn smoke() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [3, 1, 2]);
    assert_eq!((desk.calls().len(), batcher.len(), clock.armed()), (0, 3, 1));
    clock.set(10);
    run(&mut tasks);
    assert_eq!((desk.calls(), batcher.len()), (vec![vec![3, 1, 2]], 0));
    desk.answer(0, Answer::Fine);
    let results: Vec<_> = outputs(&mut tasks).into_iter().map(plain).collect();
    assert_eq!(results, [Ok(1003), Ok(1001), Ok(1002)]);
    assert_eq!((clock.armed(), clock.made()), (0, 1));
}

#[test]
fn empty() {
    let (desk, batcher, clock) = world();
    let mut flush = [Task::begun(batcher.flush())];
    outputs(&mut flush);
    drop(batcher.call(1));
    assert_eq!((desk.calls().len(), batcher.is_empty(), clock.made()), (0, true, 0));
}

#[test]
fn the_linger_counts_from_the_oldest() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [1]);
    clock.set(9);
    tasks.extend(callers(&batcher, [2]));
    run(&mut tasks);
    assert_eq!(desk.calls().len(), 0);
    clock.set(10);
    run(&mut tasks);
    assert_eq!(desk.calls(), [[1, 2]]);
}

#[test]
fn when_the_oldest_leaves_the_next_oldest_counts() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [1]);
    clock.set(5);
    tasks.extend(callers(&batcher, [2]));
    tasks[0].cancel();
    clock.set(14);
    run(&mut tasks);
    assert_eq!((desk.calls().len(), clock.armed()), (0, 1));
    clock.set(15);
    run(&mut tasks);
    assert_eq!((desk.calls(), clock.armed_most()), (vec![vec![2]], 1));
}

#[test]
fn a_full_batch_goes_at_once() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.size(2).unwrap();
    let _tasks = callers(&batcher, [1, 2, 3]);
    assert_eq!((desk.calls(), batcher.len(), clock.armed()), (vec![vec![1, 2]], 1, 0));
}

#[test]
fn without_linger_nobody_waits_for_others() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher.linger(Duration::ZERO), [1, 2, 3]);
    assert_eq!(desk.calls(), [[1]]);
    desk.answer(0, Answer::Fine);
    run(&mut tasks);
    assert_eq!((desk.calls(), clock.made()), (vec![vec![1], vec![2, 3]], 0));
}

#[test]
fn the_first_goes_at_once_when_nothing_is_in_flight() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.when_idle(WhenIdle::Send).in_flight(2).unwrap();
    let mut tasks = callers(&batcher, [1, 2, 3]);
    assert_eq!(desk.calls(), [[1]]);
    clock.set(9);
    run(&mut tasks);
    assert_eq!(desk.calls(), [[1]]);
    desk.answer(0, Answer::Fine);
    run(&mut tasks);
    assert_eq!(desk.calls(), [vec![1], vec![2, 3]]);
}

#[test]
fn weights_add_up_to_the_maximum_and_no_further() {
    let (desk, batcher, _) = world();
    let batcher = batcher.weight(10, |item| u64::from(*item)).unwrap().in_flight(9).unwrap();
    let mut tasks = callers(&batcher, [4, 6]);
    // Exactly full.
    assert_eq!(desk.calls(), [[4, 6]]);
    tasks.extend(callers(&batcher, [7, 0, 4]));
    // Too heavy with the next.
    assert_eq!((desk.calls()[1..].to_vec(), batcher.len()), (vec![vec![7, 0]], 1));
    tasks[4].cancel();
    tasks.extend(callers(&batcher, [9]));
    assert_eq!((desk.calls().len(), batcher.len()), (2, 1));
}

#[test]
fn what_is_too_heavy_alone_is_refused() {
    let (desk, batcher, _) = world();
    let batcher = batcher.weight(10, |item| u64::from(*item)).unwrap();
    let mut task = callers(&batcher, [11]);
    let error = outputs(&mut task).remove(0).unwrap_err();
    assert_eq!(error.to_string(), "it weighs 11, and a batch may weigh at most 10");
    assert!(batcher.is_empty() && desk.calls().is_empty() && error.failure().is_none());
    // Refused only since the maximum was lowered: those who wait already go alone.
    let _tasks = callers(&batcher, [8, 1]);
    let mut tasks = callers(&batcher.weight(5, |item| u64::from(*item)).unwrap(), [3]);
    run(&mut tasks);
    assert_eq!(desk.calls(), [[8]]);
}

#[test]
fn so_many_at_once_and_no_more() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.size(1).unwrap().in_flight(2).unwrap();
    let mut tasks = callers(&batcher, 0..5);
    assert_eq!((desk.calls().len(), batcher.len()), (2, 3));
    for number in [1, 0, 2, 4, 3] {
        desk.answer(number, Answer::Fine);
        run(&mut tasks);
        assert!(desk.in_flight() <= 2);
    }
    assert_eq!((desk.calls().concat(), clock.made()), ((0..5).collect(), 0));
}

#[test]
fn a_flush_sends_what_waits_and_waits_for_it() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.size(2).unwrap();
    let mut tasks = callers(&batcher, 0..5);
    let mut flush = Task::begun(batcher.flush());
    let mut later = callers(&batcher, [9]);
    for number in 0..3 {
        assert!(flush.is_running());
        desk.answer(number, Answer::Fine);
        run(&mut tasks);
        run(&mut later);
    }
    // The last of them took along one that came later.
    assert_eq!(desk.calls(), [[0, 1], [2, 3], [4, 9]]);
    assert!(flush.is_woken());
    flush.poll();
    assert_eq!((flush.output(), clock.armed(), outputs(&mut tasks).len()), (Some(()), 0, 5));
    // The next lingers again.
    let _task = callers(&batcher, [10]);
    assert_eq!((desk.calls().len(), clock.armed()), (3, 1));
}

#[test]
fn a_flush_need_not_wait_for_what_was_taken_out() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher.clone().size(1).unwrap(), [1, 2]);
    let mut flush = Task::begun(batcher.flush());
    tasks[1].cancel();
    desk.answer(0, Answer::Fine);
    flush.poll();
    assert_eq!((flush.output(), desk.calls()), (Some(()), vec![vec![1]]));
    // Nor when that was the only one, and nothing else happens.
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher.clone().size(1).unwrap().weight(9, |_| 9).unwrap(), [1, 2]);
    desk.answer(0, Answer::Fine);
    tasks[0].poll();
    let mut flush = Task::begun(batcher.flush());
    desk.answer(1, Answer::Fine);
    tasks[1].cancel();
    assert!(flush.is_woken());
    flush.poll();
    assert_eq!((flush.output(), desk.in_flight()), (Some(()), 0));
}

#[test]
fn a_dropped_flush_loses_nothing() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher, [1]);
    let mut flush = Task::begun(batcher.flush());
    flush.cancel();
    desk.answer(0, Answer::Fine);
    assert_eq!(plain(outputs(&mut tasks).remove(0)), Ok(1001));
}

#[test]
fn a_caller_is_polled_a_few_times_and_not_for_all_others() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, 0..1000);
    for number in 0..10 {
        for _ in 0..3 {
            desk.disturb(number);
            run(&mut tasks);
        }
        desk.answer(number, Answer::Fine);
        run(&mut tasks);
    }
    let polls: Vec<usize> = tasks.iter().map(|task| task.polls).collect();
    assert!(tasks.iter().all(|task| !task.is_running()));
    // 100 of a batch, each polled for four wakes of the handler, plus the first poll and the last. The oldest that
    // waits hears of the batch before it, too.
    assert!(polls.iter().all(|polls| *polls <= 11), "{polls:?}");
    assert!(polls.iter().sum::<usize>() <= 6 * 1000 + 10 * 5, "{}", polls.iter().sum::<usize>());
    // Of the first, until its batch was full.
    assert_eq!(clock.made(), 1);
}
