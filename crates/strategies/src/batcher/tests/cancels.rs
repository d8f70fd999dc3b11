//! One caller is cancelled, at every poll point of a fixed program, and nobody else notices.

use super::world::*;
use crate::batcher::{Failure, Repeat};
use regatta_core::{Backoff, TaskError};
use std::sync::Arc;
use std::time::Duration;

/// Runs five callers and a flush through batches of two, until the poll with number `last`. Then `cancelled` goes, and
/// the others must come to their end. `None` if the program was over before.
fn program(policy: usize, last: usize, cancelled: usize) -> Option<()> {
    let (desk, batcher, clock) = world();
    let refused = || Repeat::unambiguous(|error: &&str| *error == "refused");
    let failure = match policy {
        0 => Failure::All,
        1 => Failure::Bisect(refused()),
        2 => Failure::OneByOne(refused()),
        _ => Failure::retry(Backoff::constant(Duration::from_nanos(7)).times(1), refused()),
    };
    let batcher = batcher.size(2).unwrap().on_failure(failure);
    let mut tasks: Vec<_> = (0..5).map(|item| Task::new(batcher.call(item))).collect();
    let mut flush = Task::new(batcher.flush());
    let mut polls = 0;
    let mut reached = false;
    loop {
        if polls == last {
            reached = true;
            match tasks.get_mut(cancelled) {
                Some(task) => task.cancel(),
                None => flush.cancel(),
            }
        }
        polls += 1;
        assert!(clock.armed() <= 1 && desk.in_flight() <= 1);
        if let Some(task) = tasks.iter_mut().find(|task| task.is_woken()) {
            task.poll();
        } else if flush.is_woken() {
            flush.poll();
        } else if let Some(open) = desk.open().first() {
            // The first is woken for nothing, once.
            if polls % 3 == 0 {
                desk.disturb(*open);
            }
            let poison = desk.calls()[*open].contains(&2);
            desk.answer(*open, if poison { Answer::Fail("refused") } else { Answer::Fine });
        } else if !clock.jump() {
            break;
        }
    }
    for (item, task) in (0..).zip(&mut tasks) {
        let result = task.output().map(plain);
        let whole_batch = policy == 0 || policy == 3;
        match result {
            Some(Ok(result)) => assert!(result == item + 1000 && item != 2),
            Some(Err(error)) => assert!(error == "refused" && (item == 2 || whole_batch)),
            None => assert!(reached && item as usize == cancelled, "{item} has no result"),
        }
    }
    assert!(flush.output().is_some() || (reached && cancelled == 5));
    assert_eq!((batcher.len(), desk.in_flight(), clock.armed()), (0, 0, 0));
    reached.then_some(())
}

#[test]
fn a_cancel_at_any_poll_leaves_the_others_alone() {
    for policy in 0..4 {
        for cancelled in 0..6 {
            let mut last = 0;
            while program(policy, last, cancelled).is_some() {
                last += 1;
            }
            assert!(last > 15, "the program is longer than that: {last}");
        }
    }
}

#[test]
fn a_cancel_between_two_attempts_leaves_the_retry() {
    let (desk, batcher, clock) = world();
    let rule = regatta_core::retry_fn(|attempts, _: &TaskError<&'static str>| {
        (attempts < 3).then_some(Duration::from_nanos(5))
    });
    let batcher = batcher.size(2).unwrap().on_failure(Failure::retry(rule, Repeat::Idempotent));
    let mut tasks = callers(&batcher.clock(Arc::new(clock.clone())), [1, 2]);
    desk.answer(0, Answer::Fail("busy"));
    run(&mut tasks);
    clock.jump();
    // Both were woken by the timer; one goes, the other makes the second attempt.
    tasks[0].cancel();
    run(&mut tasks);
    desk.answer(1, Answer::Fine);
    run(&mut tasks);
    assert_eq!((tasks[1].output().map(plain), desk.calls()), (Some(Ok(1002)), vec![vec![1, 2], vec![1, 2]]));
}
