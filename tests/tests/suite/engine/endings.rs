//! The engine is dropped after n polls, for every n: nothing leaks, nothing starts later, and all comes down in order.

use super::batch::Batch;
use super::driving::Hand;
use super::graph::Graph;
use super::inbox::Inbox;
use super::strategies::{Concurrency, Heard, PerClass, Spacing};
use super::timetable::{Periodic, Timetable};
use super::toy::{Fleet, Ledger, Plan, Supply, Toy};
use super::{at_most, ms};
use regatta_core::{Kick, Limiter, Outcome, Panic, Readiness, Request, Strategy, Time};
use regatta_engine::{Admission, Control, End, Engine, Failed, Next, Source};
use regatta_tests::{ManualClock, Rng, World, on_every_executor, oracle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A source that says when it goes, and that no task is left then.
struct Last<S: Supply> {
    inner: S,
    gone: Arc<AtomicBool>,
    heard: Heard,
}

impl<S: Supply> Source for Last<S> {
    type Task = Toy;

    fn attach(&mut self, kick: Kick) {
        self.inner.attach(kick);
    }

    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, Toy> {
        self.inner.next(now, admission)
    }

    fn on_outcome(&mut self, now: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        self.inner.on_outcome(now, key, end)
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        self.inner.control(now)
    }

    fn failed(&mut self, _: Time, panic: Panic) -> Failed {
        panic!("the source panicked: {panic}");
    }
}

impl<S: Supply> Drop for Last<S> {
    fn drop(&mut self) {
        assert_eq!(self.inner.ledger().alive(), 0, "the source went before its tasks");
        assert_eq!(self.heard.in_flight(), 0, "the source went before the tokens were back");
        self.gone.store(true, Ordering::SeqCst);
    }
}

/// Polls an engine over a random source `polls` times, jumping from timer to timer, and drops it. Whether it had
/// ended before.
fn drop_after(polls: usize, seed: u64, kind: u32) -> bool {
    let mut random = Rng::with_seed(seed);
    let clock = ManualClock::new();
    let fleet = Fleet::new(4);
    let ledger = Ledger::new(&clock).in_fleet(&fleet);
    let plans: Vec<_> = (0..12).map(|_| Plan::random(&mut random)).collect();
    match kind {
        0 => dropped(polls, Batch::new(&ledger, plans), &ledger),
        1 => {
            let (inbox, mail) = Inbox::new(&ledger);
            for plan in plans {
                if random.bool() {
                    mail.push(plan);
                } else {
                    mail.push_at(clock.now() + ms(random.u64(0..9)), plan);
                }
            }
            mail.close();
            dropped(polls, inbox, &ledger)
        }
        2 => {
            let needs = |key: usize| (key > 2).then_some(key / 2).into_iter().collect();
            let nodes = plans.into_iter().enumerate().map(|(key, plan)| (plan, needs(key)));
            dropped(polls, Graph::new(&ledger, nodes), &ledger)
        }
        _ => {
            let jobs = plans.into_iter().take(4).map(|plan| Periodic {
                due: clock.now() + ms(random.u64(0..9)),
                period: ms(random.u64(1..5)),
                times: 3,
                plan,
            });
            dropped(polls, Timetable::new(&ledger, jobs), &ledger)
        }
    }
}

fn dropped<S: Supply>(polls: usize, source: S, ledger: &Ledger) -> bool {
    let clock = &ledger.clock;
    let concurrency = Concurrency::new(4);
    let (heard, gone) = (concurrency.heard.clone(), Arc::new(AtomicBool::new(false)));
    let limiter = Limiter::with_clock(concurrency, clock.shared());
    let source = Last { inner: source, gone: gone.clone(), heard: heard.clone() };
    let strategies = (Spacing::new(ms(1)), limiter.clone(), PerClass::new(3));
    let mut engine = Engine::new(source, strategies).limit(at_most(5)).clock(clock.shared());
    let hand = Hand::new();
    let mut ended = false;
    for _ in 0..polls {
        if hand.poll(&mut engine).is_ready() {
            ended = true;
            break;
        }
        if !hand.woken() {
            assert!(clock.advance_to_next().is_some(), "it waits for nothing");
        }
    }
    let in_flight = engine.running() + engine.stopping();
    ledger.close();
    let before = heard.outcomes().len();
    drop(engine);
    ledger.assert_all_dropped();
    assert!(gone.load(Ordering::SeqCst));
    assert_eq!((heard.in_flight(), limiter.issued(), limiter.waiting()), (0, 0, 0));
    assert_eq!(heard.outcomes()[before..], vec![Outcome::Cancelled; in_flight]);
    assert_eq!(clock.timers(), 0);
    ended
}

#[test]
fn oracle_dropped_after_any_number_of_polls() {
    oracle("dropped_after_any_number_of_polls", 10, |seed| {
        for kind in 0..4 {
            let mut polls = 0;
            while !drop_after(polls, seed, kind) {
                polls += 1;
                assert!(polls < 10_000, "it never ends");
            }
        }
    });
}

/// Writes down when it is finished and how many tasks were alive then.
struct Witness(Arc<Mutex<Vec<(Outcome, usize)>>>, Ledger);

impl Strategy for Witness {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.0.lock().expect("nobody panics with it").push((outcome, self.1.alive()));
    }
}

#[test]
fn all_tasks_go_before_the_first_token_comes_back() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let mut plans = vec![Plan::hang(); 3];
    plans[1].panics_in_drop = true;
    let seen = Arc::default();
    let witness = Witness(Arc::clone(&seen), ledger.clone());
    let mut engine = Engine::new(Batch::new(&ledger, plans), witness).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    drop(engine);
    assert_eq!(*seen.lock().expect("nobody panicked"), [(Outcome::Cancelled, 0); 3]);
}

#[test]
fn an_engine_that_was_never_polled_has_started_nothing() {
    let ledger = Ledger::new(&ManualClock::new());
    let strategy = Concurrency::new(1);
    let heard = strategy.heard.clone();
    drop(Engine::new(Batch::new(&ledger, vec![Plan::hang(); 3]), strategy));
    assert!(ledger.born().is_empty() && heard.outcomes().is_empty());
}

#[test]
fn into_source_drops_what_still_runs() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let strategy = Concurrency::new(9);
    let heard = strategy.heard.clone();
    let mut engine = Engine::new(Batch::new(&ledger, vec![Plan::hang(); 3]), strategy).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    let batch = engine.into_source();
    ledger.assert_all_dropped();
    assert_eq!((heard.in_flight(), batch.counts(Time::MAX).pending), (0, 0));
}

on_every_executor! {
    async fn dropping_the_run_drops_the_tasks_at_once(world: World) {
        let ledger = Ledger::new(&world.clock);
        let engine = Engine::new(Batch::new(&ledger, vec![Plan::hang(); 31]), ()).clock(world.clock());
        let mut run = std::pin::pin!(Some(engine.run()));
        let mut sleep = world.sleep(ms(5));
        std::future::poll_fn(|cx| {
            let run = run.as_mut().as_pin_mut().expect("it is not dropped yet");
            assert!(run.poll(cx).is_pending());
            std::pin::Pin::new(&mut sleep).poll(cx)
        })
        .await;
        assert_eq!(ledger.alive(), 31);
        run.set(None);
        assert_eq!(ledger.alive(), 0);
    }
}
