//! `Runner::local`: tasks that stay on their thread.

use crate::runner::support::{Fault, Gauge, after, ends, secs};
use futures::task::LocalSpawnExt;
use regatta::{Backoff, CancelToken, Clock, Ctx, Local, Runner, StopOn};
use regatta_sim::{ManualClock, Probe, Sim};
use regatta_tests::{World, on_every_executor};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Counts on an `Rc`, across an await.
async fn count(world: World, counter: Rc<Cell<u32>>) -> Result<u32, Fault> {
    counter.set(counter.get() + 1);
    world.sleep(secs(1)).await;
    Ok(counter.get())
}

/// A run that owns all it needs, for executors that want that. Its clock goes on by hand, as soon as it waits.
async fn owned_run() {
    let counter = Rc::new(Cell::new(0));
    let clock = ManualClock::new();
    let mut runner = Runner::local().limit(2).unwrap().clock(clock.shared());
    for key in 0..5 {
        let (counter, clock) = (counter.clone(), clock.clone());
        runner
            .add(key, async move {
                counter.set(counter.get() + 1);
                clock.sleep_until(clock.now() + secs(1)).await;
                Ok::<_, Fault>(Rc::strong_count(&counter) > 1)
            })
            .unwrap();
    }
    let mut run = runner.run();
    let report = futures::future::poll_fn(|cx| {
        // A timer that fires wakes this very future.
        let polled = std::pin::Pin::new(&mut run).poll(cx);
        if polled.is_pending() {
            clock.advance_to_next();
        }
        polled
    })
    .await;
    assert!(report.is_ok());
    assert_eq!((report.len(), report.elapsed(), counter.get()), (5, secs(3), 5));
    assert_eq!(Rc::strong_count(&counter), 1);
}

#[test]
fn it_runs_on_a_local_executor_of_smol() {
    let executor = smol::LocalExecutor::new();
    let task = executor.spawn(owned_run());
    smol::block_on(executor.run(task));
}

#[test]
fn it_runs_in_a_local_set_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let set = tokio::task::LocalSet::new();
    set.block_on(&runtime, async {
        tokio::task::spawn_local(owned_run()).await.unwrap();
    });
}

#[test]
fn it_runs_on_a_local_pool_of_futures() {
    let mut pool = futures::executor::LocalPool::new();
    let task = pool.spawner().spawn_local_with_handle(owned_run()).unwrap();
    pool.run_until(task);
}

#[test]
fn it_runs_in_a_simulation() {
    Sim::new(7).run(owned_run()).unwrap();
}

on_every_executor! {
    async fn tasks_share_what_is_not_send(world: World) {
        let counter = Rc::new(Cell::new(0));
        let mut runner = Runner::local().limit(2).unwrap().clock(world.clock());
        for key in 0..3 {
            runner.add(key, count(world.clone(), counter.clone())).unwrap();
        }
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 2", "ok 2", "ok 3"]);
        assert_eq!(report.elapsed(), secs(2));
        assert_eq!(Rc::strong_count(&counter), 1);
    }

    async fn tasks_borrow_what_is_not_send(world: World) {
        let (log, world) = (Rc::new(RefCell::new(Vec::new())), &world);
        let log = &log;
        let mut runner = Runner::local().limit(1).unwrap().clock(world.clock());
        for key in ["a", "b"] {
            runner
                .add_ok(key, async move {
                    log.borrow_mut().push(key);
                    world.sleep(secs(1)).await;
                    log.borrow().len()
                })
                .unwrap();
        }
        let report: regatta::Report<_, _, Fault> = runner.await;
        assert_eq!(ends(&report), ["ok 1", "ok 2"]);
        assert_eq!(*log.borrow(), ["a", "b"]);
    }

    async fn keys_values_and_errors_need_not_be_send(world: World) {
        let mut runner = Runner::local().clock(world.clock());
        runner.add(Rc::from("ok"), async { Ok(Rc::new(1)) }).unwrap();
        runner.add(Rc::<str>::from("fails"), async { Err(Rc::new("no route")) }).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "failed: no route"]);
        assert!(report.get("ok").is_some());
    }

    async fn retries_make_tasks_that_are_not_send(world: World) {
        let tries = Rc::new(Cell::new(0));
        let mut runner = Runner::local().clock(world.clock());
        let (counter, inner) = (tries.clone(), &world);
        runner
            .add_retry("a", Backoff::constant(secs(1)).times(3), async move || {
                counter.set(counter.get() + 1);
                let result = if counter.get() < 3 { Err("busy") } else { Ok(counter.get()) };
                after(inner, secs(1), result).await
            })
            .unwrap();
        let kept = tries.clone();
        runner
            .add_retry_with("b", Backoff::constant(secs(1)).times(1), async move |ctx: Ctx| {
                let _kept = kept;
                inner.sleep(secs(1)).await;
                if ctx.attempt() == 1 { Err("busy") } else { Ok(7) }
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 3", "ok 7"]);
        assert_eq!((report.elapsed(), Rc::strong_count(&tries)), (secs(5), 1));
    }

    async fn a_handle_works_from_the_same_thread(world: World) {
        let sum = Rc::new(Cell::new(0));
        let mut runner = Runner::<_, _, Fault, Local>::local().limit(1).unwrap().clock(world.clock());
        let handle = runner.handle();
        let (added, again, inner) = (sum.clone(), handle.clone(), &world);
        runner
            .add("first", async move {
                inner.sleep(secs(1)).await;
                let counted = added.clone();
                again
                    .add("second", async move {
                        inner.sleep(secs(1)).await;
                        counted.set(counted.get() + 10);
                        Ok(2)
                    })
                    .unwrap();
                added.set(added.get() + 1);
                Ok(1)
            })
            .unwrap();
        let control = async {
            world.sleep(secs(1) / 2).await;
            for key in ["third", "fourth"] {
                let counted = sum.clone();
                handle.add(key, async move { Ok(counted.replace(counted.get() + 100)) }).unwrap();
            }
            assert!(handle.cancel("fourth"));
            handle.set_limit(2).unwrap();
            assert_eq!(handle.progress().total(), 3);
        };
        let (report, ()) = futures::join!(runner.run(), control);
        assert_eq!((report.len(), report.counts().ok, sum.get()), (4, 3, 111));
        assert_eq!(handle.progress().not_ok, 1);
        let (key, task, _) = handle.try_add("late", async { Ok(Rc::strong_count(&sum) as u32) }).unwrap_err();
        assert_eq!((key, task.await), ("late", Ok(1)));
    }

    async fn a_local_run_keeps_its_limits_and_stops(world: World) {
        let (gauge, token) = (Rc::new(Gauge::default()), CancelToken::new());
        let mut runner = Runner::local().limit(3).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(1));
        for key in 0..9 {
            let (gauge, world) = (gauge.clone(), &world);
            runner
                .add_ok(key, async move {
                    let _inside = gauge.enter();
                    world.sleep(secs(2)).await;
                })
                .unwrap();
        }
        let cancel = async {
            world.sleep(secs(5)).await;
            token.cancel();
        };
        let (report, ()) = futures::join!(runner.run(), cancel);
        let report: regatta::Report<_, _, Fault> = report;
        assert_eq!((report.counts().ok, gauge.most(), report.elapsed()), (9, 3, secs(6)));
    }

    async fn a_local_run_that_is_dropped_drops_its_tasks(world: World) {
        let (probe, shared) = (Probe::new(), Rc::new(()));
        let mut runner = Runner::local().limit(1).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        for key in 0..3 {
            let (shared, world) = (shared.clone(), &world);
            let task = async move {
                world.sleep(secs(9)).await;
                Ok::<_, Fault>(Rc::strong_count(&shared))
            };
            runner.add(key, probe.also(task)).unwrap();
        }
        {
            let run = std::pin::pin!(runner.run());
            let left = futures::future::select(run, world.sleep(secs(1))).await;
            assert!(matches!(left, futures::future::Either::Right(_)));
        }
        assert_eq!((probe.drops(), probe.polls(), Rc::strong_count(&shared)), (3, 1, 1));
    }

    async fn tasks_are_collected_and_extended_under_their_numbers(world: World) {
        let shared = Rc::new(1);
        let mut runner = Runner::local().clock(world.clock());
        let tasks = |count: usize| {
            let shared = &shared;
            (0..count).map(move |n| async move { Ok::<_, Fault>(n + *Rc::clone(shared)) })
        };
        runner.extend(tasks(2));
        runner.add(3, async { Ok(30) }).unwrap();
        runner.extend(tasks(2));
        let report = runner.await;
        let keys: Vec<_> = report.tasks().iter().map(|task| *task.key()).collect();
        assert_eq!(keys, [0, 1, 3, 4, 5], "the next free number");
    }
}
