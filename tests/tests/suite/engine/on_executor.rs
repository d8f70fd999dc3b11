//! Spawned tasks: the same outcomes as in place, and a limit that holds until the executor has let go.

use super::batch::Batch;
use super::driving::Hand;
use super::strategies::Concurrency;
use super::toy::{Act, Ended, Fleet, Last, Ledger, Plan};
use super::{at_most, ms};
use regatta_core::{BoxFuture, Limiter, Outcome};
use regatta_engine::{Control, Engine, OnExecutor};
use regatta_tests::{Gated, ManualClock, Sim, World, on_every_executor};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

/// One of each kind; no ties, so that all executors must agree.
fn assortment() -> Vec<Plan> {
    let mut plans = Vec::new();
    for n in 0..8 {
        plans.push(Plan::ready());
        plans.push(Plan::of([Act::Yield; 3], Last::Ok));
        plans.push(Plan::sleep(ms(n)));
        plans.push(Plan::of([Act::Sleep(ms(n)), Act::Yield, Act::Sleep(ms(1))], Last::Err));
        plans.push(Plan::of([Act::Yield, Act::Sleep(ms(2))], Last::Panic));
        plans.push(Plan::hang().timeout(ms(n + 1)));
        plans.push(Plan::sleep(ms(9)).timeout(ms(8)));
        plans.push(Plan::sleep(ms(7)).timeout(ms(8)));
        plans.push(Plan { panics_in_drop: true, ..Plan::sleep(ms(1)) });
    }
    plans
}

on_every_executor! {
    async fn spawned_and_in_place_have_the_same_outcomes(world: World) {
        let in_place = Ledger::new(&world.clock);
        in_place.limit(at_most(5));
        let batch = Batch::new(&in_place, assortment());
        Engine::new(batch, Concurrency::new(4)).limit(at_most(5)).clock(world.clock()).run().await;
        let spawned = Ledger::new(&world.clock).in_fleet(&Fleet::new(4));
        spawned.limit(at_most(5));
        let batch = OnExecutor::new(Batch::new(&spawned, assortment()), world.executor());
        Engine::new(batch, Concurrency::new(4)).limit(at_most(5)).clock(world.clock()).run().await;
        assert_eq!(in_place.ends(), spawned.ends());
        let expected: BTreeMap<_, _> = (0..).zip(assortment().iter().map(|plan| plan.ends(false, true))).collect();
        for (key, ended) in in_place.ends() {
            assert!(expected[&key].len() == 1 && expected[&key].contains(&ended), "task {key}: {ended:?}");
        }
        in_place.assert_all_dropped();
        spawned.assert_all_dropped();
    }

    async fn an_executor_that_drops_every_task_cancels_them(world: World) {
        let ledger = Ledger::new(&world.clock);
        let batch = Batch::new(&ledger, [Plan::ready(), Plan::hang(), Plan::sleep(ms(1))]);
        Engine::new(OnExecutor::new(batch, drop), ()).clock(world.clock()).run().await;
        assert!(ledger.ends().into_values().all(|ended| ended == Ended::Cancelled));
        assert_eq!(ledger.ends().len(), 3);
        ledger.assert_all_dropped();
    }

    async fn an_executor_that_panics_starts_nothing(world: World) {
        let ledger = Ledger::new(&world.clock);
        let strategy = Concurrency::new(1);
        let heard = strategy.heard.clone();
        let batch = Batch::new(&ledger, [Plan::ready(), Plan::hang()]);
        let refuse = |_: BoxFuture<'static, ()>| std::panic::resume_unwind(Box::new("no runtime here"));
        Engine::new(OnExecutor::new(batch, refuse), strategy).clock(world.clock()).run().await;
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::NotStarted), (1, Ended::NotStarted)]));
        assert_eq!(heard.in_flight(), 0);
        assert_eq!(ledger.polls(), 0);
        ledger.assert_all_dropped();
    }

    async fn a_panic_in_a_spawned_task_is_its_own_end(world: World) {
        let ledger = Ledger::new(&world.clock);
        let batch = Batch::new(&ledger, [Plan::of([Act::Sleep(ms(1))], Last::Panic), Plan::sleep(ms(2))]);
        Engine::new(OnExecutor::new(batch, world.executor()), ()).clock(world.clock()).run().await;
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::Panicked), (1, Ended::Ok)]));
    }

    async fn a_task_that_was_timed_out_keeps_its_slot_until_it_is_gone(world: World) {
        let (ledger, start) = (Ledger::new(&world.clock), world.now());
        ledger.limit(at_most(1));
        let executor = Gated::new(world.executor());
        let batch = Batch::new(&ledger, [Plan::hang().timeout(ms(3)), Plan::ready()]);
        let source = OnExecutor::new(batch, executor.clone());
        let body = async {
            world.sleep(ms(1)).await;
            executor.shut();
            world.sleep(ms(5)).await;
            assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::TimedOut)]), "its outcome is fixed in time");
            assert_eq!((ledger.alive(), ledger.born().len()), (1, 1), "and it is still there");
            world.sleep(ms(4)).await;
            executor.open();
        };
        Engine::new(source, ()).limit(at_most(1)).clock(world.clock()).run_with(body).await;
        assert_eq!(ledger.born(), [(0, start), (1, start + ms(10))]);
        assert_eq!(ledger.ends(), BTreeMap::from([(0, Ended::TimedOut), (1, Ended::Ok)]));
    }

    async fn a_task_that_was_timed_out_keeps_its_permit_until_it_is_gone(world: World) {
        let ledger = Ledger::new(&world.clock);
        let executor = Gated::new(world.executor());
        let limiter = Limiter::with_clock(Concurrency::new(1), world.clock());
        let batch = Batch::new(&ledger, [Plan::hang().timeout(ms(3))]);
        let source = OnExecutor::new(batch, executor.clone());
        let body = async {
            world.sleep(ms(1)).await;
            executor.shut();
            world.sleep(ms(5)).await;
            assert_eq!((ledger.ends().len(), limiter.issued()), (1, 1));
            assert!(limiter.try_acquire().is_err());
            executor.open();
            let permit = limiter.acquire().await.expect("nobody closes it");
            assert_eq!(ledger.alive(), 0, "a limit stays a limit");
            permit.complete(Outcome::Success);
        };
        Engine::new(source, limiter.clone()).clock(world.clock()).run_with(body).await;
        assert_eq!(limiter.issued(), 0);
    }

    async fn a_shared_limit_outlives_the_engine_that_was_dropped(world: World) {
        let ledger = Ledger::new(&world.clock);
        let executor = Gated::new(world.executor());
        let limiter = Limiter::with_clock(Concurrency::new(2), world.clock());
        let source = OnExecutor::new(Batch::new(&ledger, vec![Plan::hang(); 5]), executor.clone());
        let mut engine = Engine::new(source, limiter.clone()).clock(world.clock());
        assert!(Hand::new().settle(&mut engine).is_pending());
        world.sleep(ms(1)).await;
        executor.shut();
        drop(engine);
        world.sleep(ms(5)).await;
        assert_eq!((ledger.alive(), limiter.issued(), limiter.waiting()), (2, 2, 0));
        executor.open();
        let permit = limiter.acquire().await.expect("nobody closes it");
        assert!(ledger.alive() < 2, "the permit was free too early");
        world.sleep(ms(1)).await;
        assert_eq!((ledger.alive(), limiter.issued()), (0, 1));
        drop(permit);
        assert_eq!(ledger.born().len(), 2, "nothing was started later");
    }

    async fn a_spawned_task_that_is_cancelled_is_dropped_by_its_executor(world: World) {
        for count in [1, 30, 31, 200] {
            let ledger = Ledger::new(&world.clock);
            let batch = Batch::new(&ledger, vec![Plan::hang(); count]);
            let orders = batch.orders();
            let body = async {
                world.sleep(ms(1)).await;
                orders.give(Control::CancelAll);
            };
            let source = OnExecutor::new(batch, world.executor());
            Engine::new(source, ()).clock(world.clock()).run_with(body).await;
            assert_eq!(ledger.ends().len(), count);
            ledger.assert_all_dropped();
        }
    }
}

#[test]
fn a_task_that_is_stopping_counts_as_such() {
    let clock = ManualClock::new();
    let ledger = Ledger::new(&clock);
    let kept: Arc<Mutex<Vec<BoxFuture<'static, ()>>>> = Arc::default();
    let keep = kept.clone();
    let batch = Batch::new(&ledger, vec![Plan::hang().timeout(ms(3)); 2]);
    let source = OnExecutor::new(batch, move |task| keep.lock().expect("nobody panics with it").push(task));
    let strategy = Concurrency::new(2);
    let heard = strategy.heard.clone();
    let (mut engine, hand) = (Engine::new(source, strategy).clock(clock.shared()), Hand::new());
    assert!(hand.settle(&mut engine).is_pending());
    assert_eq!((engine.running(), engine.stopping()), (2, 0));
    clock.advance(ms(3));
    assert!(hand.settle(&mut engine).is_pending());
    assert_eq!((engine.running(), engine.stopping(), ledger.ends().len()), (0, 2, 2));
    assert_eq!(heard.outcomes(), [], "the tokens are not back");
    let task = kept.lock().expect("nobody panicked").pop();
    drop(task);
    assert!(hand.settle(&mut engine).is_pending());
    assert_eq!((engine.running(), engine.stopping()), (0, 1));
    assert_eq!(heard.outcomes(), [Outcome::Failure], "what was fixed, not what happened since");
    kept.lock().expect("nobody panicked").clear();
    assert!(hand.settle(&mut engine).is_ready());
    assert_eq!(heard.outcomes(), [Outcome::Failure; 2]);
}

#[test]
fn an_executor_that_shuts_down_never_hangs_the_driver() {
    let sim = Sim::new(3);
    let ledger = Ledger::new(&sim.manual());
    let source = OnExecutor::new(Batch::new(&ledger, vec![Plan::hang(); 9]), sim.executor());
    let run = Engine::new(source, ()).limit(at_most(4)).clock(sim.clock()).run();
    let closer = sim.executor();
    drop(closer);
    let mut run = std::pin::pin!(run);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut cx).is_pending());
    // All that are left run into an executor that is gone.
    drop(sim);
    while run.as_mut().poll(&mut cx).is_pending() {}
    assert!(ledger.ends().into_values().all(|ended| ended == Ended::Cancelled));
    assert_eq!(ledger.ends().len(), 9);
}
