//! One limit for several engines: never exceeded, never wasted, and nobody starves.

use super::batch::Batch;
use super::driving::drive;
use super::inbox::Inbox;
use super::strategies::{Concurrency, Spacing};
use super::toy::{Fleet, Ledger, Plan, Supply};
use super::{at_most, ms};
use regatta_core::{Limit, Limiter, Strategy, Time};
use regatta_engine::{Control, Engine};
use regatta_tests::{Rng, Sim, World, on_every_executor, oracle};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

type Shared = (Option<Spacing>, Limiter<Concurrency>);

/// Whether an engine waits although it could start something: it has a slot, its own strategy agrees, and the shared
/// one has room.
fn starved<S: Supply>(
    engine: &Mutex<Engine<S, Shared, S::Task, <Shared as Strategy>::Token>>,
    room: bool,
    now: Time,
) -> bool {
    let engine = engine.lock().expect("nobody panicked");
    let supply = engine.source();
    let slot = engine.running() + engine.stopping() < supply.ledger().slots();
    let own = |request| engine.strategy().0.ready(now, request).is_ready();
    slot && room && supply.candidates(now).iter().any(own)
}

fn strategies(random: &mut Rng, limiter: &Limiter<Concurrency>) -> Shared {
    (random.bool().then(|| Spacing::new(ms(random.u64(1..3)))), limiter.clone())
}

fn plans(random: &mut Rng) -> Vec<Plan> {
    // Without computing: time then moves only when everybody rests, and the watcher can look in between.
    (0..random.usize(5..25)).map(|_| Plan::random(random)).filter(|plan| !plan.computes()).collect()
}

#[test]
fn oracle_a_shared_limit_is_kept_and_never_wasted() {
    oracle("a_shared_limit_is_kept_and_never_wasted", 100, |seed| {
        let sim = Sim::new(seed).max_time(Duration::from_secs(60));
        let mut random = sim.random();
        let max = random.usize(1..5);
        let fleet = Fleet::new(max);
        let limiter = Limiter::with_clock(Concurrency::new(max), sim.clock());
        let ledgers = [(); 2].map(|()| Ledger::new(&sim.manual()).in_fleet(&fleet));
        let limits = [(); 2].map(|()| match random.usize(0..6) {
            count @ 1..4 => at_most(count),
            _ => Limit::Unlimited,
        });
        for (ledger, limit) in ledgers.iter().zip(limits) {
            ledger.limit(limit);
        }
        let batch = Batch::new(&ledgers[0], plans(&mut random));
        let (inbox, mail) = Inbox::new(&ledgers[1]);
        for plan in plans(&mut random) {
            mail.push_at(sim.clock().now() + ms(random.u64(0..6)), plan);
        }
        mail.close();
        let first = Engine::new(batch, strategies(&mut random, &limiter)).limit(limits[0]).clock(sim.clock());
        let second =
            Engine::new(inbox, strategies(&mut random, &limiter)).limit(limits[1]).clock(sim.clock());
        let engines = (Arc::new(Mutex::new(first)), Arc::new(Mutex::new(second)));
        let (send, ended) = smol::channel::unbounded();
        let (one, two) = (engines.0.clone(), engines.1.clone());
        let (sent, sends) = (send.clone(), send);
        sim.spawn("first", async move {
            drive(&one, |_, _| ()).await;
            sent.send(()).await.expect("the watcher listens");
        });
        sim.spawn("second", async move {
            drive(&two, |_, _| ()).await;
            sends.send(()).await.expect("the watcher listens");
        });
        // Half a millisecond beside all other timers: everybody rests when the watcher looks. It gives up after a
        // while, so that it hides no deadlock.
        let watcher = async {
            sim.sleep(Duration::from_micros(500)).await;
            for _ in 0..2000 {
                let now = sim.clock().now();
                let room = limiter.peek(|strategy| strategy.in_flight() < strategy.max());
                assert_eq!(limiter.issued(), fleet.alive());
                let idle = [starved(&engines.0, room, now), starved(&engines.1, room, now)];
                assert_eq!(idle, [false; 2], "at {now:?} somebody could go on: {limiter:?}");
                if ended.len() == 2 {
                    return;
                }
                sim.sleep(ms(1)).await;
            }
            panic!("an engine starves: {limiter:?}, {engines:?}");
        };
        sim.run(watcher).unwrap_or_else(|deadlock| panic!("{deadlock}"));
        assert_eq!((limiter.issued(), limiter.waiting()), (0, 0));
        ledgers.iter().for_each(Ledger::assert_all_dropped);
    });
}

#[test]
fn oracle_an_engine_that_is_dropped_makes_way() {
    oracle("an_engine_that_is_dropped_makes_way", 100, |seed| {
        let sim = Sim::new(seed).max_time(Duration::from_secs(60));
        let mut random = sim.random();
        let fleet = Fleet::new(2);
        let limiter = Limiter::with_clock(Concurrency::new(2), sim.clock());
        let ledgers = [(); 3].map(|()| Ledger::new(&sim.manual()).in_fleet(&fleet));
        let mut runs = ledgers.iter().map(|ledger| {
            let batch = Batch::new(ledger, plans(&mut random));
            Engine::new(batch, strategies(&mut random, &limiter)).clock(sim.clock()).run()
        });
        let (first, second, third) = (runs.next(), runs.next(), runs.next());
        drop(runs);
        sim.spawn("second", async move {
            second.expect("there are three").await;
        });
        let until = ms(random.u64(0..10));
        let clock = sim.clock();
        sim.spawn("third", async move {
            // Dropped wherever it stands: at the head of the line, behind it, or with permits out.
            let mut run = third.expect("there are three");
            let mut sleep = clock.sleep_until(clock.now() + until);
            std::future::poll_fn(|cx| match Pin::new(&mut run).poll(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => Pin::new(&mut sleep).poll(cx),
            })
            .await;
        });
        sim.run(async {
            first.expect("there are three").await;
            sim.sleep(Duration::from_secs(10)).await;
        })
        .unwrap_or_else(|deadlock| panic!("{deadlock}"));
        assert_eq!((limiter.issued(), limiter.waiting()), (0, 0), "somebody still waits");
        ledgers.iter().for_each(Ledger::assert_all_dropped);
    });
}

on_every_executor! {
    async fn tasks_and_engines_stand_in_one_line(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(1), world.clock());
        let ledger = Ledger::new(&world.clock);
        let start = world.now();
        let held = limiter.acquire().await.expect("nobody closes it");
        let batch = Batch::new(&ledger, [Plan::sleep(ms(4)), Plan::sleep(ms(4))]);
        let waits = limiter.clone();
        let body = async {
            world.sleep(ms(1)).await;
            // Behind the engine's first task, and before its second.
            let permit = waits.acquire();
            let opener = async {
                world.sleep(ms(1)).await;
                drop(held);
            };
            let (permit, ()) = futures::future::join(permit, opener).await;
            let came = world.now().since(start);
            world.sleep(ms(4)).await;
            drop(permit);
            came
        };
        let engine = Engine::new(batch, limiter.clone()).clock(world.clock());
        let (came, _) = engine.run_with(body).await;
        assert_eq!(came, ms(6));
        assert_eq!(ledger.born(), [(0, start + ms(2)), (1, start + ms(10))]);
    }

    async fn an_engine_whose_slots_are_full_leaves_the_line(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(2), world.clock());
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let held = limiter.acquire().await.expect("nobody closes it");
        let batch = Batch::new(&ledger, vec![Plan::sleep(ms(10)); 2]);
        let (orders, handle) = (batch.orders(), limiter.clone());
        let body = async {
            world.sleep(ms(1)).await;
            assert_eq!(handle.waiting(), 1);
            orders.give(Control::Limit(at_most(1)));
            world.sleep(ms(1)).await;
            assert_eq!(handle.waiting(), 0, "it can't use a permit now");
            drop(held);
            let _permit = handle.acquire().await.expect("nobody closes it");
            assert_eq!(world.now(), start + ms(2));
        };
        Engine::new(batch, limiter).clock(world.clock()).run_with(body).await;
        assert_eq!(ledger.born(), [(0, start), (1, start + ms(10))]);
    }

    async fn a_new_limit_reaches_engines_that_wait(world: World) {
        let limiter = Limiter::with_clock(Concurrency::new(1), world.clock());
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        let batch = Batch::new(&ledger, vec![Plan::sleep(ms(10)); 5]);
        let handle = limiter.clone();
        let body = async {
            world.sleep(ms(1)).await;
            handle.update(|strategy| strategy.set_max(5));
        };
        Engine::new(batch, limiter).clock(world.clock()).run_with(body).await;
        assert_eq!(ledger.born().iter().filter(|(_, at)| *at == start + ms(1)).count(), 4);
    }
}

#[test]
fn two_engines_on_two_threads_keep_the_limit_and_both_get_on() {
    let clock = regatta_tests::ManualClock::new();
    let fleet = Fleet::new(3);
    let limiter = Limiter::with_clock(Concurrency::new(3), clock.shared());
    let ledgers = [(); 2].map(|()| Ledger::new(&clock).in_fleet(&fleet));
    let _watchdog = regatta_tests::Watchdog::new();
    thread::scope(|scope| {
        for ledger in &ledgers {
            let plans = vec![Plan::of([super::toy::Act::Yield; 2], super::toy::Last::Ok); 5000];
            let engine = Engine::new(Batch::new(ledger, plans), limiter.clone()).clock(clock.shared());
            scope.spawn(move || smol::block_on(engine.run()));
        }
    });
    for ledger in &ledgers {
        assert_eq!(ledger.ends().len(), 5000);
    }
    assert_eq!((limiter.issued(), limiter.waiting(), fleet.alive()), (0, 0, 0));
}
