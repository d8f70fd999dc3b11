//! What a wait costs in polls and timers, and when it is over for want of time.

use super::world::*;
use crate::*;
use std::sync::Arc;

#[test]
fn a_hundred_waiters_arm_one_timer() {
    let (limiter, clock) = limiter(Rate::new(10));
    let mut tasks = queue(&limiter, 100);
    for time in 0..100 {
        let admitted: Vec<_> = tasks.iter_mut().filter_map(|task| task.run().output()).collect();
        assert_eq!(admitted.len(), 1, "one at {time}");
        tasks.retain(Task::is_running);
        assert_eq!(clock.armed(), usize::from(time < 99));
        assert_eq!(clock.jump(), time < 99);
        assert!(time == 99 || clock.now() == at(10 * (time + 1)));
    }
    assert_eq!((clock.armed_most(), clock.armed()), (1, 0));
}

/// The next head has to watch the clock instead.
#[test]
fn a_head_that_leaves_hands_its_timer_on() {
    let (limiter, clock) = limiter(Rate::new(10));
    drop(limiter.try_acquire().unwrap());
    let mut tasks = queue(&limiter, 3);
    tasks.remove(0).cancel();
    assert!(tasks[0].is_woken() && !tasks[1].is_woken());
    assert!(tasks[0].waits());
    assert_eq!(clock.armed(), 1);
    clock.jump();
    drop(tasks[0].permit());
    assert_eq!(clock.now(), at(10));
}

#[test]
fn ten_thousand_waiters_cost_a_constant_number_of_polls_each() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 10_000);
    for index in 0..tasks.len() {
        drop(permit);
        assert!(tasks.get(index + 1).is_none_or(|next| !next.is_woken()));
        permit = tasks[index].permit();
    }
    assert!(tasks.iter().all(|task| (task.polls, task.wakes()) == (2, 1)));
}

/// To be told the time, to see it come: two more polls than the first.
#[test]
fn waiters_on_a_rate_cost_a_constant_number_of_polls_each() {
    let (limiter, clock) = limiter(Rate::new(10));
    let mut tasks = queue(&limiter, 1_000);
    while tasks.iter().any(Task::is_running) {
        tasks.iter_mut().for_each(|task| {
            task.run();
        });
        clock.jump();
    }
    assert!(tasks.iter().all(|task| task.polls <= 3 && task.wakes() <= 2));
}

#[test]
fn a_task_that_is_polled_again_unasked_keeps_its_place_and_its_timer() {
    let (limiter, clock) = limiter(Rate::new(10));
    drop(limiter.try_acquire().unwrap());
    let mut tasks = queue(&limiter, 2);
    for _ in 0..50 {
        tasks.iter_mut().for_each(Task::poll);
    }
    assert_eq!((clock.armed(), counts(&limiter)), (1, (0, 2)));
    assert!(tasks.iter().all(|task| task.wakes() == 0));
    clock.jump();
    drop(tasks[0].permit());
}

/// As `select!` and `FuturesUnordered` do: the latest waker counts.
#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut acquire = Box::pin(limiter.acquire());
    let flags = [Arc::new(Flag::default()), Arc::new(Flag::default())];
    for flag in &flags {
        let waker = std::task::Waker::from(flag.clone());
        assert!(acquire.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&flags[0]), 1, "the old waker is dropped");
    drop(permit);
    assert_eq!(flags.map(|flag| flag.wakes()), [0, 1]);
}

#[test]
fn a_deadline_that_can_not_be_met_is_refused_at_once() {
    let (limiter, clock) = limiter(Rate::new(10));
    drop(limiter.try_acquire().unwrap());
    assert_eq!(Task::begun(limiter.acquire_by(at(9))).refusal(), Rejection::TooLate);
    let mut met = Task::begun(limiter.acquire_by(at(10)));
    assert!(met.waits());
    assert_eq!(
        Task::begun(limiter.acquire_by(at(9))).refusal(),
        Rejection::TooLate,
        "the line makes it no earlier"
    );
    clock.jump();
    drop(met.permit());
    assert_eq!(clock.now(), at(10));
}

#[test]
fn it_is_too_late_at_the_deadline() {
    let (limiter, clock) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut tasks = [Task::begun(limiter.acquire_by(at(5))), Task::begun(limiter.acquire())];
    clock.set(4);
    assert!(tasks.iter_mut().all(Task::waits));
    clock.set(5);
    assert_eq!(tasks[0].refusal(), Rejection::TooLate);
    assert_eq!((counts(&limiter), clock.armed()), ((1, 1), 0));
    drop(permit);
    drop(tasks[1].permit());
}

/// It knows only when it is the head how late it will be.
#[test]
fn a_head_whose_turn_comes_too_late_is_refused_when_that_is_known() {
    let (limiter, clock) = limiter(Rate::new(10));
    drop(limiter.try_acquire().unwrap());
    let mut first = Task::begun(limiter.acquire());
    let mut late = Task::begun(limiter.acquire_by(at(15)));
    let mut last = Task::begun(limiter.acquire());
    clock.set(10);
    drop(first.permit());
    assert_eq!(late.refusal(), Rejection::TooLate);
    assert!(last.waits());
    clock.jump();
    drop(last.permit());
    assert_eq!(clock.now(), at(20));
}

#[test]
fn a_grant_beats_the_deadline() {
    let (limiter, clock) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut task = Task::begun(limiter.acquire_by(at(5)));
    drop(permit);
    clock.set(6);
    drop(task.permit());
    assert!(Task::begun(limiter.acquire_by(at(5))).run().output().unwrap().is_ok(), "no wait, no deadline");
}

/// As in `select!`, which may keep a future that has ended.
#[test]
fn an_acquire_that_has_ended_keeps_no_timer() {
    let (limiter, clock) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut acquire = Box::pin(limiter.acquire_by(at(9)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(acquire.as_mut().poll(&mut context).is_pending());
    assert_eq!(clock.armed(), 1);
    drop(permit);
    assert!(acquire.as_mut().poll(&mut context).is_ready());
    assert_eq!(clock.armed(), 0);
}
