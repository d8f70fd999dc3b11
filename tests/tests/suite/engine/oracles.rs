//! Random programs on the simulator: whatever the source, the strategies and the interference, the laws hold.

use super::batch::Batch;
use super::driving::{assert_conserved, assert_work_conserved, drive};
use super::graph::Graph;
use super::inbox::Inbox;
use super::orders::Orders;
use super::strategies::{Concurrency, Heard, PerClass, Spacing};
use super::timetable::{Periodic, Timetable};
use super::toy::{Ended, Fleet, Ledger, Plan, Supply};
use super::{at_most, ms};
use regatta_core::{Limit, Outcome, Strategy, Time};
use regatta_engine::{Control, Engine, OnExecutor, Source};
use regatta_tests::{Rng, Sim, oracle};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Strategies = (Option<Concurrency>, Option<Spacing>, Option<PerClass>);

/// What may become of each task if nobody interferes.
type Expected = BTreeMap<usize, BTreeSet<Ended>>;

/// What was ordered from outside.
#[derive(Default)]
struct Interference {
    cancelled: BTreeSet<usize>,
    cancelled_all: bool,
}

/// One random program.
struct Program {
    sim: Sim,
    random: Rng,
    ledger: Ledger,
    fleet: Arc<Fleet>,
    strategies: Strategies,
    limit: Limit,
}

fn maybe<T>(random: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    random.bool().then(|| make(random))
}

fn random_limit(random: &mut Rng) -> Limit {
    maybe(random, |random| at_most(random.usize(1..6))).unwrap_or(Limit::Unlimited)
}

fn random_plans(random: &mut Rng) -> Vec<Plan> {
    (0..random.usize(0..30)).map(|_| Plan::random(random)).collect()
}

impl Program {
    fn new(seed: u64) -> Self {
        let sim = Sim::new(seed).max_time(Duration::from_secs(60));
        let mut random = sim.random();
        let concurrency = maybe(&mut random, |random| Concurrency::new(random.usize(1..5)));
        let spacing = maybe(&mut random, |random| Spacing::new(ms(random.u64(0..3))));
        let per_class = maybe(&mut random, |random| PerClass::new(random.usize(1..3)));
        let fleet = Fleet::new(concurrency.as_ref().map_or(usize::MAX, Concurrency::max));
        let ledger = Ledger::new(&sim.manual()).in_fleet(&fleet);
        let limit = random_limit(&mut random);
        ledger.limit(limit);
        Self { sim, random, ledger, fleet, strategies: (concurrency, spacing, per_class), limit }
    }

    /// Cancels and changes of the limit, at random times.
    fn interfere(&mut self, orders: &Orders, tasks: usize) -> Arc<Mutex<Interference>> {
        let interference = Arc::new(Mutex::new(Interference::default()));
        let (orders, told, mut random) = (orders.clone(), interference.clone(), self.random.fork());
        let clock = self.sim.clock();
        self.sim.spawn("interference", async move {
            for _ in 0..random.usize(0..6) {
                clock.sleep_until(clock.now() + ms(random.u64(0..5))).await;
                let control = match random.u32(0..8) {
                    0..=3 => Control::Cancel(random.usize(0..tasks.max(1))),
                    4 => Control::CancelAll,
                    _ => Control::Limit(random_limit(&mut random)),
                };
                let mut told = told.lock().expect("nobody panics with it");
                match control {
                    Control::Cancel(key) => {
                        told.cancelled.insert(key);
                    }
                    Control::CancelAll => told.cancelled_all = true,
                    Control::Limit(_) | Control::WakeAt(_) => {}
                }
                orders.give(control);
            }
        });
        interference
    }

    /// Runs the program; every law is checked after every poll of the driver.
    fn run<Src, S>(self, source: Src, peek: impl Fn(&Src) -> &S) -> Done
    where
        Src: Source,
        S: Supply,
    {
        let Self { sim, ledger, fleet, strategies, limit, .. } = self;
        let spacing = strategies.1.as_ref().map(Spacing::gap);
        let heard: Vec<_> = [
            strategies.0.as_ref().map(|s| s.heard.clone()),
            strategies.1.as_ref().map(|s| s.heard.clone()),
            strategies.2.as_ref().map(|s| s.heard.clone()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let engine = Mutex::new(Engine::new(source, strategies).limit(limit).clock(sim.clock()));
        let clock = sim.manual();
        let driver = drive(&engine, |engine, at_rest| {
            let supply = peek(engine.source());
            assert_conserved(engine, supply, clock.now());
            assert!(fleet.alive() <= engine.running() + engine.stopping());
            if at_rest {
                assert_work_conserved(engine, supply, clock.now(), |strategies, request| {
                    strategies.ready(clock.now(), request).is_ready()
                });
            }
        });
        sim.run(driver).unwrap_or_else(|deadlock| panic!("{deadlock}"));
        let engine = engine.into_inner().expect("nobody panicked");
        assert_eq!((engine.running(), engine.stopping()), (0, 0));
        let counts = peek(engine.source()).counts(Time::MAX);
        assert_eq!((counts.pending, counts.delayed), (0, 0), "the end came before the work was done");
        assert_eq!(ledger.ends().len(), counts.admitted);
        ledger.assert_all_dropped();
        for heard in &heard {
            assert_eq!(heard.in_flight(), 0);
        }
        if let Some(gap) = spacing {
            for pair in ledger.born().windows(2) {
                assert!(pair[1].1.since(pair[0].1) >= gap, "{pair:?} start within {gap:?}");
            }
        }
        Done { ledger, heard }
    }
}

struct Done {
    ledger: Ledger,
    heard: Vec<Heard>,
}

impl Done {
    /// In place, strategies hear each outcome in the order in which the source judged them.
    fn assert_heard_in_order(&self) {
        for heard in &self.heard {
            assert_eq!(heard.outcomes(), self.ledger.judged());
        }
    }

    /// A task that is stopping is heard of when it is gone, so only the number of each outcome is fixed.
    fn assert_heard(&self) {
        let sorted = |mut outcomes: Vec<Outcome>| {
            outcomes.sort_by_key(|outcome| format!("{outcome:?}"));
            outcomes
        };
        for heard in &self.heard {
            assert_eq!(sorted(heard.outcomes()), sorted(self.ledger.judged()));
        }
    }

    fn assert_ends(&self, expected: &Expected, interference: &Mutex<Interference>) {
        let interference = interference.lock().expect("nobody panicked");
        let ends = self.ledger.ends();
        assert_eq!(ends.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (key, ended) in ends {
            let may_be_cancelled = interference.cancelled_all || interference.cancelled.contains(&key);
            let allowed = &expected[&key];
            assert!(
                allowed.contains(&ended) || (may_be_cancelled && ended == Ended::Cancelled),
                "task {key} ended as {ended:?} and not as one of {allowed:?}"
            );
        }
    }
}

fn expected(plans: &[Plan], spawned: bool) -> Expected {
    let compute = plans.iter().any(Plan::computes);
    plans.iter().map(|plan| plan.ends(compute, spawned)).enumerate().collect()
}

fn random_table(program: &mut Program) -> (Timetable, Orders, usize, Expected) {
    let now = program.sim.manual().now();
    let jobs: Vec<_> = (0..program.random.usize(0..4))
        .map(|_| Periodic {
            due: now + ms(program.random.u64(0..10)),
            period: ms(program.random.u64(1..8)),
            times: program.random.usize(0..8),
            plan: Plan::random(&mut program.random),
        })
        .collect();
    let tasks = jobs.iter().map(|job| job.times).sum();
    let anything = jobs.iter().flat_map(|job| job.plan.ends(true, true)).collect::<BTreeSet<_>>();
    let expected = (0..tasks).map(|key| (key, anything.clone())).collect();
    let table = Timetable::new(&program.ledger, jobs);
    let orders = table.orders();
    (table, orders, tasks, expected)
}

#[test]
fn oracle_batch() {
    oracle("batch", 100, |seed| {
        let mut program = Program::new(seed);
        let plans = random_plans(&mut program.random);
        let expected = expected(&plans, false);
        let batch = Batch::new(&program.ledger, plans);
        let interference = program.interfere(&batch.orders(), expected.len());
        let done = program.run(batch, |batch| batch);
        done.assert_heard_in_order();
        done.assert_ends(&expected, &interference);
        let keys: Vec<_> = done.ledger.born().into_iter().map(|(key, _)| key).collect();
        assert!(keys.is_sorted(), "a batch starts in order");
    });
}

#[test]
fn oracle_inbox() {
    oracle("inbox", 100, |seed| {
        let mut program = Program::new(seed);
        let plans = random_plans(&mut program.random);
        let expected = expected(&plans, false);
        let (inbox, mail) = Inbox::new(&program.ledger);
        let interference = program.interfere(&mail.orders, plans.len());
        let (clock, mut random) = (program.sim.clock(), program.random.fork());
        let due = Arc::new(Mutex::new(BTreeMap::new()));
        let told = due.clone();
        program.sim.spawn("pusher", async move {
            for plan in plans {
                if random.u32(0..3) == 0 {
                    clock.sleep_until(clock.now() + ms(random.u64(0..3))).await;
                }
                let mut told = told.lock().expect("nobody panics with it");
                let (key, time) = if random.u32(0..3) == 0 {
                    let time = clock.now() + ms(random.u64(0..9));
                    (mail.push_at(time, plan), time)
                } else {
                    (mail.push(plan), clock.now())
                };
                told.insert(key, time);
            }
            mail.close();
        });
        let done = program.run(inbox, |inbox| inbox);
        done.assert_heard_in_order();
        done.assert_ends(&expected, &interference);
        let due = due.lock().expect("nobody panicked");
        for (key, born) in done.ledger.born() {
            assert!(due[&key] <= born, "task {key}, due at {:?}, started at {born:?}", due[&key]);
        }
    });
}

#[test]
fn oracle_graph() {
    oracle("graph", 100, |seed| {
        let mut program = Program::new(seed);
        let plans = random_plans(&mut program.random);
        let compute = plans.iter().any(Plan::computes);
        let needs: Vec<BTreeSet<usize>> = (0..plans.len())
            .map(|key| {
                (0..program.random.usize(0..3))
                    .filter(|_| key > 0)
                    .map(|_| program.random.usize(0..key))
                    .collect()
            })
            .collect();
        let graph = Graph::new(&program.ledger, plans.iter().cloned().zip(needs.iter().cloned()));
        let interference = program.interfere(&graph.orders(), plans.len());
        let done = program.run(graph, |graph| graph);
        done.assert_heard_in_order();
        let ends = done.ledger.ends();
        let born: BTreeSet<_> = done.ledger.born().into_iter().map(|(key, _)| key).collect();
        let expected = plans.iter().zip(&needs).enumerate().map(|(key, (plan, needs))| {
            let skipped = needs.iter().any(|need| ends[need] != Ended::Ok);
            assert_eq!(born.contains(&key), !skipped, "node {key} needs {needs:?}");
            (key, if skipped { BTreeSet::from([Ended::Skipped]) } else { plan.ends(compute, false) })
        });
        done.assert_ends(&expected.collect(), &interference);
    });
}

#[test]
fn oracle_timetable() {
    oracle("timetable", 100, |seed| {
        let mut program = Program::new(seed);
        let (table, orders, tasks, expected) = random_table(&mut program);
        let interference = program.interfere(&orders, tasks);
        let due = Arc::new(Mutex::new(Vec::new()));
        let told = due.clone();
        let done = program.run(table, move |table: &Timetable| {
            *told.lock().expect("nobody panics with it") = table.occurrences.clone();
            table
        });
        done.assert_heard_in_order();
        done.assert_ends(&expected, &interference);
        for ((_, due), (key, born)) in due.lock().expect("nobody panicked").iter().zip(done.ledger.born()) {
            assert!(*due <= born, "occurrence {key} is early");
        }
    });
}

#[test]
fn oracle_batch_on_an_executor() {
    oracle("batch_on_an_executor", 100, |seed| {
        let mut program = Program::new(seed);
        let plans = random_plans(&mut program.random);
        let expected = expected(&plans, true);
        let batch = Batch::new(&program.ledger, plans);
        let interference = program.interfere(&batch.orders(), expected.len());
        let source = OnExecutor::new(batch, program.sim.executor());
        let done = program.run(source, OnExecutor::get_ref);
        done.assert_heard();
        done.assert_ends(&expected, &interference);
    });
}

#[test]
fn oracle_timetable_on_an_executor() {
    oracle("timetable_on_an_executor", 100, |seed| {
        let mut program = Program::new(seed);
        let (table, orders, tasks, expected) = random_table(&mut program);
        let interference = program.interfere(&orders, tasks);
        let source = OnExecutor::new(table, program.sim.executor());
        let done = program.run(source, OnExecutor::get_ref);
        done.assert_heard();
        done.assert_ends(&expected, &interference);
    });
}

#[test]
fn oracle_same_seed_same_trace() {
    oracle("same_seed_same_trace", 200, |seed| {
        let run = || {
            let mut program = Program::new(seed);
            program.sim = program.sim.record_trace();
            let plans = random_plans(&mut program.random);
            let batch = Batch::new(&program.ledger, plans);
            program.interfere(&batch.orders(), 30);
            let (ledger, executor) = (program.ledger.clone(), program.sim.executor());
            if seed % 2 == 0 {
                program.run(batch, |batch| batch);
            } else {
                program.run(OnExecutor::new(batch, executor), OnExecutor::get_ref);
            }
            ledger.trace()
        };
        assert_eq!(run(), run());
    });
}
