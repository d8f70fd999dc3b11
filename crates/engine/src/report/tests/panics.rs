//! Panics that are raised again.

use super::*;
use regatta_core::Panic;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The error of the tasks here.
type Fault = &'static str;

/// The message of a panic that is raised as a report is asked for it.
fn resumed<K, T, E>(report: Report<K, T, E>) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| drop(report.resume_panics())))
        .err()
        .map(|payload| Panic::new(payload).message().to_owned())
}

fn panicked<E>(message: &'static str) -> TaskError<E> {
    TaskError::Panicked(Panic::new(Box::new(message)))
}

#[test]
fn the_panic_that_came_first_is_resumed() {
    let mut builder = ReportBuilder::<_, (), Fault>::new();
    for key in 0..3 {
        builder.push(key).expect("the keys differ");
        builder.start(key, Time::ZERO);
    }
    builder.retry(0, Time::ZERO, panicked("an attempt"));
    builder.settle(2, Time::ZERO, Err(panicked("first")));
    builder.settle(1, Time::ZERO, Err(panicked("second")));
    builder.settle(0, Time::ZERO, Ok(()));
    let source = StopReason::Panicked(Panic::new(Box::new("the source")));
    assert_eq!(resumed(closed(builder, source)).as_deref(), Some("first"));

    let empty = || ReportBuilder::<u8, (), Fault>::new();
    let source = StopReason::Panicked(Panic::new(Box::new("the source")));
    assert_eq!(resumed(closed(empty(), source)).as_deref(), Some("the source"));
    let report = closed(empty(), StopReason::TimedOut).resume_panics();
    assert!(report.timed_out(), "it comes back as it was");
}

#[test]
fn a_value_that_panics_in_its_drop_does_not_hide_the_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a value"));
        }
    }
    let mut builder = ReportBuilder::<_, _, Fault>::new();
    for key in 0..2 {
        builder.push(key).expect("the keys differ");
    }
    builder.settle(0, Time::ZERO, Ok(Bomb));
    builder.settle(1, Time::ZERO, Err(panicked("the task")));
    assert_eq!(resumed(closed(builder, StopReason::Completed)).as_deref(), Some("the task"));
}
