//! The health probe, on a clock that is moved by hand, and in the simulator.

use super::*;
use regatta_core::{Limiter, Permit};
use regatta_sim::{ManualClock, Sim};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A breaker on a clock of its own, a probe of it every 3 nanoseconds, and a service that can be well or not.
struct Clinic {
    clock: ManualClock,
    limiter: Limiter<Breaker>,
    health: HealthProbe<'static>,
    well: Arc<AtomicBool>,
    checks: Arc<AtomicUsize>,
}

impl Clinic {
    fn new() -> Self {
        let clock = ManualClock::new();
        let limiter = Limiter::with_clock(touchy(), clock.shared());
        let (well, checks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let check = {
            let (well, checks) = (well.clone(), checks.clone());
            move || {
                checks.fetch_add(1, Ordering::Relaxed);
                async move { well.load(Ordering::Relaxed) }
            }
        };
        let health = HealthProbe::new(limiter.clone(), |breaker| breaker, nanos(3), check).unwrap();
        let mut clinic = Self { clock, limiter, health, well, checks };
        assert!(clinic.waits());
        clinic
    }

    /// Polls it once more; whether it goes on.
    fn waits(&mut self) -> bool {
        poll(&mut self.health).is_pending()
    }

    /// Lets time pass, a nanosecond at a time.
    fn pass(&mut self, time: u64) {
        for _ in 0..time {
            self.clock.advance(nanos(1));
            assert!(self.waits());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Breaker, Time)) {
        let now = self.limiter.now();
        self.limiter.update(|breaker| change(breaker, now));
    }

    fn state(&self) -> BreakerState {
        self.limiter.peek(|breaker| breaker.state(self.limiter.now()))
    }

    fn checks(&self) -> usize {
        self.checks.load(Ordering::Relaxed)
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn smoke() {
    let mut clinic = Clinic::new();
    clinic.change(Breaker::trip);
    let mut waiting = clinic.limiter.acquire();
    assert!(poll(&mut waiting).is_pending());
    clinic.pass(5);
    assert_eq!(clinic.checks(), 1, "once in three");
    assert!(matches!(clinic.state(), BreakerState::Open { .. }));
    clinic.well.store(true, Ordering::Relaxed);
    clinic.pass(1);
    assert_eq!((clinic.checks(), clinic.state()), (2, BreakerState::HalfOpen));
    let Poll::Ready(Ok(probe)) = poll(&mut waiting) else { panic!("who waits is served") };
    probe.complete(Outcome::Success);
    assert_eq!(clinic.state(), BreakerState::Closed);
}

#[test]
fn it_checks_only_what_is_open() {
    let mut clinic = Clinic::new();
    clinic.well.store(true, Ordering::Relaxed);
    clinic.pass(30);
    clinic.change(|breaker, now| {
        breaker.trip(now);
        breaker.half_open(now);
    });
    clinic.pass(30);
    clinic.change(|breaker, _| breaker.force_open());
    clinic.pass(30);
    assert_eq!((clinic.checks(), clinic.state()), (0, BreakerState::ForcedOpen));
}

#[test]
fn it_ends_when_the_limiter_is_closed() {
    let mut clinic = Clinic::new();
    clinic.limiter.close();
    clinic.clock.advance(nanos(3));
    assert!(!clinic.waits());
}

#[test]
fn dropped_midway_it_changes_nothing() {
    let mut clinic = Clinic::new();
    clinic.change(Breaker::trip);
    clinic.pass(4);
    let before = clinic.limiter.peek(Clone::clone);
    let Clinic { clock, limiter, health, .. } = clinic;
    drop(health);
    clock.advance(nanos(3));
    assert!(limiter.peek(|breaker| *breaker == before));
    assert_eq!(clock.timers(), 0);
}

#[test]
fn a_check_that_panics_ends_the_probe_and_leaves_the_breaker() {
    let clock = ManualClock::new();
    let limiter = Limiter::with_clock(touchy(), clock.shared());
    let check = || async { panic!("no route") };
    let mut health = HealthProbe::new(limiter.clone(), |breaker| breaker, nanos(3), check).unwrap();
    let now = limiter.now();
    limiter.update(|breaker| breaker.trip(now));
    assert!(poll(&mut health).is_pending());
    clock.advance(nanos(3));
    assert!(
        catch_unwind(AssertUnwindSafe(|| poll(&mut health))).is_err(),
        "the panic goes on to whoever polls"
    );
    drop(health);
    assert_eq!(limiter.peek(|breaker| breaker.state(now)), BreakerState::Open { until: now + nanos(PAUSE) });
    clock.advance(nanos(PAUSE));
    assert!(limiter.try_acquire().is_ok());
}

#[test]
fn no_period_is_refused() {
    let limiter = Limiter::new(touchy());
    let error = HealthProbe::new(limiter, |breaker| breaker, Duration::ZERO, || async { true }).unwrap_err();
    assert_eq!(error, regatta_core::ConfigError::new("every", "0ns", "must be longer than zero"));
}

/// The check was about an outage that is over; the new one may have another reason.
#[test]
fn a_check_that_takes_until_the_next_episode_opens_nothing() {
    let clock = ManualClock::new();
    let limiter = Limiter::with_clock(touchy().open_for(nanos(1_000)).unwrap(), clock.shared());
    let timer = clock.clone();
    let slow = move || {
        let timer = timer.shared();
        async move {
            timer.sleep_until(timer.now() + nanos(10)).await;
            true
        }
    };
    let mut health = pin!(HealthProbe::new(limiter.clone(), |breaker| breaker, nanos(3), slow).unwrap());
    let trip = || {
        let now = limiter.now();
        limiter.update(|breaker| breaker.trip(now));
    };
    let mut pass = |time| {
        assert!(poll(&mut health).is_pending());
        clock.advance(nanos(time));
        assert!(poll(&mut health).is_pending());
        limiter.peek(|breaker| breaker.state(clock.now()))
    };
    trip();
    pass(3);
    trip();
    assert!(matches!(pass(10), BreakerState::Open { .. }), "it was asked about the first episode");
    pass(3);
    assert_eq!(pass(10), BreakerState::HalfOpen, "it was asked about this one");
}

/// The breaker is one of several members, and any number of tasks waits.
#[test]
fn whoever_waits_is_served_when_the_other_side_is_well() {
    for count in [1, 30, 31, 200] {
        let sim = Sim::new(count);
        let breaker = Breaker::consecutive(1).unwrap().open_for(Duration::from_secs(3_600)).unwrap();
        let concurrency = crate::Concurrency::new(7).unwrap();
        let limiter = Limiter::with_clock((concurrency, breaker), sim.clock());
        let now = limiter.now();
        limiter.update(|(_, breaker)| breaker.trip(now));
        let clock = sim.clock();
        let recovered = now + Duration::from_secs(42);
        let check = move || async move { clock.now() >= recovered };
        let period = Duration::from_secs(5);
        let health = HealthProbe::new(limiter.clone(), |(_, breaker)| breaker, period, check).unwrap();
        sim.spawn("health", health);
        let done = Arc::new(Mutex::new(Vec::new()));
        for task in 0..count {
            let (limiter, done) = (limiter.clone(), done.clone());
            sim.spawn(format!("task {task}"), async move {
                let permit: Permit = limiter.acquire().await.unwrap();
                permit.complete(Outcome::Success);
                done.lock().unwrap().push(limiter.now().since(now));
            });
        }
        let all_done = async {
            while done.lock().unwrap().len() < count as usize {
                sim.sleep(Duration::from_secs(1)).await;
            }
            limiter.close();
        };
        sim.run(all_done).unwrap();
        let expected = Duration::from_secs(45);
        assert_eq!(*done.lock().unwrap(), vec![expected; count as usize]);
    }
}

/// A clock that moves on by 10 ns whenever it is read, so every timer of less is late when it is made.
struct Hasty(AtomicUsize);

impl regatta_core::Clock for Hasty {
    fn now(&self) -> Time {
        let reads = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(reads < 100, "nobody else gets a turn");
        Time::from_nanos(10 * reads as u64)
    }

    fn sleep_until(&self, time: Time) -> regatta_core::Sleep {
        assert!(time < self.now());
        regatta_core::Sleep::ready()
    }
}

#[test]
fn a_period_shorter_than_a_look_left_nobody_else_a_turn() {
    let clock = Arc::new(Hasty(AtomicUsize::new(0)));
    let limiter = Limiter::with_clock(touchy(), clock.clone());
    let mut health = HealthProbe::new(limiter.clone(), |breaker| breaker, nanos(1), async || true).unwrap();
    assert!(poll(&mut health).is_pending());
    clock.0.store(0, Ordering::Relaxed);
    assert!(poll(&mut health).is_pending());
    clock.0.store(0, Ordering::Relaxed);
    limiter.close();
    assert!(poll(&mut health).is_ready() || poll(&mut health).is_ready());
}
