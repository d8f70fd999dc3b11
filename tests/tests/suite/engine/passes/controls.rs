//! What changes while tasks run: controls that follow from a task just admitted, ties within a pass, wakes from outside.

use super::*;

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
    type Task = crate::engine::toy::Toy;

    fn next<'a>(&mut self, _: Time, admission: Admission<'a>) -> Next<'a, Self::Task> {
        if self.tasks.is_empty() {
            return Next::Done;
        }
        let Ok(admitted) = admission.start(&Request::new()) else { unreachable!("`()` admits everything") };
        let plan = self.tasks.pop().expect("it isn't empty");
        Next::Start(Job::new(self.tasks.len(), self.ledger.toy(self.tasks.len(), &plan)), admitted)
    }

    fn on_outcome(&mut self, _: Time, key: usize, end: End<Result<(), ()>>) -> Outcome {
        self.ledger.end(key, crate::engine::toy::ended(&end));
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
