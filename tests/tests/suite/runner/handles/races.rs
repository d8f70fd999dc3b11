//! Adding races with the end of the run: what was taken is in the report, what was refused is not.

use super::owned;
use crate::runner::support::{Fault, millis};
use regatta::{AddError, CancelToken, Handle, Report, Runner, TaskError};
use regatta_sim::{Rng, Sim, yield_now};
use regatta_tests::{World, on_every_executor, oracle};
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

type Key = (usize, usize);

/// What was taken and what was refused.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<(BTreeSet<Key>, BTreeSet<Key>)>>);

impl Ledger {
    fn add(
        &self,
        handle: &Handle<'static, Key, Key, Fault>,
        key: Key,
        task: impl Future<Output = Result<Key, Fault>> + Send + 'static,
    ) -> bool {
        let added = handle.add(key, task);
        let mut ledger = self.0.lock().unwrap();
        match added {
            Ok(()) => assert!(ledger.0.insert(key)),
            Err(AddError::Closed) => assert!(ledger.1.insert(key)),
            Err(other) => panic!("{key:?}: {other}"),
        }
        added.is_ok()
    }

    fn agrees_with(&self, report: &Report<Key, Key, Fault>) {
        let ledger = self.0.lock().unwrap();
        let reported: BTreeSet<_> = report.tasks().iter().map(|task| *task.key()).collect();
        assert_eq!(reported.len(), report.len(), "each key once");
        assert_eq!(reported, ledger.0, "taken and reported");
        assert!(reported.is_disjoint(&ledger.1), "refused and reported");
    }
}

/// Adds tasks at random moments until the run is over, or enough are added.
async fn add_some(
    world: World,
    mut random: Rng,
    who: usize,
    handle: Handle<'static, Key, Key, Fault>,
    ledger: Ledger,
) {
    for n in 0..random.usize(1..12) {
        match random.u8(..3) {
            0 => world.sleep(millis(random.u64(..4))).await,
            1 => yield_now().await,
            _ => {}
        }
        let (inner, key) = (world.clone(), (who, n));
        let pause = (random.bool()).then(|| millis(random.u64(..4)));
        let task = async move {
            match pause {
                Some(pause) => inner.sleep(pause).await,
                None => yield_now().await,
            }
            Ok(key)
        };
        if !ledger.add(&handle, key, task) {
            return;
        }
    }
}

/// Some adders, and a run that ends, or is stopped, whenever that comes.
fn race(world: &World, stops: bool) -> (Runner<'static, Key, Key, Fault>, Ledger) {
    let (ledger, mut random) = (Ledger::default(), world.rng());
    let limit = random.usize(1..5);
    let mut runner = Runner::new().limit(limit).unwrap().clock(world.clock());
    if stops {
        let token = CancelToken::new();
        runner = runner.cancel_on(&token).grace(millis(random.u64(..3)));
        let (inner, pause) = (world.clone(), millis(random.u64(..10)));
        world.spawn(async move {
            inner.sleep(pause).await;
            token.cancel();
        });
    }
    let handle = runner.handle();
    ledger.add(&handle, (0, 0), owned(world, millis(random.u64(..8)), Ok((0, 0))));
    for who in 1..=random.usize(1..5) {
        world.spawn(add_some(world.clone(), random.fork(), who, handle.clone(), ledger.clone()));
    }
    (runner, ledger)
}

on_every_executor! {
    async fn every_task_that_was_taken_is_run_and_reported(world: World) {
        let (runner, ledger) = race(&world, false);
        let report = runner.run().await;
        ledger.agrees_with(&report);
        assert!(report.ok().all(|(key, value)| key == value));
        assert!(report.is_ok(), "nothing stopped it, so all were run");
    }

    async fn every_task_that_was_taken_is_run_on_an_executor_and_reported(world: World) {
        let (runner, ledger) = race(&world, false);
        let report = runner.start(world.executor()).await;
        ledger.agrees_with(&report);
        assert!(report.is_ok());
    }

    async fn every_task_that_was_taken_is_reported_also_when_the_run_is_stopped(world: World) {
        let (runner, ledger) = race(&world, true);
        let report = if world.rng().bool() { runner.run().await } else { runner.spawn_on(world.executor()).await };
        ledger.agrees_with(&report);
        for (key, error) in report.errors() {
            assert!(matches!(error, TaskError::Cancelled | TaskError::NotStarted(_)), "{key:?}: {error}");
        }
    }
}

/// More seeds than the stories have.
#[test]
fn oracle_adds_race_with_the_end() {
    oracle("adds race with the end", 300, |seed| {
        let sim = Sim::new(seed);
        let handle_outlives_run = Mutex::new(None);
        sim.run(async {
            let ledger = Ledger::default();
            let mut runner = Runner::new().limit(2).unwrap().clock(sim.clock());
            let handle = runner.handle();
            *handle_outlives_run.lock().unwrap() = Some(handle.clone());
            let mut random = sim.random();
            for who in 0..4 {
                let (handle, ledger, mut random) = (handle.clone(), ledger.clone(), random.fork());
                sim.spawn("adder", async move {
                    for n in 0..random.usize(1..20) {
                        for _ in 0..random.u8(..4) {
                            yield_now().await;
                        }
                        if !ledger.add(&handle, (who, n), async move { Ok((who, n)) }) {
                            return;
                        }
                    }
                });
            }
            for _ in 0..random.u8(..6) {
                yield_now().await;
            }
            let report = runner.run().await;
            ledger.agrees_with(&report);
            assert!(report.is_ok());
            assert_eq!(handle.progress().ok, report.len());
        })
        .unwrap();
    });
}

/// No clock here: two real threads, and the run between them.
#[test]
fn two_threads_add_while_the_run_ends() {
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..300 {
        let ledger = Ledger::default();
        let mut runner = Runner::new().limit(4).unwrap();
        let handle = runner.handle();
        let start = Barrier::new(3);
        let report = thread::scope(|scope| {
            for who in 0..2 {
                let (handle, ledger, start) = (&handle, &ledger, &start);
                scope.spawn(move || {
                    start.wait();
                    let alive = |n| n < 50 && ledger.add(handle, (who, n), async move { Ok((who, n)) });
                    (0..).find(|&n| !alive(n))
                });
            }
            start.wait();
            futures::executor::block_on(runner.run())
        });
        ledger.agrees_with(&report);
        assert!(report.is_ok());
        assert_eq!((handle.progress().ok, handle.progress().total()), (report.len(), report.len()));
        let counted = ledger.0.lock().unwrap();
        (taken, refused) = (taken + counted.0.len(), refused + counted.1.len());
    }
    println!("{taken} taken, {refused} refused");
}
