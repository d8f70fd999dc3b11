//! Random runs under random orders: whatever is called and when, the books balance.

use crate::runner::support::{Fault, millis};
use futures::channel::oneshot;
use regatta::{
    AddError, Backoff, Clock, Ctx, Event, EventKind, Handle, NotStarted, Observer, Report, Runner, StopOn,
    TaskError,
};
use regatta_sim::{Probe, Rng, Sim, yield_now};
use regatta_tests::oracle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

type TheHandle = Handle<'static, u32, u32, Fault>;

/// What the observer hears, and what the orders were.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<Page>>);

#[derive(Default)]
struct Page {
    running: BTreeSet<usize>,
    finished: BTreeMap<usize, String>,
    limit: usize,
    stopped: bool,
    heard: bool,
    /// Keys that were added, and those whose cancel was heard.
    added: BTreeSet<u32>,
    cancelled: BTreeSet<u32>,
}

impl Books {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap()
    }
}

impl Observer for Books {
    fn on_event(&self, event: &Event<'_>) {
        let mut page = self.page();
        let id = event.id;
        page.heard = true;
        assert!(!page.finished.contains_key(&id), "{id} is heard of after its end");
        match event.kind {
            EventKind::Started { .. } => {
                assert!(page.running.insert(id), "{id} runs twice");
                assert!(page.running.len() <= page.limit, "{:?} above {}", page.running, page.limit);
                assert!(!page.stopped, "{id} starts after the stop");
                let cancelled =
                    page.cancelled.iter().any(|key| format!("{key:?}") == format!("{:?}", event.name));
                assert!(!cancelled, "{id} starts after its cancel");
            }
            EventKind::Retrying { .. } => assert!(page.running.remove(&id)),
            EventKind::Finished { state, .. } => {
                page.running.remove(&id);
                page.finished.insert(id, state.to_owned());
            }
            _ => {}
        }
    }
}

/// A task of random length and end. Made from a factory, it may wait until it is told to stop.
#[derive(Clone)]
struct Plan {
    key: u32,
    steps: u8,
    pause: Duration,
    end: u8,
    clock: Arc<dyn Clock>,
    probe: Probe,
}

impl Plan {
    fn random(sim: &Sim, random: &mut Rng, key: u32, probe: &Probe) -> Self {
        let (steps, pause, end) = (random.u8(..3), millis(random.u64(..6)), random.u8(..8));
        Self { key, steps, pause, end, clock: sim.clock(), probe: probe.clone() }
    }

    fn task(self, ctx: Option<Ctx>) -> impl Future<Output = Result<u32, Fault>> + Send + 'static {
        self.probe.clone().also(async move {
            for _ in 0..self.steps {
                yield_now().await;
            }
            self.clock.sleep_until(self.clock.now() + self.pause).await;
            match (self.end, ctx) {
                (0, _) => std::panic::resume_unwind(Box::new("overboard")),
                (1 | 2, _) => Err("busy"),
                (3, Some(ctx)) => {
                    ctx.cancelled().await;
                    Ok(self.key)
                }
                _ => Ok(self.key),
            }
        })
    }
}

/// A run with random settings and tasks, all of them in the books.
fn random_run(sim: &Sim, random: &mut Rng, books: &Books, probe: &Probe) -> Runner<'static, u32, u32, Fault> {
    let limit = random.usize(1..6);
    let mut runner = Runner::new().limit(limit).unwrap().clock(sim.clock()).observer(books.clone());
    books.page().limit = limit;
    if random.u8(..3) == 0 {
        runner = runner.grace(millis(random.u64(1..9)));
    }
    match random.u8(..8) {
        0 => runner = runner.timeout(millis(random.u64(1..40))),
        1 => runner = runner.task_timeout(millis(random.u64(1..8))),
        2 => runner = runner.stop_on(StopOn::FirstError),
        _ => {}
    }
    for key in 0..random.u32(1..25) {
        let plan = Plan::random(sim, random, key, probe);
        if random.bool() {
            let pause = millis(random.u64(..9));
            let make = move |ctx| plan.task(Some(ctx));
            runner.add_retry_with(key, Backoff::constant(pause).times(random.u32(..3)), make).unwrap();
        } else {
            runner.add(key, plan.task(None)).unwrap();
        }
        books.page().added.insert(key);
    }
    runner
}

/// Gives random orders, the last of which is a stop.
async fn give_orders(sim: &Sim, mut random: Rng, handle: &TheHandle, books: &Books, probe: &Probe) {
    for _ in 0..random.u32(1..25) {
        match random.u8(..3) {
            0 => sim.sleep(millis(random.u64(..4))).await,
            1 => yield_now().await,
            _ => {}
        }
        let key = random.u32(..40);
        match random.u8(..10) {
            0..4 => {
                if handle.cancel(&key) {
                    assert!(books.page().added.contains(&key), "{key} was never added");
                    books.page().cancelled.insert(key);
                }
            }
            // Orders before the run have tests of their own.
            4..6 if books.page().heard => {
                let limit = random.usize(1..6);
                handle.set_limit(limit).unwrap();
                books.page().limit = limit;
            }
            4..6 => {}
            _ => match handle.add(key, Plan::random(sim, &mut random, key, probe).task(None)) {
                Ok(()) => assert!(books.page().added.insert(key), "{key} was taken twice"),
                Err(AddError::Duplicate { .. }) => assert!(books.page().added.contains(&key), "{key} is new"),
                Err(_) => {}
            },
        }
        let snapshot = handle.progress();
        assert_eq!(snapshot.total(), books.page().added.len());
    }
    sim.sleep(millis(random.u64(5..60))).await;
    handle.stop();
    // The driver hears of it in its next pass, before it starts anything.
    books.page().stopped = true;
}

fn balances(books: &Books, handle: &TheHandle, probe: &Probe, report: &Report<u32, u32, Fault>) {
    let page = books.page();
    let keys: BTreeSet<_> = report.tasks().iter().map(|task| *task.key()).collect();
    assert_eq!((&keys, report.len()), (&page.added, keys.len()), "what was taken is reported once");
    assert_eq!(page.finished.len(), report.len(), "each has one end");
    for (id, task) in report.tasks().iter().enumerate() {
        assert_eq!(task.state(), page.finished[&id], "{report}");
        let why = TaskError::<Fault>::state(&TaskError::NotStarted(NotStarted::Cancelled));
        assert_eq!(task.state() == why, task.attempts() == 0, "{report}");
    }
    assert!(page.running.is_empty());
    let (now, counts) = (handle.progress(), report.counts());
    assert_eq!((now.ok, now.not_ok, now.total()), (counts.ok, counts.total() - counts.ok, report.len()));
    assert_eq!((probe.alive(), probe.drops()), (0, probe.wrapped()));
}

#[test]
fn oracle_random_orders_keep_the_books() {
    oracle("random orders keep the books", 400, |seed| {
        let sim = Sim::new(seed);
        let (books, probe, mut random) = (Books::default(), Probe::new(), sim.random());
        let mut runner = random_run(&sim, &mut random, &books, &probe);
        let handle = runner.handle();
        let how = random.u8(..3);
        let (executor, spawner) = (sim.executor(), sim.executor());
        let report = sim.run(async {
            let (sender, receiver) = oneshot::channel();
            sim.spawn("driver", async move {
                let report = match how {
                    0 => runner.run().await,
                    1 => runner.spawn_on(executor).await,
                    _ => runner.start(spawner).await,
                };
                sender.send(report).unwrap();
            });
            give_orders(&sim, random.fork(), &handle, &books, &probe).await;
            receiver.await.unwrap()
        });
        balances(&books, &handle, &probe, &report.unwrap());
    });
}
