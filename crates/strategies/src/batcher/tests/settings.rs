//! What can be set, and what is refused.

use super::world::*;
use crate::batcher::{Failure, Repeat};
use regatta_core::ConfigError;

#[test]
fn zeros_are_refused() {
    let rule = "must be at least 1";
    let refused = |error: ConfigError| (error.field, error.value, error.rule);
    let (_, batcher, _) = world();
    let refusals = [
        refused(batcher.clone().size(0).unwrap_err()),
        refused(batcher.clone().weight(0, |_| 1).unwrap_err()),
        refused(batcher.clone().in_flight(0).unwrap_err()),
    ];
    assert_eq!(refusals, ["size", "weight", "in_flight"].map(|field| (field, "0".to_owned(), rule)));
}

#[test]
fn the_defaults_are_those_of_the_docs() {
    let clock = Manual::default();
    let desk = Desk::default();
    let batcher = desk.batcher().clock(std::sync::Arc::new(clock.clone()));
    let mut tasks = callers(&batcher, 0..99);
    clock.set(999_999);
    run(&mut tasks);
    assert_eq!(desk.in_flight(), 0);
    clock.set(1_000_000);
    run(&mut tasks);
    assert_eq!((desk.in_flight(), desk.calls()[0].len()), (1, 99));
    let _more = callers(&batcher, 0..200);
    assert_eq!((desk.in_flight(), batcher.len()), (1, 200));
    desk.answer(0, Answer::Fail("no"));
    outputs(&mut tasks).into_iter().for_each(|result| assert_eq!(plain(result), Err("no".into())));
    assert_eq!((desk.calls()[1].len(), desk.calls().len()), (100, 2));
}

#[test]
fn a_change_reaches_those_who_wait() {
    let (desk, batcher, _) = world();
    let mut tasks = callers(&batcher, 0..3);
    let _same = batcher.clone().size(2).unwrap();
    run(&mut tasks);
    assert_eq!(desk.calls(), [vec![0, 1]]);
    let _same = batcher.clone().in_flight(2).unwrap().linger(nanos(0));
    run(&mut tasks);
    assert_eq!(desk.calls(), [vec![0, 1], vec![2]]);
}

#[test]
fn extremes_are_fine() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.size(usize::MAX).unwrap().in_flight(usize::MAX).unwrap();
    let batcher = batcher.linger(std::time::Duration::MAX).weight(u64::MAX, |_| u64::MAX).unwrap();
    clock.set(u64::MAX - 1);
    let mut tasks = callers(&batcher, 0..3);
    assert_eq!(desk.calls(), [[0], [1], [2]]);
    desk.answer(0, Answer::Fine);
    tasks[0].poll();
    assert!(tasks[0].output().unwrap().is_ok());
    // Back in time.
    clock.set(0);
    let _task = Task::begun(batcher.call(3));
    assert_eq!((desk.calls().len(), clock.armed()), (4, 0));
}

#[test]
fn what_it_says_of_itself() {
    let (_, batcher, _) = world();
    let batcher = batcher.on_failure(Failure::Bisect(Repeat::unambiguous(|_| true)));
    let task = batcher.call(1);
    assert_eq!(format!("{task:?} {:?}", batcher.flush()), "Call(new) Flush(new)");
    let _task = Task::begun(task);
    assert_eq!(format!("{batcher:?}"), "Batcher { waiting: 1, unsettled: 0 }");
    assert_eq!(
        format!("{:?}", Failure::<u8>::OneByOne(Repeat::unambiguous(|_| true))),
        "OneByOne(Unambiguous)"
    );
}
