//! Limiters inside limiters: who stands in whose line, and when.

use super::world::*;
use crate::*;
use std::sync::Arc;
use std::time::Duration;

/// A limit of all, inside a limit per tenant.
#[test]
fn a_limiter_inside_a_limiter_wakes_those_outside() {
    let (all, clock) = limiter(Slots::new(1));
    let tenant = Limiter::with_clock((all.clone(), Slots::new(5)), Arc::new(clock));
    let permit = all.try_acquire().unwrap();
    let mut inner = queue(&all, 1);
    let mut outer = queue(&tenant, 2);
    assert_eq!(all.waiting(), 2, "the tenant stands in line once");
    drop(permit);
    assert!(outer.iter_mut().all(Task::waits));
    drop(inner[0].permit());
    let first = outer[0].permit();
    assert!(outer[1].waits());
    drop(first);
    drop(outer[1].permit());
    assert_eq!((counts(&all), counts(&tenant)), ((0, 0), (0, 0)));
}

#[test]
fn a_limiter_leaves_the_line_of_the_inner_one_when_nobody_waits() {
    let (all, clock) = limiter(Slots::new(1));
    let tenant = Limiter::with_clock(all.clone(), Arc::new(clock));
    let permit = all.try_acquire().unwrap();
    for close in [false, true] {
        let mut outer = queue(&tenant, 1);
        let mut inner = queue(&all, 1);
        assert_eq!(all.waiting(), 2);
        if close {
            tenant.close();
        } else {
            outer.clear();
        }
        assert_eq!(all.waiting(), 1);
        inner.clear();
    }
    drop(permit);
    assert_eq!(counts(&all), (0, 0));
}

/// The inner line's timer is told to the outer head.
#[test]
fn a_rate_inside_a_limiter_inside_a_limiter() {
    let (all, clock) = limiter(Rate::new(10));
    let tenant = Limiter::with_clock(all.clone(), Arc::new(clock.clone()));
    let mut tasks = queue(&all, 2);
    tasks.extend(queue(&tenant, 2));
    tasks.extend(queue(&all, 2));
    let mut starts = Vec::new();
    loop {
        while let Some(task) = tasks.iter_mut().find(|task| task.is_running() && task.is_woken()) {
            task.poll();
        }
        let admitted = tasks.iter_mut().filter_map(Task::output).filter(Result::is_ok).count();
        starts.extend(std::iter::repeat_n(clock.now().as_nanos(), admitted));
        if !clock.jump() {
            break;
        }
    }
    assert_eq!(starts, [0, 10, 20, 30, 40, 50]);
}

/// `most` starts in any `span` nanoseconds, as far back as it is told.
struct Window {
    most: usize,
    span: u64,
    starts: Vec<Time>,
}

impl Strategy for Window {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        match self
            .starts
            .iter()
            .rev()
            .nth(self.most - 1)
            .map(|start| *start + Duration::from_nanos(self.span))
        {
            Some(earliest) if now < earliest => Readiness::NotBefore(earliest),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.starts.push(now);
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn finish_timed(&self) -> bool {
        false
    }
}

/// The outer one doesn't look at the clock when its task ends; those who wait for the inner one start now all the same.
#[test]
fn a_finish_outside_starts_nobody_in_the_past() {
    let (all, clock) = limiter((Slots::new(1), Window { most: 2, span: 10, starts: Vec::new() }));
    let tenant = Limiter::with_clock(all.clone(), Arc::new(clock.clone()));
    let outer = tenant.try_acquire().unwrap();
    let mut inner = queue(&all, 1);
    clock.set(9);
    drop(outer);
    drop(inner[0].permit());
    assert_eq!(all.peek(|(_, window)| window.starts.clone()), [at(0), at(9)]);
}
