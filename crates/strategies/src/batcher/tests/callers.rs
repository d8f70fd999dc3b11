//! Callers that come and go: the batch belongs to none of them.

use super::world::*;
use crate::Batcher;
use crate::batcher::shared::STEPS;
use crate::batcher::{Failure, Repeat};
use regatta_core::{TaskError, retry_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

#[test]
fn whoever_polled_first_may_go_and_the_others_go_on() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher.size(3).unwrap(), [1, 2, 3]);
    // The third made the batch full, and polled it.
    tasks[2].cancel();
    desk.answer(0, Answer::Fine);
    assert!(tasks[0].is_woken() && tasks[1].is_woken());
    run(&mut tasks);
    assert_eq!(tasks[0].output().map(plain), Some(Ok(1001)));
    assert_eq!(tasks[1].output().map(plain), Some(Ok(1002)));
    assert_eq!(desk.calls(), [[1, 2, 3]]);
}

#[test]
fn one_that_was_woken_for_all_may_go_without_looking() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher.size(2).unwrap(), [1, 2, 3, 4, 5]);
    desk.answer(0, Answer::Fine);
    // Nobody has looked yet, and all who were woken go.
    tasks[0].cancel();
    tasks[1].cancel();
    tasks[2].cancel();
    run(&mut tasks);
    assert_eq!(desk.calls(), [[1, 2], [4, 5]]);
    desk.answer(1, Answer::Fine);
    run(&mut tasks);
    assert_eq!((tasks[4].output().map(plain), clock.armed()), (Some(Ok(1005)), 0));
}

#[test]
fn one_that_the_timer_woke_may_go_without_looking() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [1, 2]);
    clock.set(10);
    tasks[0].cancel();
    run(&mut tasks);
    assert_eq!((desk.calls().len(), clock.armed()), (1, 0));
}

#[test]
fn one_that_is_never_polled_again_holds_nobody_up() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.size(2).unwrap();
    let mut stuck = callers(&batcher, [1]);
    let mut tasks = callers(&batcher, [2, 3, 4]);
    desk.answer(0, Answer::Fine);
    run(&mut tasks);
    desk.answer(1, Answer::Fine);
    assert_eq!(outputs(&mut tasks).len(), 3);
    // The oldest that waits is another who isn't polled.
    stuck.extend(callers(&batcher, [5]));
    let mut tasks = callers(&batcher, [6]);
    desk.answer(2, Answer::Fine);
    assert_eq!(outputs(&mut tasks).len(), 1);
    stuck.extend(callers(&batcher, [7]));
    let mut more = callers(&batcher.size(9).unwrap(), [8]);
    clock.set(10);
    run(&mut more);
    assert_eq!(desk.calls().last(), Some(&vec![7, 8]));
    // What they were told is not lost.
    assert_eq!(plain(stuck[0].poll_once()), Ok(1001));
}

#[test]
fn a_whole_batch_that_is_never_polled_again_holds_nobody_up() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(2).unwrap();
    let _stuck = callers(&batcher, [1, 2]);
    let mut tasks = callers(&batcher, [3, 4]);
    desk.answer(0, Answer::Fine);
    run(&mut tasks);
    assert_eq!(desk.calls().len(), 2);
}

#[test]
fn a_caller_does_only_so_much_for_others_and_leaves_the_rest_to_them() {
    let gate: Arc<Mutex<Option<Waker>>> = Arc::default();
    let there = gate.clone();
    // Only the first call takes its time.
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        let mut waits = items[0] == 0;
        std::future::poll_fn(|cx| {
            if !std::mem::take(&mut waits) {
                return Poll::Ready(());
            }
            *there.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
        Ok(items)
    });
    let batcher = batcher.size(1).unwrap().linger(nanos(0));
    let mut tasks = callers(&batcher, 0..1000);
    gate.lock().unwrap().take().unwrap().wake();
    tasks[0].poll();
    let sent = 1000 - batcher.len();
    assert!(!tasks[0].is_running() && sent < 200, "{sent}");
    assert!(outputs(&mut tasks).iter().all(Result::is_ok));
}

#[test]
fn dropped_before_it_was_sent_an_item_is_taken_out() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [1, 2]);
    tasks[1].cancel();
    assert_eq!(batcher.len(), 1);
    clock.set(10);
    run(&mut tasks);
    assert_eq!(desk.calls(), [[1]]);
}

#[test]
fn dropped_midway_an_item_stays_in_its_batch() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher.size(2).unwrap(), [1, 2]);
    tasks[0].cancel();
    desk.answer(0, Answer::Fine);
    run(&mut tasks);
    assert_eq!((desk.calls(), tasks[1].output().map(plain)), (vec![vec![1, 2]], Some(Ok(1002))));
}

#[test]
fn a_batch_without_callers_goes_on_when_somebody_calls() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(1).unwrap();
    drop(callers(&batcher, [1]));
    desk.answer(0, Answer::Fine);
    assert_eq!(desk.in_flight(), 1);
    let mut tasks = callers(&batcher, [2]);
    assert_eq!((desk.in_flight(), desk.calls()), (1, vec![vec![1], vec![2]]));
    // And when its handler is woken, somebody who waits for another batch looks after it.
    let batcher = batcher.in_flight(2).unwrap();
    drop(callers(&batcher, [3]));
    desk.answer(2, Answer::Fine);
    assert!(tasks[0].is_woken());
    run(&mut tasks);
    assert_eq!(desk.in_flight(), 1);
}

#[test]
fn a_batch_without_callers_goes_on_when_somebody_flushes() {
    let (desk, batcher, _) = world();
    drop(callers(&batcher.clone().size(1).unwrap(), [1]));
    let mut flush = Task::begun(batcher.flush());
    desk.answer(0, Answer::Fine);
    assert!(flush.is_woken());
    flush.poll();
    assert_eq!((flush.output(), desk.in_flight()), (Some(()), 0));
}

#[test]
fn a_batch_without_callers_is_dropped_with_the_last_clone() {
    let (desk, batcher, _) = world();
    let task = callers(&batcher.clone().size(1).unwrap(), [1]);
    drop(batcher);
    assert_eq!(desk.in_flight(), 1);
    drop(task);
    assert_eq!(desk.in_flight(), 0);
}

#[test]
fn a_call_outlives_its_batcher() {
    let (desk, batcher, clock) = world();
    let mut tasks = callers(&batcher, [1]);
    drop(batcher);
    clock.set(10);
    run(&mut tasks);
    desk.answer(0, Answer::Fine);
    assert_eq!(plain(outputs(&mut tasks).remove(0)), Ok(1001));
}

#[test]
fn a_caller_may_move_to_another_task() {
    let (desk, batcher, _) = world();
    let call = Arc::new(Mutex::new(Some(batcher.size(1).unwrap().call(1))));
    let begun = call.clone();
    let _left = Task::begun(async move {
        let mut call = begun.lock().unwrap().take().unwrap();
        let first = std::future::poll_fn(|cx| Poll::Ready(poll(&mut call, cx))).await;
        assert!(first.is_none());
        *begun.lock().unwrap() = Some(call);
    });
    let mut moved = [Task::begun(async move {
        let call = call.lock().unwrap().take().unwrap();
        call.await
    })];
    desk.answer(0, Answer::Fine);
    assert_eq!(plain(outputs(&mut moved).remove(0)), Ok(1001));
}

fn poll<F: Future + Unpin>(future: &mut F, cx: &mut std::task::Context<'_>) -> Option<F::Output> {
    match std::pin::Pin::new(future).poll(cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn a_retry_that_came_with_the_last_step_waited_for_a_later_timer() {
    let clock = Manual::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        let call = count.fetch_add(1, Ordering::Relaxed);
        if call < STEPS { Err("down") } else { Ok(items) }
    });
    // So many attempts at once that a poll has not one step left, then a pause.
    let rule = retry_fn(|attempts, _: &TaskError<&'static str>| {
        Some(if (attempts as usize) < STEPS { nanos(0) } else { nanos(5) })
    });
    let batcher = batcher.size(2).unwrap().linger(nanos(1000)).clock(Arc::new(clock.clone()));
    let batcher = batcher.on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks: Vec<_> = (0..2).map(|item| Task::new(batcher.call(item))).collect();
    // One waits, so a timer is armed; then a second fills the batch, and goes when its poll has done enough.
    tasks[0].poll();
    assert_eq!(clock.armed(), 1);
    tasks[1].poll();
    assert_eq!(calls.load(Ordering::Relaxed), STEPS);
    tasks[1].cancel();
    tasks.truncate(1);
    run(&mut tasks);
    clock.jump();
    assert_eq!(outputs(&mut tasks).len(), 1);
    assert_eq!(clock.now(), 5);
}
