//! One pass of the engine: what is polled, how much, and what wakes it again.

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

/// Runs futures as they are, and gives an order after the first one that returns `false`.
struct OrderAfter<'a> {
    tasks: Vec<(Pin<Box<dyn Future<Output = bool> + 'a>>, Time)>,
    order: Option<Control>,
    failed: bool,
    ends: Vec<(usize, Option<bool>)>,
}

impl<'a> Source for OrderAfter<'a> {
    type Task = Pin<Box<dyn Future<Output = bool> + 'a>>;

    fn next<'b>(&mut self, _: Time, admission: Admission<'b>) -> Next<'b, Self::Task> {
        let Some((task, deadline)) = self.tasks.pop() else { return Next::Done };
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("`()` admits everything") };
        Next::Start(Job::new(self.tasks.len(), task).deadline(deadline), admitted)
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<bool>) -> Outcome {
        let output = if let End::Output(output) = end { Some(output) } else { None };
        self.failed |= output == Some(false);
        self.ends.push((key, output));
        Outcome::Neutral
    }

    fn control(&mut self, _: Time) -> Option<Control> {
        self.order.take_if(|_| self.failed)
    }
}

#[test]
fn a_stop_that_follows_from_a_task_that_ends_as_it_is_admitted_is_obeyed() {
    let hang = || Box::pin(std::future::pending()) as Pin<Box<dyn Future<Output = bool>>>;
    let tasks =
        vec![(Box::pin(std::future::ready(false)) as _, Time::MAX), (hang(), Time::MAX), (hang(), Time::MAX)];
    let source = OrderAfter { tasks, order: Some(Control::CancelAll), failed: false, ends: Vec::new() };
    let mut engine = Engine::new(source, ()).clock(ManualClock::new().shared());
    assert!(Hand::new().settle(&mut engine).is_ready(), "nothing else will ever wake it");
    assert_eq!(engine.source().ends, [(0, Some(false)), (2, None), (1, None)]);
}

#[test]
fn a_limit_that_is_raised_by_a_task_that_ends_as_it_is_admitted_is_used() {
    let hang = || (Box::pin(std::future::pending()) as Pin<Box<dyn Future<Output = bool>>>, Time::MAX);
    let tasks = vec![hang(), hang(), hang(), (Box::pin(std::future::ready(false)) as _, Time::MAX), hang()];
    let order = Some(Control::Limit(at_most(9)));
    let source = OrderAfter { tasks, order, failed: false, ends: Vec::new() };
    let mut engine = Engine::new(source, ()).limit(at_most(2)).clock(ManualClock::new().shared());
    assert!(Hand::new().settle(&mut engine).is_pending());
    assert_eq!(engine.running(), 4);
}

/// A task that one of its neighbours wakes in the very pass in which it must end is not polled yet when its end comes.
fn woken_by_a_neighbour(
    deadline: Time,
    clock: &ManualClock,
    neighbour_ends: bool,
) -> Vec<(usize, Option<bool>)> {
    let (send, receive) = smol::channel::bounded(1);
    let sleep = clock.sleep_until(clock.now() + ms(5));
    let neighbour = Box::pin(async move {
        sleep.await;
        send.send(()).await.expect("the other one listens");
        neighbour_ends
    });
    let waiting = Box::pin(async move { receive.recv().await.is_ok() });
    let tasks: Vec<(Pin<Box<dyn Future<Output = bool>>>, Time)> =
        vec![(neighbour, Time::MAX), (waiting, deadline)];
    let source = OrderAfter { tasks, order: Some(Control::CancelAll), failed: false, ends: Vec::new() };
    let mut engine = Engine::new(source, ()).clock(clock.shared());
    let hand = Hand::new();
    while hand.settle(&mut engine).is_pending() {
        assert!(clock.advance_to_next().is_some(), "it waits for nothing");
    }
    engine.into_source().ends
}

#[test]
fn completion_beats_the_deadline_of_a_task_that_is_woken_in_the_same_pass() {
    let clock = ManualClock::new();
    let deadline = clock.now() + ms(5);
    assert_eq!(woken_by_a_neighbour(deadline, &clock, true), [(0, Some(true)), (1, Some(true))]);
}

#[test]
fn completion_beats_the_cancel_of_a_task_that_is_woken_in_the_same_pass() {
    let clock = ManualClock::new();
    assert_eq!(woken_by_a_neighbour(Time::MAX, &clock, false), [(0, Some(false)), (1, Some(true))]);
}

/// Wants to be polled every five milliseconds, and then stops all that runs.
struct Alarm {
    tasks: Vec<Plan>,
    armed: bool,
    at: Time,
    ledger: Ledger,
}

impl Source for Alarm {
    type Task = super::toy::Toy;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
        if self.tasks.is_empty() {
            return Next::Done;
        }
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("`()` admits everything") };
        let plan = self.tasks.pop().expect("it isn't empty");
        Next::Start(Job::new(self.tasks.len(), self.ledger.toy(self.tasks.len(), &plan)), admitted)
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        self.ledger.end(key, super::toy::ended(&end));
        Outcome::Neutral
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        if !std::mem::replace(&mut self.armed, true) {
            return Some(Control::WakeAt(self.at));
        }
        if now >= self.at {
            self.at = now + ms(5);
            self.armed = false;
            return Some(Control::CancelAll);
        }
        None
    }
}

on_every_executor! {
    async fn a_source_is_woken_when_it_asked_for_it_while_all_slots_are_full(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let at = start + ms(5);
        let alarm = Alarm { tasks: vec![Plan::hang(), Plan::hang()], armed: false, at, ledger: ledger.clone() };
        Engine::new(alarm, ()).limit(at_most(1)).clock(world.clock()).run().await;
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Cancelled), (1, Ended::Cancelled)]));
        assert_eq!(world.now(), start + ms(10));
    }

    async fn idle_tasks_end_on_cancel_however_many_they_are(world: World) {
        for count in [1, 30, 31, 200] {
            let (batch, ledger) = batch(&world.clock, many(count, Plan::hang()));
            let orders = batch.orders();
            let later = world.clone();
            world.spawn(async move {
                later.sleep(ms(1)).await;
                orders.give(Control::CancelAll);
            });
            Engine::new(batch, ()).clock(world.clock()).run().await;
            assert_eq!(ledger.ends().len(), count);
            ledger.assert_all_dropped();
        }
    }

    async fn raising_the_limit_starts_as_many_at_once(world: World) {
        let (batch, ledger) = batch(&world.clock, many(20, Plan::sleep(ms(10))));
        let (orders, start) = (batch.orders(), world.now());
        ledger.limit(at_most(1));
        let body = async {
            world.sleep(ms(1)).await;
            orders.give(Control::Limit(at_most(10)));
        };
        Engine::new(batch, ()).limit(at_most(1)).clock(world.clock()).run_with(body).await;
        assert_eq!(ledger.born().iter().filter(|(_, at)| *at == start + ms(1)).count(), 9);
    }

    async fn body_and_tasks_do_not_starve_each_other(world: World) {
        // The body waits for a lock that a task holds over a sleep: polled apart, both would stand still.
        let lock = smol::lock::Mutex::new(0_u32);
        struct Holder<'a>(Option<&'a smol::lock::Mutex<u32>>, World);
        impl<'a> Source for Holder<'a> {
            type Task = Pin<Box<dyn Future<Output = ()> + 'a>>;
            fn next<'b>(&mut self, _: Time, admission: Admission<'b>) -> Next<'b, Self::Task> {
                let Some(lock) = self.0.take() else { return Next::Done };
                let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("`()` admits everything") };
                let world = self.1.clone();
                let task = async move {
                    let mut held = lock.lock().await;
                    world.sleep(ms(5)).await;
                    *held += 1;
                };
                Next::Start(Job::new(0, Box::pin(task)), admitted)
            }
            fn on_outcome(&mut self, _: Time, _: usize, _: End<()>) -> Outcome {
                Outcome::Success
            }
        }
        let body = async {
            world.yield_now().await;
            *lock.lock().await
        };
        let engine = Engine::new(Holder(Some(&lock), world.clone()), ()).clock(world.clock());
        assert_eq!(engine.run_with(body).await.0, 1);
    }

    async fn a_wake_from_another_thread_arrives(world: World) {
        // The simulator has one thread, and calls a wait for another one a deadlock.
        if world.seed() > 0 || std::thread::current().name().is_some_and(|name| name.ends_with("::sim")) {
            return;
        }
        let ledger = Ledger::new(&world.clock);
        let (inbox, mail) = Inbox::new(&ledger);
        let outside = world.outside();
        let thread = std::thread::spawn(move || {
            for _ in 0..100 {
                mail.push(Plan::of([Act::Yield], Last::Ok));
                std::thread::yield_now();
            }
            mail.close();
            drop(outside);
        });
        Engine::new(inbox, Concurrency::new(3)).clock(world.clock()).run().await;
        thread.join().expect("it doesn't panic");
        assert_eq!(ledger.ends().len(), 100);
    }
}

/// A kick of an engine that is gone, or at rest, or at its end, is harmless.
#[test]
fn late_kicks_are_harmless() {
    let clock = ManualClock::new();
    let (batch, _) = batch(&clock, [Plan::ready()]);
    let mut engine = Engine::new(batch, ()).clock(clock.shared());
    let kick: Kick = engine.kick();
    let hand = Hand::new();
    kick.kick();
    assert_eq!(hand.poll(&mut engine), Poll::Ready(()));
    kick.kick();
    assert_eq!(hand.poll(&mut engine), Poll::Ready(()), "an end is an end");
    drop(engine);
    kick.kick();
}
