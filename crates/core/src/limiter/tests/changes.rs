//! What changes from outside, the limit or a gate; and foreign code that misbehaves meanwhile.

use super::world::*;
use crate::*;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

/// Open or closed by a handle that many share.
#[derive(Clone, Default)]
struct Gate(Arc<(AtomicBool, Mutex<Kick>)>);

impl Gate {
    fn open(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        let kick = self.0.1.lock().unwrap().clone();
        kick.kick();
    }
}

impl Strategy for Gate {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.0.0.load(Ordering::SeqCst) { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        *self.0.1.lock().unwrap() = kick;
    }
}

#[test]
fn a_raised_limit_serves_those_who_wait() {
    for count in [1, 30, 31, 200] {
        let (limiter, _) = limiter(Slots::new(1));
        let _permit = limiter.try_acquire().unwrap();
        let mut tasks = queue(&limiter, count);
        limiter.update(|slots| slots.max = 1 + count as u32);
        let permits: Vec<_> = tasks.iter_mut().map(|task| task.permit()).collect();
        assert_eq!((permits.len(), counts(&limiter)), (count, (1 + count, 0)));
    }
}

#[test]
fn a_lowered_limit_refuses_what_no_longer_fits() {
    let (limiter, _) = limiter(Slots::new(3));
    let _permit = limiter.try_acquire().unwrap();
    let mut heavy = Task::begun(limiter.acquire_for(cost(3)));
    let mut light = queue(&limiter, 1);
    limiter.update(|slots| slots.max = 2);
    assert_eq!(heavy.refusal(), Rejection::TooCostly { cost: 3, max: 2 });
    drop(light[0].permit());
}

#[test]
fn a_changed_rate_wakes_the_head_to_look_at_the_clock_again() {
    for gap in [5, 20] {
        let (limiter, clock) = limiter(Rate::new(10));
        drop(limiter.try_acquire().unwrap());
        let mut tasks = queue(&limiter, 2);
        limiter.update(|rate| rate.gap = gap);
        assert!(tasks[0].waits());
        assert_eq!(clock.armed(), 1);
        while tasks[0].waits() && clock.jump() {}
        assert_eq!((clock.now(), limiter.peek(|rate| rate.last)), (at(gap), Some(at(gap))));
    }
}

#[test]
fn a_kick_from_inside_update_is_neither_a_deadlock_nor_lost() {
    let (limiter, _) = limiter((Slots::new(1), Gate::default()));
    let gate = limiter.peek(|(_, gate)| gate.clone());
    let mut tasks = queue(&limiter, 2);
    limiter.update(|(slots, _)| {
        slots.set_max(2);
        gate.open();
    });
    let _permits = [tasks[0].permit(), tasks[1].permit()];
}

#[test]
fn a_kick_from_inside_peek_is_not_lost() {
    let (limiter, _) = limiter(Gate::default());
    let mut tasks = queue(&limiter, 2);
    limiter.peek(Gate::open);
    let _permits = [tasks[0].permit(), tasks[1].permit()];
}

#[test]
fn a_kick_from_outside_serves_at_once() {
    let (limiter, _) = limiter(Gate::default());
    let gate = limiter.peek(Gate::clone);
    let mut tasks = queue(&limiter, 31);
    assert!(tasks.iter_mut().all(Task::waits));
    gate.open();
    assert_eq!(tasks.iter_mut().map(|task| drop(task.permit())).count(), 31);
}

#[test]
fn a_kick_after_the_limiter_is_gone_does_nothing() {
    let gate = Gate::default();
    drop(Limiter::new(gate.clone()));
    gate.open();
}

/// An engine that watches the clock asks again while the gate is closed: only the gate can wake it from then on, also
/// with the very time that it has known before.
#[test]
fn a_gate_that_closes_and_opens_does_not_make_an_engine_miss_its_time() {
    let (mut engine, _) = limiter((Rate::new(10), Gate::default()));
    let gate = engine.peek(|(_, gate)| gate.clone());
    let flag = Arc::new(Flag::default());
    engine.attach(flag.kick());
    gate.open();
    drop(engine.try_acquire().unwrap());
    for _ in 0..2 {
        assert_eq!(engine.ready(at(0), &cost(1)), Readiness::NotBefore(at(10)));
        engine.park(at(0), &cost(1));
    }
    gate.0.0.store(false, Ordering::SeqCst);
    assert_eq!(engine.ready(at(1), &cost(1)), Readiness::OnChange);
    let kicks = flag.wakes();
    gate.open();
    engine.park(at(1), &cost(1));
    assert_eq!(flag.wakes(), kicks + 1);
}

/// Opens, with a kick, when it is waited for the third time.
struct Reluctant {
    gate: Gate,
    parks: usize,
}

impl Strategy for Reluctant {
    type Token = ();

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        self.gate.ready(now, request)
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.gate.start(now, request)
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        self.gate.attach(kick);
    }

    fn park(&mut self, _: Time, _: &Request) {
        self.parks += 1;
        if self.parks == 3 {
            self.gate.open();
        }
    }
}

#[test]
fn a_kick_while_a_kick_is_served_is_not_lost() {
    let gate = Gate::default();
    let (limiter, _) = limiter(Reluctant { gate: gate.clone(), parks: 0 });
    let mut tasks = queue(&limiter, 2);
    while limiter.peek(|reluctant| reluctant.parks) < 2 {
        limiter.update(|_| ());
    }
    assert!(tasks.iter_mut().all(Task::waits));
    let kick = gate.0.1.lock().unwrap().clone();
    kick.kick();
    let _permits = [tasks[0].permit(), tasks[1].permit()];
}

/// Ready when asked, and once taken by somebody else before it starts, as a limit shared further in can be.
struct Contested {
    taken_until: Option<Time>,
}

impl Strategy for Contested {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        match self.taken_until {
            Some(time) if now < time => Readiness::NotBefore(time),
            Some(_) | None => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.taken_until.get_or_insert(at(5));
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            refusal => Err(refusal),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn a_head_that_somebody_else_forestalls_learns_when_to_come_again() {
    let gate = Gate::default();
    let (limiter, clock) = limiter((gate.clone(), Contested { taken_until: None }));
    let mut tasks = queue(&limiter, 2);
    gate.open();
    assert!(tasks.iter_mut().all(Task::waits));
    assert!(clock.jump());
    let _permits = [tasks[0].permit(), tasks[1].permit()];
    assert_eq!(clock.now(), at(5));
}

#[test]
fn an_update_that_panics_still_serves_under_what_it_changed() {
    let (limiter, _) = limiter(Slots::new(1));
    let _permit = limiter.try_acquire().unwrap();
    let mut tasks = queue(&limiter, 2);
    let update = || {
        limiter.update(|slots| {
            slots.set_max(2);
            panic!("on purpose");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
    let first = tasks[0].permit();
    assert!(tasks[1].waits());
    drop(first);
    drop(tasks[1].permit());
}

/// The kick finds the lock held, and its holder panics.
#[test]
fn a_look_that_kicks_and_panics_loses_no_kick() {
    let (limiter, _) = limiter(Gate::default());
    let mut tasks = queue(&limiter, 1);
    let look = || {
        limiter.peek(|gate| {
            gate.open();
            panic!("on purpose");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    drop(tasks[0].permit());
}

/// A task whose last handle is the waker that waits here, as some executors have it. It holds a permit.
struct Keeper {
    _permit: Mutex<Option<Permit>>,
}

impl Wake for Keeper {
    fn wake(self: Arc<Self>) {}
}

fn keeper(permit: Permit) -> Waker {
    Waker::from(Arc::new(Keeper { _permit: Mutex::new(Some(permit)) }))
}

/// A waker that was dropped under the lock would ask for the lock, to give its permit back.
#[test]
fn wakers_are_dropped_outside_the_lock() {
    let (limiter, _) = limiter(Slots::new(3));
    // Replaced by another waker.
    let waker = keeper(limiter.try_acquire().unwrap());
    let _heavy = limiter.try_acquire_for(&cost(2)).unwrap();
    let mut acquire = Box::pin(limiter.acquire_for(cost(3)));
    assert!(acquire.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(counts(&limiter), (2, 1));
    assert!(acquire.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(counts(&limiter), (1, 1));
    drop(acquire);

    // Left in the line when its future is dropped.
    let waker = keeper(limiter.try_acquire().unwrap());
    let mut acquire = Box::pin(limiter.acquire_for(cost(3)));
    assert!(acquire.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    drop(acquire);
    assert_eq!(counts(&limiter), (1, 0));

    // Woken by a close.
    let waker = keeper(limiter.try_acquire().unwrap());
    let mut acquire = Box::pin(limiter.acquire_for(cost(3)));
    assert!(acquire.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    limiter.close();
    assert_eq!(counts(&limiter), (1, 0));
}

/// An executor that runs the woken task on the spot.
struct Inline(Limiter<Slots>, Mutex<usize>);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        *self.1.lock().unwrap() = self.0.issued();
    }
}

#[test]
fn wakers_are_woken_outside_the_lock() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let inline = Arc::new(Inline(limiter.clone(), Mutex::default()));
    let mut acquire = Box::pin(limiter.acquire());
    let waker = Waker::from(inline.clone());
    assert!(acquire.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(permit);
    assert_eq!(*inline.1.lock().unwrap(), 1);
}

/// Foreign code may look at the limiter while it hears the reasons.
struct Grumpy;

impl Wake for Grumpy {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    let (limiter, _) = limiter(Slots::new(1));
    let permit = limiter.try_acquire().unwrap();
    let mut grumpy = Box::pin(limiter.acquire());
    let waker = Waker::from(Arc::new(Grumpy));
    assert!(grumpy.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut tasks = queue(&limiter, 2);
    assert!(catch_unwind(AssertUnwindSafe(|| limiter.close())).is_err());
    assert!(tasks.iter_mut().all(|task| task.refusal() == Rejection::Closed));
    drop(permit);
    assert_eq!(counts(&limiter), (0, 0));
}

#[test]
fn reasons_are_told_outside_the_lock() {
    struct Nosy<'a>(&'a Limiter<Slots>, Vec<(String, Readiness, usize)>);
    impl Explain for Nosy<'_> {
        fn reason(&mut self, strategy: &str, readiness: Readiness) {
            self.1.push((strategy.to_owned(), readiness, self.0.waiting()));
        }
    }
    let (limiter, _) = limiter(Slots::new(1));
    let _permit = limiter.try_acquire().unwrap();
    let _waiting = queue(&limiter, 1);
    let mut nosy = Nosy(&limiter, Vec::new());
    limiter.explain(Time::ZERO, &Request::new(), &mut nosy);
    let expected = ["limiter", "slots"].map(|name| (name.to_owned(), Readiness::OnChange, 1));
    assert_eq!(nosy.1, expected);
}

/// What `update` puts in place can wake those who wait, as what stood there before could.
#[test]
fn a_gate_that_is_put_in_place_by_an_update_wakes_those_who_wait() {
    let (limiter, _) = limiter(None::<Gate>);
    let gate = Gate::default();
    limiter.update(|place| *place = Some(gate.clone()));
    let mut tasks = queue(&limiter, 2);
    gate.open();
    let _permits = [tasks[0].permit(), tasks[1].permit()];
}

#[test]
fn whoever_watches_a_limiter_shares_its_clock_and_sees_it_close() {
    let (limiter, clock) = limiter(Slots::new(1));
    let watched = limiter.clone();
    clock.set(7);
    assert_eq!((watched.clock().now(), watched.is_closed()), (at(7), false));
    limiter.close();
    assert!(watched.is_closed());
}
