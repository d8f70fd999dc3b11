//! One pass of the engine: what is polled, how much, and what wakes it again.

mod controls;

use super::batch::Batch;
use super::driving::Hand;
use super::inbox::Inbox;
use super::strategies::{Concurrency, Spacing};
use super::toy::{Act, Ended, Last, Ledger, Plan};
use super::{at_most, ms};
use regatta_core::{Clock, Kick, Outcome, Request, Strategy, Time};
use regatta_engine::{Admission, Control, End, Engine, Job, Next, Source};
use regatta_tests::{ManualClock, Sim, World, on_every_executor};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// The most that one poll of the driver may poll or end.
const BUDGET: usize = 128;

fn batch(clock: &ManualClock, plans: impl IntoIterator<Item = Plan>) -> (Batch, Ledger) {
    let ledger = Ledger::new(clock);
    (Batch::new(&ledger, plans), ledger)
}

fn many(count: usize, plan: Plan) -> impl Iterator<Item = Plan> {
    std::iter::repeat_n(plan, count)
}

#[test]
fn a_parked_driver_is_polled_0_times() {
    let sim = Sim::new(1);
    let (batch, ledger) = batch(&sim.manual(), many(1000, Plan::hang()));
    let orders = batch.orders();
    let run = Engine::new(batch, ()).clock(sim.clock()).run();
    sim.spawn("driver", async move {
        run.await;
    });
    sim.run(sim.sleep(ms(1))).expect("a timer is set");
    let (before, polls) = (sim.task_stats("driver"), ledger.polls());
    sim.run(sim.sleep(ms(3_600_000))).expect("a timer is set");
    assert_eq!(sim.task_stats("driver"), before);
    assert_eq!((ledger.polls(), ledger.ends().len()), (polls, 0));
    orders.give(Control::CancelAll);
    sim.run(sim.sleep(ms(1))).expect("a timer is set");
    assert_eq!(ledger.ends().len(), 1000);
}

#[test]
fn admission_keeps_to_the_budget() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, many(300, Plan::ready()));
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    for expected in [BUDGET, 2 * BUDGET] {
        assert!(hand.poll(&mut engine).is_pending());
        assert_eq!(ledger.polls(), expected);
        assert!(hand.woken(), "work remains");
    }
    assert!(hand.poll(&mut engine).is_ready());
    assert_eq!(ledger.ends().len(), 300);
}

#[test]
fn woken_tasks_keep_to_the_budget() {
    // Also with all slots full, when the driver must not forget to wake itself.
    for limit in [at_most(300), at_most(301)] {
        let clock = ManualClock::new();
        let (batch, ledger) = batch(&clock, many(300, Plan::of([Act::Sleep(ms(1))], Last::Hang)));
        let (mut engine, hand) = (Engine::new(batch, ()).limit(limit).clock(clock.shared()), Hand::new());
        assert!(hand.settle(&mut engine).is_pending());
        clock.advance(ms(1));
        let first = ledger.polls();
        let mut before = first;
        while before - first < 300 {
            assert!(hand.woken(), "work remains");
            assert!(hand.poll(&mut engine).is_pending());
            let polled = ledger.polls() - before;
            assert!((1..=BUDGET).contains(&polled), "{polled} polls in a pass");
            before += polled;
        }
        assert_eq!(before - first, 300, "each was woken once");
        assert!(!hand.woken(), "nothing remains");
    }
}

#[test]
fn busy_tasks_hold_up_neither_deadlines_nor_cancels() {
    let clock = ManualClock::new();
    let restless = Plan::of(vec![Act::Yield; 1000], Last::Hang);
    let plans = many(300, restless).chain([Plan::hang().timeout(ms(5)), Plan::hang()]);
    let (batch, ledger) = batch(&clock, plans);
    let orders = batch.orders();
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    while ledger.born().len() < 302 {
        assert!(hand.poll(&mut engine).is_pending());
    }
    clock.advance(ms(5));
    orders.give(Control::Cancel(301));
    assert!(hand.poll(&mut engine).is_pending());
    assert_eq!(ledger.ends(), BTreeMap::from([(300, Ended::TimedOut), (301, Ended::Cancelled)]));
}

#[test]
fn deadlines_share_the_budget_and_the_rest_fire_in_the_next_pass() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, many(300, Plan::hang().timeout(ms(5))));
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    clock.advance(ms(5));
    let mut passes = 0;
    let mut before = 0;
    while hand.poll(&mut engine).is_pending() {
        assert!(hand.woken(), "work remains");
        let ended = ledger.ends().len();
        assert!(ended > before, "each pass gets on");
        assert!(ended - before <= BUDGET);
        (passes, before) = (passes + 1, ended);
    }
    assert_eq!((ledger.ends().len(), passes), (300, 2));
    assert!(ledger.ends().into_values().all(|ended| ended == Ended::TimedOut));
}

#[test]
fn tasks_that_are_woken_as_their_deadline_fires_keep_to_the_budget_and_complete() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, many(300, Plan::sleep(ms(5)).timeout(ms(5))));
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    clock.advance(ms(5));
    let mut before = ledger.polls();
    while hand.poll(&mut engine).is_pending() {
        assert!(ledger.polls() - before <= BUDGET);
        before = ledger.polls();
    }
    assert!(ledger.ends().into_values().all(|ended| ended == Ended::Ok), "completion beats the deadline");
}

#[test]
fn cancels_keep_to_the_budget_too() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, many(300, Plan::hang()));
    let orders = batch.orders();
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    // Even if nothing could be started after that, the driver must come back for the rest.
    orders.give(Control::Limit(at_most(1)));
    orders.give(Control::CancelAll);
    for expected in [BUDGET, 2 * BUDGET] {
        assert!(hand.woken(), "work remains");
        assert!(hand.poll(&mut engine).is_pending());
        assert_eq!(ledger.ends().len(), expected);
    }
    assert!(hand.woken(), "work remains");
    assert!(hand.settle(&mut engine).is_ready());
    assert_eq!(ledger.ends().len(), 300);
}

#[test]
fn a_restless_task_is_polled_once_per_pass() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, [Plan::of([Act::Yield; 5], Last::Ok)]);
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    for polls in 1..=5 {
        assert!(hand.poll(&mut engine).is_pending());
        assert_eq!(ledger.polls(), polls);
        assert!(hand.woken());
    }
    assert!(hand.poll(&mut engine).is_ready());
}

#[test]
fn completion_beats_the_cancel_in_the_same_pass() {
    let clock = ManualClock::new();
    let (batch, ledger) = batch(&clock, [Plan::sleep(ms(5)), Plan::sleep(ms(6))]);
    let orders = batch.orders();
    let (mut engine, hand) = (Engine::new(batch, ()).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    clock.advance(ms(5));
    orders.give(Control::CancelAll);
    assert!(hand.settle(&mut engine).is_ready());
    assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Ok), (1, Ended::Cancelled)]));
}

#[test]
fn one_timer_serves_the_whole_driver() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let (inbox, mail) = Inbox::new(&ledger);
    let start = clock.now();
    for n in 0..50 {
        mail.push_at(start + ms(100 - n), Plan::ready());
        mail.push(Plan::hang().timeout(ms(200 - n)));
    }
    mail.close();
    let (mut engine, hand) = (Engine::new(inbox, Spacing::new(ms(1))).clock(clock.shared()), Hand::new());
    while hand.settle(&mut engine).is_pending() {
        assert_eq!(clock.timers(), 1);
        clock.advance_to_next();
    }
    assert_eq!((ledger.ends().len(), clock.timers()), (100, 0));
}

#[test]
fn no_timer_is_armed_where_nothing_waits_for_time() {
    let clock = ManualClock::new();
    let (batch, _) = batch(&clock, many(3, Plan::hang()));
    let (mut engine, hand) =
        (Engine::new(batch, Concurrency::new(1)).limit(at_most(2)).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    assert_eq!(clock.timers(), 0);
}

#[test]
fn a_former_tenants_deadline_does_not_hit_the_next() {
    let clock = ManualClock::new();
    let plans = [Plan::sleep(ms(1)).timeout(ms(5)), Plan::sleep(ms(10)), Plan::sleep(ms(3)).timeout(ms(20))];
    let (batch, ledger) = batch(&clock, plans);
    let mut engine = Engine::new(batch, ()).limit(at_most(1)).clock(clock.shared());
    let hand = Hand::new();
    while hand.settle(&mut engine).is_pending() {
        clock.advance_to_next();
    }
    assert!(ledger.ends().into_values().all(|ended| ended == Ended::Ok), "{:?}", ledger.ends());
}

#[test]
fn a_deadline_in_the_past_still_allows_one_poll() {
    let clock = ManualClock::new();
    let plans = [Plan::ready(), Plan::of([Act::Sleep(ms(1))], Last::Ok)].map(|plan| plan.timeout(ms(0)));
    let (batch, ledger) = batch(&clock, plans);
    let mut engine = Engine::new(batch, ()).clock(clock.shared());
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Ok), (1, Ended::TimedOut)]));
}

#[test]
fn a_start_after_a_poll_that_took_time_is_not_recorded_in_the_past() {
    for last in [Last::Ok, Last::Hang] {
        let clock = ManualClock::new();
        let slow = Plan::of([Act::Compute(ms(10))], last).timeout(ms(100));
        let (batch, ledger) = batch(&clock, [slow, Plan::ready(), Plan::ready()]);
        let mut engine = Engine::new(batch, Spacing::new(ms(4))).clock(clock.shared());
        let (hand, start) = (Hand::new(), clock.now());
        while hand.settle(&mut engine).is_pending() {
            clock.advance_to_next();
        }
        let born: Vec<_> = ledger.born().into_iter().map(|(_, at)| at.since(start)).collect();
        assert_eq!(born, [ms(0), ms(10), ms(14)], "after a task that ends with {last:?}");
    }
}

#[test]
fn a_clock_that_goes_backwards_is_clamped() {
    /// A clock whose readings are written down beforehand.
    struct Script(std::sync::Mutex<Vec<u64>>);
    impl Clock for Script {
        fn now(&self) -> Time {
            let mut left = self.0.lock().expect("nobody panics with it");
            Time::from_nanos(if left.len() > 1 { left.remove(0) } else { left[0] })
        }
        fn sleep_until(&self, _: Time) -> regatta_core::Sleep {
            regatta_core::Sleep::never()
        }
    }
    /// Asserts that the times it is asked with never decrease.
    struct Monotonic(std::cell::Cell<Time>);
    impl Strategy for Monotonic {
        type Token = ();
        fn ready(&self, now: Time, _: &Request) -> regatta_core::Readiness {
            assert!(self.0.replace(now) <= now, "back in time");
            regatta_core::Readiness::Ready
        }
        fn start(&mut self, now: Time, request: &Request) -> Result<(), regatta_core::Readiness> {
            self.ready(now, request);
            Ok(())
        }
        fn finish(&mut self, (): (), now: Time, _: Outcome) {
            assert!(self.0.replace(now) <= now, "back in time");
        }
    }
    let script = Arc::new(Script(std::sync::Mutex::new(vec![50, 40, 60, 10, 70, 5])));
    let (batch, ledger) = batch(&ManualClock::new(), many(4, Plan::of([Act::Yield], Last::Ok)));
    let mut engine = Engine::new(batch, Monotonic(std::cell::Cell::default())).clock(script);
    assert!(Hand::new().settle(&mut engine).is_ready());
    assert_eq!(ledger.ends().len(), 4);
}
