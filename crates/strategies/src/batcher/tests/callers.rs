//! Callers that come and go: the batch belongs to none of them.

use super::world::*;
use std::sync::Arc;

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
    let call = Arc::new(std::sync::Mutex::new(Some(batcher.size(1).unwrap().call(1))));
    let begun = call.clone();
    let _left = Task::begun(async move {
        let mut call = begun.lock().unwrap().take().unwrap();
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(poll(&mut call, cx))).await;
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
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
