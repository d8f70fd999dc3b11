//! What tasks see: their turn, their refusal, what a drop gives back, what waiting costs.

use super::world::*;
use crate::*;

#[test]
fn smoke() {
    let (limiter, _) = limiter(Slots::new(2));
    let log = limiter.peek(|slots| slots.log.clone());
    let (first, second) = (limiter.try_acquire().unwrap(), limiter.try_acquire().unwrap());
    assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange);
    assert_eq!(counts(&limiter), (2, 0));
    first.complete(Outcome::Overload);
    second.complete(Outcome::Success);
    assert_eq!(*log.lock().unwrap(), [Outcome::Overload, Outcome::Success]);
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn types_cross_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Acquire<Slots>>();
    send::<Limiter<Slots>>();
    sync::<Limiter<Slots>>();
    send::<Permit>();
    sync::<Permit>();
    send::<Hold>();
    sync::<Hold>();
}

#[test]
fn first_come_first_served() {
    let (limiter, _) = limiter(Slots::new(1));
    let mut permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 31);
    while !tasks.is_empty() {
        assert!(tasks.iter_mut().all(Task::waits));
        drop(permit);
        permit = tasks.remove(0).permit();
        assert_eq!(counts(&limiter), (1, tasks.len()));
    }
}

/// The grant is theirs before they run, so nobody slips in between.
#[test]
fn a_grant_is_handed_over_directly() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut waiting = queue(&limiter, 1);
    drop(permit);
    assert_eq!(counts(&limiter), (1, 0));
    assert_eq!(limiter.try_acquire().unwrap_err(), Readiness::OnChange);
    drop(waiting[0].permit());
    assert!(limiter.try_acquire().is_ok());
}

#[test]
fn nobody_passes_a_costly_head() {
    let (limiter, _) = limiter(Slots::new(3));
    let (one, two) = (limiter.try_acquire().unwrap(), limiter.try_acquire().unwrap());
    let mut heavy = Task::begun(limiter.acquire_for(cost(3)));
    let mut light = queue(&limiter, 2);
    assert_eq!(
        limiter.try_acquire().unwrap_err(),
        Readiness::OnChange,
        "there is room, but somebody waits for it"
    );
    drop(one);
    assert!(heavy.waits() && light.iter_mut().all(Task::waits));
    drop(two);
    drop(heavy.permit());
    assert_eq!(light.iter_mut().map(|task| task.permit()).count(), 2);
}

/// It would have to wait for nothing else.
#[test]
fn a_refusal_for_good_does_not_wait_for_its_turn() {
    let (limiter, _) = limiter(Slots::new(2));
    let _permit = limiter.try_acquire_for(&cost(2)).unwrap();
    let _waiting = queue(&limiter, 1);
    let rejection = Rejection::TooCostly { cost: 3, max: 2 };
    assert_eq!(Task::begun(limiter.acquire_for(cost(3))).refusal(), rejection);
    assert_eq!(limiter.try_acquire_for(&cost(3)).unwrap_err(), rejection.into());
    assert_eq!(counts(&limiter), (1, 1));
}

#[test]
fn dropped_midway() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 3);
    tasks.remove(1).cancel();
    tasks.remove(0).cancel();
    assert_eq!(counts(&limiter), (1, 1));
    drop(permit);
    drop(tasks.remove(0).permit());
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn a_costly_head_that_leaves_lets_the_others_in() {
    let (limiter, _) = limiter(Slots::new(3));
    let _permit = limiter.try_acquire().unwrap();
    let mut heavy = Task::begun(limiter.acquire_for(cost(3)));
    let mut light = queue(&limiter, 3);
    heavy.cancel();
    let _permits = [light[0].permit(), light[1].permit()];
    assert!(light[2].waits());
}

#[test]
fn a_grant_that_was_not_seen_is_given_back_unused() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 2);
    permit.complete(Outcome::Success);
    assert!(tasks[0].is_woken() && !tasks[1].is_woken());
    tasks.remove(0).cancel();
    assert_eq!(*log.lock().unwrap(), [Outcome::Success, Outcome::Unused]);
    drop(tasks.remove(0).permit());
}

#[test]
fn an_unseen_grant_of_a_rate_gives_its_time_back() {
    let (limiter, clock) = limiter(Rate::new(10));
    drop(limiter.try_acquire().unwrap());
    let mut tasks = queue(&limiter, 2);
    clock.set(10);
    tasks[0].poll();
    let permit = tasks[0].output().unwrap().unwrap();
    drop(permit);
    clock.set(20);
    assert!(tasks[1].is_woken(), "it watches the clock");
    tasks[1].run();
    assert_eq!(limiter.peek(|rate| rate.last), Some(at(20)));
}

#[test]
fn a_dropped_permit_counts_as_cancelled() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    drop(limiter.try_acquire().unwrap());
    assert_eq!(*log.lock().unwrap(), [Outcome::Cancelled]);
}

/// A strategy that wants to know when each task ended.
struct Stopwatch(Option<Time>);

impl Strategy for Stopwatch {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Ok(())
    }

    fn finish(&mut self, (): (), now: Time, _: Outcome) {
        self.0 = Some(now);
    }
}

#[test]
fn a_finish_looks_at_the_clock_only_for_those_who_mind() {
    let (slots, clock) = limiter(Slots::new(1));
    slots.try_acquire().unwrap().complete(Outcome::Success);
    assert_eq!(clock.looks(), 1);
    let (watch, clock) = limiter((Stopwatch(None), Slots::new(1)));
    let permit = watch.try_acquire().unwrap();
    clock.set(7);
    permit.complete(Outcome::Success);
    assert_eq!((clock.looks(), watch.peek(|(watch, _)| watch.0)), (2, Some(at(7))));
}

#[test]
fn whoever_is_handed_a_place_starts_when_it_was_given_back() {
    let (limiter, clock) = limiter((Slots::new(1), Rate::new(3)));
    let permit = limiter.try_acquire().unwrap();
    let waiting = queue(&limiter, 1);
    clock.set(10);
    permit.complete(Outcome::Success);
    assert_eq!(limiter.peek(|(_, rate)| rate.last), Some(at(10)));
    drop(waiting);
}

#[test]
fn a_strategy_that_is_exchanged_may_mind_the_time_of_a_finish() {
    let (limiter, clock) = limiter(None::<Stopwatch>);
    limiter.update(|watch| *watch = Some(Stopwatch(None)));
    let permit = limiter.try_acquire().unwrap();
    clock.set(7);
    permit.complete(Outcome::Success);
    assert_eq!(limiter.peek(|watch| watch.as_ref().and_then(|watch| watch.0)), Some(at(7)));
}

#[test]
fn run_classifies_the_output() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let classify =
        |output: &Result<i32, ()>| if output.is_ok() { Outcome::Success } else { Outcome::Failure };
    assert_eq!(smol::block_on(limiter.run(async { Ok(1) }, classify)), Ok(Ok(1)));
    assert_eq!(smol::block_on(limiter.run(async { Err(()) }, classify)), Ok(Err(())));
    limiter.close();
    assert_eq!(smol::block_on(limiter.run(async { Ok(1) }, classify)), Err(Rejection::Closed));
    assert_eq!(*log.lock().unwrap(), [Outcome::Success, Outcome::Failure]);
}

#[test]
fn run_that_is_dropped_or_panics_gives_back_its_permit() {
    let (limiter, _) = limiter(Slots::new(1));
    let log = limiter.peek(|slots| slots.log.clone());
    let shared = limiter.clone();
    let mut task =
        Task::begun(async move { shared.run(std::future::pending::<()>(), |()| Outcome::Success).await });
    assert_eq!(counts(&limiter), (1, 0));
    task.cancel();
    let panicking = std::panic::AssertUnwindSafe(|| {
        smol::block_on(limiter.run(async { panic!("on purpose") }, |()| Outcome::Success))
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert_eq!(*log.lock().unwrap(), [Outcome::Cancelled, Outcome::Cancelled]);
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn a_corrected_cost_lets_others_in() {
    let (limiter, _) = limiter(Slots::new(4));
    let mut permit = limiter.try_acquire_for(&cost(4)).unwrap();
    let mut tasks = queue(&limiter, 3);
    permit.reconcile(2);
    let _two = [tasks[0].permit(), tasks[1].permit()];
    assert!(tasks[2].waits());
    permit.complete(Outcome::Success);
    drop(tasks[2].permit());
    assert_eq!(limiter.peek(|slots| slots.used), 2);
}

#[test]
fn closing_refuses_waiters_and_newcomers_but_no_permit() {
    let (limiter, clock) = limiter((Slots::new(1), Rate::new(10)));
    let permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 31);
    limiter.close();
    assert!(tasks.iter_mut().all(|task| task.refusal() == Rejection::Closed));
    assert_eq!(limiter.try_acquire().unwrap_err(), Rejection::Closed.into());
    assert_eq!(Task::begun(limiter.acquire()).refusal(), Rejection::Closed);
    assert_eq!((counts(&limiter), clock.armed()), ((1, 0), 0));
    permit.complete(Outcome::Success);
    limiter.close();
    assert_eq!(counts(&limiter), (0, 0));
    assert_eq!(*limiter.peek(|(slots, _)| slots.log.clone()).lock().unwrap(), [Outcome::Success]);
}

#[test]
fn a_grant_that_was_made_before_the_close_is_good() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 2);
    drop(permit);
    limiter.close();
    drop(tasks[0].permit());
    assert_eq!(tasks[1].refusal(), Rejection::Closed);
}

#[test]
fn refused_waiters_that_never_look_leave_nothing_behind() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    drop({
        let tasks = queue(&limiter, 2);
        limiter.close();
        tasks
    });
    drop(permit);
    assert_eq!(counts(&limiter), (0, 0));
    assert!(limiter.shared.with(|state| state.answers.is_empty()));
}
