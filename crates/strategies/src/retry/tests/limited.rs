use super::*;
use crate::world::{World, both};
use crate::{Concurrency, RetryBudget, RetryExt, Spacing, retry};
use regatta_core::{Limiter, Outcome, Readiness, Rejection, Request, Strategy};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Admits everything and writes down how it went.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(u32, Outcome)>>>);

impl Heard {
    fn all(&self) -> Vec<(u32, Outcome)> {
        self.0.lock().unwrap().clone()
    }
}

impl Strategy for Heard {
    type Token = u32;

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, request: &Request) -> Result<u32, Readiness> {
        Ok(request.cost)
    }

    fn finish(&mut self, cost: u32, _: Time, outcome: Outcome) {
        self.0.lock().unwrap().push((cost, outcome));
    }
}

#[test]
fn each_attempt_is_a_new_request() {
    let world = World::default();
    let limiter = Limiter::with_clock(Spacing::new(ms(100)).unwrap(), world.clock());
    let starts = RefCell::new(Vec::new());
    let answer = retry(every(10), async || {
        starts.borrow_mut().push(world.millis());
        if starts.borrow().len() < 3 { Err(Fault::Busy) } else { Ok(()) }
    });
    world.run(answer.clock(world.clock()).limited(&limiter)).unwrap();
    assert_eq!(*starts.borrow(), [0, 100, 200]);
}

#[test]
fn nothing_is_held_in_a_pause() {
    let world = World::default();
    let limiter = Limiter::with_clock(Concurrency::new(1).unwrap(), world.clock());
    let other = async {
        world.sleep(ms(1)).await;
        let permit = limiter.acquire().await.unwrap();
        assert_eq!(world.millis(), 1, "it had to wait for a pause");
        permit.complete(Outcome::Success);
    };
    let calls = Cell::new(0);
    let answer = retry(every(50), async || {
        assert_eq!(limiter.issued(), 1);
        calls.set(calls.get() + 1);
        if calls.get() < 3 { Err(Fault::Busy) } else { Ok(()) }
    });
    let answer = answer.clock(world.clock()).limited(&limiter);
    world.run(both(answer, other)).0.unwrap();
    assert_eq!((limiter.issued(), world.millis()), (0, 100));
}

#[test]
fn the_limiter_hears_how_each_attempt_went() {
    let (world, heard) = (World::default(), Heard::default());
    let limiter = Limiter::with_clock(heard.clone(), world.clock());
    let calls = Cell::new(0);
    let answer = retry(every(1), async || {
        calls.set(calls.get() + 1);
        match calls.get() {
            1 => Err(Fault::Busy),
            2 => pending().await,
            _ => Ok(()),
        }
    });
    let answer = answer.clock(world.clock()).attempt_timeout(ms(5));
    world.run(answer.limited_as(&limiter, Request::new().cost(3))).unwrap();
    assert_eq!(heard.all(), [(3, Outcome::Failure), (3, Outcome::Failure), (3, Outcome::Success)]);
}

#[test]
fn dropped_or_panicked_it_counts_as_cancelled() {
    let heard = Heard::default();
    let limiter = Limiter::new(heard.clone());
    let mut hangs = Box::pin(retry(every(1), pending::<Result<(), Fault>>).limited(&limiter));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(hangs.as_mut().poll(&mut cx).is_pending());
    drop(hangs);
    let panics = retry(every(1), async || -> Result<(), Fault> { panic!("overboard") }).limited(&limiter);
    catch_unwind(AssertUnwindSafe(|| World::default().run(panics))).unwrap_err();
    assert_eq!(heard.all(), [(1, Outcome::Cancelled), (1, Outcome::Cancelled)]);
    assert_eq!(limiter.issued(), 0);
}

#[test]
fn a_rejection_is_not_an_attempt() {
    let (world, calls) = (World::default(), Cell::new(0));
    let limiter = Limiter::with_clock(Concurrency::new(2).unwrap(), world.clock());
    let rule = regatta_core::retry_fn(|_, failure: &TaskError<Fault>| {
        assert!(matches!(failure, TaskError::Failed(_)), "asked about {failure:?}");
        Some(ms(1))
    });
    let budget = RetryBudget::new(1.0).unwrap().reserve(0);
    let costly = retry(rule.clone().budget(&budget), async || -> Result<(), Fault> { unreachable!() });
    let result = world.run(costly.limited_as(&limiter, Request::new().cost(3)));
    assert!(matches!(result, Err(TaskError::Rejected(Rejection::TooCostly { cost: 3, max: 2 }))));
    assert_eq!(budget.balance(), 0, "it never began");

    let answer = retry(rule.budget(&budget), async || {
        calls.set(calls.get() + 1);
        limiter.close();
        Err::<(), _>(Fault::Busy)
    });
    let result = world.run(answer.clock(world.clock()).limited(&limiter));
    assert!(matches!(result, Err(TaskError::Rejected(Rejection::Closed))));
    assert_eq!(calls.get(), 1);
    assert_eq!(budget.balance(), 1, "the retry that was not made is given back");
}

#[test]
fn who_waits_in_line_at_the_deadline_ends_with_the_failure_before() {
    let world = World::default();
    let limiter = Limiter::with_clock(Concurrency::new(1).unwrap(), world.clock());
    let calls = Cell::new(0);
    let taken = RefCell::new(None);
    let answer = retry(every(10).within(ms(50)), async || {
        calls.set(calls.get() + 1);
        Err::<(), _>(Fault::Busy)
    });
    let answer = answer.clock(world.clock()).limited(&limiter);
    let other = async {
        world.sleep(ms(5)).await;
        *taken.borrow_mut() = Some(limiter.acquire().await.unwrap());
    };
    let (result, ()) = world.run(both(answer, other));
    assert!(matches!(result, Err(TaskError::Failed(Fault::Busy))));
    assert_eq!((calls.get(), world.millis(), limiter.waiting()), (1, 50, 0));
}

#[test]
fn a_grant_that_comes_after_the_deadline_is_given_back_unused() {
    let (world, heard) = (World::default(), Heard::default());
    // A limiter whose clock lags behind: it doesn't see the deadline.
    let limiter = Limiter::with_clock(heard.clone(), World::default().clock());
    let mut answer = Box::pin(
        retry(every(10).within(ms(50)), async || Err::<(), _>(Fault::Busy))
            .clock(world.clock())
            .limited(&limiter),
    );
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(answer.as_mut().poll(&mut cx).is_pending());
    world.pass(ms(50));
    assert!(matches!(answer.as_mut().poll(&mut cx), std::task::Poll::Ready(Err(TaskError::Failed(_)))));
    assert_eq!(heard.all(), [(1, Outcome::Failure), (1, Outcome::Unused)]);
}
