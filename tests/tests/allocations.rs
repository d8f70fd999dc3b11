//! How many allocations a task costs: none once warm where nothing is boxed, one where the task is, one for the job of a
//! queue. And how much memory a long run holds: no more at its end than after a quarter of it.
//!
//! A test of its own, because it counts what the whole process allocates: no other test may run beside it. The cost of
//! a task is the difference between a run of twice as many tasks and a run of so many, so that what a run costs in
//! itself doesn't count.

use futures::StreamExt;
use regatta::queue::{Ctx, Options, Queue, Results};
use regatta::strategies::Concurrency;
use regatta::{Backoff, Report, Runner, for_each, for_each_sync, map, map_ok, race, stream, try_map};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: u64 = 100_000;
const LIMIT: usize = 64;

/// Long enough to be set for each task and to come for none.
const HOUR: Duration = Duration::from_secs(3600);

/// How a vector's growth shows: twice as many results, one more reallocation; two if the sizes lie badly.
const GROWTH: u64 = 2;

/// How many tasks the long runs have: ten million if `REGATTA_LARGE` is set, fewer otherwise, for builds without
/// optimisation.
fn many() -> u64 {
    if std::env::var_os("REGATTA_LARGE").is_some() { 10_000_000 } else { 1_000_000 }
}

/// So many bytes more may be in use at the end of a run than after its first quarter.
const DRIFT: usize = 64 << 10;

/// Bytes in use.
fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Bytes in use at two moments of a run.
#[derive(Default)]
struct Marks {
    quarter: Cell<usize>,
    end: Cell<usize>,
}

impl Marks {
    /// The items of a run, which take note of the first moment on their way.
    fn items(&self, count: u64) -> impl Iterator<Item = u64> {
        (0..count).inspect(move |n| {
            if *n == count / 4 {
                self.quarter.set(live());
            }
        })
    }

    /// The second moment: the run has ended, and its results are still there.
    fn end(&self) {
        self.end.set(live());
    }

    /// How far the two moments lie apart.
    fn drift(self, name: &str, before: usize) -> usize {
        let (quarter, end) = (self.quarter.get(), self.end.get());
        let drift = quarter.abs_diff(end);
        let held = quarter.saturating_sub(before);
        println!(
            "{name:44} {held:>10} bytes after a quarter of {} tasks, {drift} bytes apart at the end",
            many()
        );
        drift
    }
}

/// Allocations and reallocations of `run`.
fn allocations<R>(run: impl FnOnce() -> R) -> u64 {
    let region = Region::new(ALLOCATOR);
    let result = run();
    let stats = region.change();
    drop(result);
    (stats.allocations + stats.reallocations) as u64
}

/// The allocations that `TASKS` more tasks cost.
fn cost<R>(name: &str, run: impl Fn(u64) -> R) -> u64 {
    run(1000);
    let (few, many) = (allocations(|| run(TASKS)), allocations(|| run(2 * TASKS)));
    let cost = many.saturating_sub(few);
    println!("{name:44} {cost:>8} allocations for {TASKS} tasks: {:.5} each", cost as f64 / TASKS as f64);
    cost
}

async fn ready(n: u64) -> Result<u64, Infallible> {
    Ok(n)
}

async fn yields_once(n: u64) -> Result<u64, Infallible> {
    regatta_sim::yield_now().await;
    Ok(n)
}

/// One test, so that nothing runs beside it.
#[test]
fn allocations_and_memory() {
    allocations_per_task();
    allocations_per_job();
    bytes_per_waiting_job();
    memory_of_long_runs();
    memory_of_long_queues();
    room_for_promises();
}

/// What an iterator promises is set aside, up to a gibibyte; one that promises more may have no end.
fn room_for_promises() {
    let before = live();
    let believed = map(0..1_000_000, 1, ready).unwrap();
    let held = live() - before;
    assert!(held >= 8_000_000, "room for a million results: {held}");
    drop(believed);
    for too_many in [1 << 30, u64::MAX] {
        let (all, map) = (live(), map(0..too_many, 1, ready).unwrap());
        assert!(live() - all < DRIFT);
        drop(map);
        let (all, map) = (live(), try_map(0..too_many, 1, ready).unwrap());
        assert!(live() - all < DRIFT);
        drop(map);
    }
}

/// Each task has a time of its own, and none of them is over before it: what is kept of ended tasks would show.
fn memory_of_long_runs() {
    const TIMEOUT: Duration = Duration::from_secs(10);
    let mut drifts = Vec::new();
    let mut measure = |name, run: &dyn Fn(&Marks)| {
        let (before, marks) = (live(), Marks::default());
        run(&marks);
        drifts.push(marks.drift(name, before));
    };
    measure("map, task timeout", &|marks| {
        let run = map(marks.items(many()), LIMIT, ready).unwrap().task_timeout(TIMEOUT);
        let results = smol::block_on(run);
        marks.end();
        assert_eq!(results.len() as u64, many());
    });
    measure("map, one yield, task timeout", &|marks| {
        let run = map(marks.items(many()), LIMIT, yields_once).unwrap().task_timeout(TIMEOUT);
        let results = smol::block_on(run);
        marks.end();
        assert_eq!(results.len() as u64, many());
    });
    measure("try_map, one yield, task timeout", &|marks| {
        let run = try_map(marks.items(many()), LIMIT, yields_once).unwrap().task_timeout(TIMEOUT);
        let values = smol::block_on(run).unwrap();
        marks.end();
        assert_eq!(values.len() as u64, many());
    });
    measure("for_each, one yield, task timeout", &|marks| {
        let run = for_each(marks.items(many()), LIMIT, yields_once, async |done| {
            let count = done.count().await;
            marks.end();
            count
        });
        assert_eq!(smol::block_on(run.unwrap().task_timeout(TIMEOUT)) as u64, many());
    });
    measure("for_each_sync, one yield, task timeout", &|marks| {
        let mut count = 0;
        let run = for_each_sync(marks.items(many()), LIMIT, yields_once, |_| {
            count += 1;
            if count == many() {
                marks.end();
            }
        });
        smol::block_on(run.unwrap().task_timeout(TIMEOUT));
        assert_eq!(count, many());
    });
    measure("stream, one yield, task timeout", &|marks| {
        let mut done = stream(marks.items(many()), LIMIT, yields_once).unwrap().task_timeout(TIMEOUT);
        assert_eq!(smol::block_on(done.by_ref().count()) as u64, many());
        marks.end();
    });
    assert!(drifts.iter().all(|drift| *drift <= DRIFT), "{drifts:?}");
}

/// A share of the jobs fails: most of these once, some for good.
async fn flaky(job: Arc<u64>, ctx: Ctx<u64, u64, &'static str>) -> Result<u64, &'static str> {
    regatta_sim::yield_now().await;
    match *job % 1000 {
        7 => Err("never"),
        1..=9 if ctx.attempt() == 1 => Err("not yet"),
        _ => Ok(*job),
    }
}

/// Ten million jobs, or one, with retries and a time for each: what is kept of those that have ended would show.
fn memory_of_long_queues() {
    const TIMEOUT: Duration = Duration::from_secs(10);
    let builder = || {
        Queue::<u64>::builder()
            .workers(LIMIT)
            .and_then(|builder| builder.capacity(LIMIT))
            .unwrap()
            .task_timeout(TIMEOUT)
            .retry(Backoff::constant(Duration::from_micros(100)).times(1))
    };
    let mut drifts = Vec::new();
    let mut measure = |name, run: &dyn Fn(&Marks)| {
        let (before, marks) = (live(), Marks::default());
        run(&marks);
        drifts.push(marks.drift(name, before));
    };
    measure("Queue::for_each, retries, task timeout", &|marks| {
        let each = builder().for_each(marks.items(many()), flaky, async |mut results| {
            let mut read = 0;
            while results.next().await.is_some() {
                read += 1;
            }
            marks.end();
            read
        });
        let (read, finished) = smol::block_on(each.unwrap());
        assert_eq!((read, finished.stats.failed as u64), (many(), many() / 1000));
        assert_eq!(finished.stats.retries as u64, many() / 1000 * 9);
    });
    measure("Queue, pushes in and results out", &|marks| {
        let (queue, mut results, mut engine) =
            builder().results(Results::Bounded(LIMIT)).unwrap().build(flaky).unwrap();
        let body = async {
            let push = async {
                for job in marks.items(many()) {
                    queue.push(job).await.unwrap();
                }
                queue.close();
            };
            let read = async {
                let mut read = 0;
                while results.next().await.is_some() {
                    read += 1;
                }
                marks.end();
                read
            };
            futures::join!(push, read).1
        };
        let (read, finished) = smol::block_on(engine.run_with(body));
        assert_eq!((read, finished.stats.settled as u64), (many(), many()));
    });
    measure("Queue, tickets, keys", &|marks| {
        let (queue, _results, mut engine) = builder().build(flaky).unwrap();
        let body = async {
            let jobs = marks.items(many() / 4 * 4).map(|job| {
                let ticket = queue.submit_with(job, Options::new().key(job));
                async { ticket.await.unwrap().await.attempts as u64 }
            });
            let attempts = futures::stream::iter(jobs).buffer_unordered(LIMIT / 4);
            let attempts = attempts.fold(0, async |sum, attempts| sum + attempts).await;
            marks.end();
            attempts
        };
        let (attempts, finished) = smol::block_on(engine.run_with(body));
        assert_eq!(attempts, finished.stats.settled as u64 + finished.stats.retries as u64);
    });
    assert!(drifts.iter().all(|drift| *drift <= DRIFT), "{drifts:?}");
}

/// What a job costs that waits: its entry, its place in the order, and the `Arc` around it.
fn bytes_per_waiting_job() {
    let waiting = |name: &str, options: &dyn Fn(u64) -> Options| {
        let (queue, _results, _engine) = Queue::<u64>::builder()
            .workers(1)
            .and_then(|builder| builder.capacity(TASKS as usize))
            .unwrap()
            .build(async |job, _ctx| Ok::<_, Infallible>(*job))
            .unwrap();
        let before = live();
        for job in 0..TASKS {
            let _ = queue.try_push_with(job, options(job)).unwrap();
        }
        let each = (live() - before) as f64 / TASKS as f64;
        println!("{name:44} {each:>8.1} bytes for a job that waits");
        each
    };
    let plain = waiting("Queue", &|_| Options::new());
    let delayed = waiting("Queue, with a delay", &|_| Options::new().delay(HOUR));
    let keyed = waiting("Queue, with a key", &|job| Options::new().key(job));
    // Vectors grow twofold, so half of what they hold may be room.
    assert!(plain <= WAITING && delayed <= WAITING + 100.0 && keyed <= WAITING + 250.0);
}

/// Bytes that a waiting job may take.
const WAITING: f64 = 320.0;

fn allocations_per_job() {
    let builder =
        || Queue::<u64>::builder().workers(LIMIT).and_then(|builder| builder.capacity(LIMIT)).unwrap();
    let read = async |mut results: regatta::queue::Reader<u64, u64, Infallible>| {
        let mut read = 0;
        while results.next().await.is_some() {
            read += 1;
        }
        read
    };
    // One for the job itself, which its handler, its retries and its result share.
    let one = [
        cost("Queue::for_each, ready", |n| {
            let each = builder().for_each(0..n, async |job, _| ready(*job).await, read);
            assert_eq!(smol::block_on(each.unwrap()).0, n);
        }),
        cost("Queue::for_each, one yield", |n| {
            let each = builder().for_each(0..n, async |job, _| yields_once(*job).await, read);
            assert_eq!(smol::block_on(each.unwrap()).0, n);
        }),
        cost("Queue::for_each, one yield, all settings", |n| {
            let each = builder()
                .task_timeout(HOUR)
                .attempt_timeout(HOUR)
                .retry(Backoff::constant(HOUR).times(1))
                .strategy(Concurrency::new(LIMIT / 2).unwrap())
                .discipline(regatta::strategies::Priority::strict())
                .for_each(0..n, async |job, _| yields_once(*job).await, read);
            assert_eq!(smol::block_on(each.unwrap()).0, n);
        }),
        cost("Queue, pushes in and results out", |n| {
            let (queue, results, mut engine) = builder()
                .results(Results::Bounded(LIMIT))
                .unwrap()
                .build(async |job, _| yields_once(*job).await)
                .unwrap();
            let body = async {
                let push = async {
                    for job in 0..n {
                        queue.push(job).await.unwrap();
                    }
                    queue.close();
                };
                futures::join!(push, read(results)).1
            };
            assert_eq!(smol::block_on(engine.run_with(body)).0, n);
        }),
        cost("queue::map, one yield", |n| {
            let map = regatta::queue::map(0..n, LIMIT, async |job, _| yields_once(*job).await);
            assert_eq!(smol::block_on(map.unwrap()).len() as u64, n);
        }),
    ];
    let more = [
        // The ticket's channel, and what the job needs to answer.
        cost("Queue, tickets", |n| {
            let (queue, _results, mut engine) =
                builder().build(async |job, _| yields_once(*job).await).unwrap();
            let body = async {
                for job in 0..n {
                    assert!(queue.submit(job).await.unwrap().await.is_ok());
                }
            };
            let _ = smol::block_on(engine.run_with(body));
        }),
        // What the job keeps of its failure, its rule, and its error.
        cost("Queue, one retry each", |n| {
            let each = builder().retry(Backoff::constant(Duration::ZERO).times(1)).for_each(
                0..n,
                async |job, ctx| if ctx.attempt() == 1 { Err("once") } else { Ok(*job) },
                async |mut results| {
                    let mut read = 0;
                    while results.next().await.is_some() {
                        read += 1;
                    }
                    read
                },
            );
            assert_eq!(smol::block_on(each.unwrap()).0, n);
        }),
    ];
    // The sixth of one more is the list of whom to wake, made anew for each look at a queue that has somebody to wake.
    assert!(one.iter().all(|cost| (TASKS..=TASKS + TASKS / 5).contains(cost)), "{one:?}");
    let most = [5 * TASKS, 7 * TASKS + TASKS / 20];
    assert!(more.iter().zip(most).all(|(cost, most)| *cost <= most), "{more:?}");
}

fn allocations_per_task() {
    let block_on = |count: u64, results: usize| assert_eq!(results as u64, count);

    let free = [
        cost("map, ready", |n| block_on(n, smol::block_on(map(0..n, LIMIT, ready).unwrap()).len())),
        cost("map, one yield", |n| block_on(n, smol::block_on(map(0..n, LIMIT, yields_once).unwrap()).len())),
        cost("map, ready, task timeout", |n| {
            let map = map(0..n, LIMIT, ready).unwrap().task_timeout(HOUR);
            block_on(n, smol::block_on(map).len());
        }),
        cost("map, one yield, task timeout", |n| {
            let map = map(0..n, LIMIT, yields_once).unwrap().task_timeout(HOUR);
            block_on(n, smol::block_on(map).len());
        }),
        cost("map_ok, async closure, one yield", |n| {
            let map = map_ok(0..n, LIMIT, async |n| yields_once(n).await.is_ok());
            block_on(n, smol::block_on(map.unwrap()).len());
        }),
        cost("for_each, one yield", |n| {
            let each = for_each(0..n, LIMIT, yields_once, async |mut done| {
                let mut read = 0;
                while done.next().await.is_some() {
                    read += 1;
                }
                read
            });
            block_on(n, smol::block_on(each.unwrap()));
        }),
        cost("try_map, one yield", |n| {
            block_on(n, smol::block_on(try_map(0..n, LIMIT, yields_once).unwrap()).unwrap().len());
        }),
        cost("race, all but the last fail", |n| {
            let last = n - 1;
            let raced =
                race(0..n, LIMIT, async move |n| if n == last { Ok(n) } else { Err(yields_once(n).await) });
            assert_eq!(smol::block_on(raced.unwrap()).unwrap(), last);
        }),
        cost("stream, one yield", |n| {
            block_on(n, smol::block_on(stream(0..n, LIMIT, yields_once).unwrap().count()));
        }),
        cost("for_each_sync, one yield", |n| {
            let mut count = 0;
            smol::block_on(for_each_sync(0..n, LIMIT, yields_once, |_| count += 1).unwrap());
            block_on(n, count);
        }),
        cost("map, one yield, strategy", |n| {
            let strategy = Concurrency::new(LIMIT / 2).unwrap();
            let map = map(0..n, LIMIT, yields_once).unwrap().strategy(strategy);
            block_on(n, smol::block_on(map).len());
        }),
    ];
    assert!(free.iter().all(|cost| *cost <= GROWTH), "{free:?}");

    let boxed = [
        cost("Runner, ready", |n| run(n, Runner::new(), ready)),
        cost("Runner, one yield", |n| run(n, Runner::new(), yields_once)),
        cost("Runner, one yield, task timeout", |n| run(n, Runner::new().task_timeout(HOUR), yields_once)),
    ];
    assert!(boxed.iter().all(|cost| (TASKS..=TASKS + TASKS / 100).contains(cost)), "{boxed:?}");

    let retried = cost("Runner, retried task that succeeds at once", |n| {
        let mut runner = Runner::new();
        for key in 0..n {
            runner.add_retry(key, Backoff::constant(HOUR), move || yields_once(key)).unwrap();
        }
        let report: Report<_, _, _> = smol::block_on(runner.run());
        block_on(n, report.len());
    });
    assert!(retried <= 2 * TASKS + TASKS / 50, "{retried}");
}

fn run<F>(count: u64, runner: Runner<'_, u64, u64, Infallible>, task: impl Fn(u64) -> F)
where
    F: Future<Output = Result<u64, Infallible>> + Send + 'static,
{
    let mut runner = runner.limit(LIMIT).unwrap();
    for key in 0..count {
        runner.add(key, task(key)).unwrap();
    }
    assert_eq!(smol::block_on(runner.run()).counts().ok as u64, count);
}
