use super::*;
use crate::{Probe, What, yield_now};
use regatta_core::Executor;
use std::cell::Cell;
use std::collections::HashSet;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;

mod failures;

const SECOND: Duration = Duration::from_secs(1);

/// A few tasks that yield, sleep random times and spawn more: enough for orders to differ.
fn busy_program(sim: &Sim) -> Result<Vec<u32>, Deadlock> {
    let (send, receive) = mpsc::channel();
    for n in 0..4 {
        let (send, clock, executor, mut random) = (send.clone(), sim.clock(), sim.executor(), sim.random());
        sim.spawn(format!("worker {n}"), async move {
            for step in 0..3 {
                yield_now().await;
                let pause = Duration::from_millis(random.u64(0..3));
                clock.sleep_until(clock.now() + pause).await;
                let send = send.clone();
                executor.spawn(Box::pin(async move {
                    yield_now().await;
                    send.send(n * 10 + step).expect("the receiver lives as long as the run");
                }));
            }
        });
    }
    sim.run(async { sim.sleep(SECOND).await })?;
    Ok(receive.try_iter().collect())
}

#[test]
fn smoke() {
    let sim = Sim::new(1);
    let start = sim.clock().now();
    let woke = sim.run(async {
        sim.sleep(SECOND * 900).await;
        sim.clock().now()
    });
    assert_eq!(woke.map(|time| time.since(start)), Ok(SECOND * 900));
}

#[test]
fn empty() {
    let sim = Sim::new(1).record_trace();
    assert_eq!(sim.run(async { 7 }), Ok(7));
    let whats: Vec<_> = sim.trace().iter().map(|entry| entry.what).collect();
    assert_eq!(whats, [What::Polled, What::Ended]);
    assert_eq!(sim.trace()[0].to_string(), "1s main polled");
}

#[test]
fn same_seed_same_trace() {
    for seed in 0..200 {
        let [first, second] = [0, 1].map(|_| {
            let sim = Sim::new(seed).record_trace();
            (busy_program(&sim), sim.trace(), sim.stats())
        });
        assert!(first.1.len() > 100, "the program does something: {}", first.1.len());
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn different_seeds_are_different_schedules() {
    let orders: HashSet<_> =
        (0..200).map(|seed| busy_program(&Sim::new(seed)).expect("no deadlock")).collect();
    assert!(orders.len() > 150, "{} orders of 200", orders.len());
}

#[test]
fn every_order_of_three_tasks_occurs_and_main_takes_part() {
    let mut orders = HashSet::new();
    for seed in 0..200 {
        let sim = Sim::new(seed).record_trace();
        sim.spawn("a", async {});
        sim.executor().spawn_named("b", async {});
        sim.run(sim.sleep(SECOND)).expect("no deadlock");
        let polled = sim.trace().into_iter().filter(|entry| entry.what == What::Polled).take(3);
        orders.insert(polled.map(|entry| entry.task.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(orders.len(), 6);
}

#[test]
fn the_test_programs_random_numbers_leave_the_order_alone() {
    let order = |draws| {
        let sim = Sim::new(9).record_trace();
        let _streams: Vec<_> = (0..draws).map(|_| sim.random()).collect();
        for n in 0..10 {
            sim.spawn(format!("{n}"), yield_now());
        }
        sim.run(sim.sleep(SECOND)).expect("no deadlock");
        sim.trace()
    };
    assert_eq!(order(0), order(5));
    let sim = Sim::new(9);
    assert_ne!(sim.random().u64(..), sim.random().u64(..), "each call gives another stream");
}

#[test]
fn time_jumps_only_when_nothing_is_ready() {
    let sim = Sim::new(3);
    let clock = sim.clock();
    sim.spawn("yields", async move {
        let start = clock.now();
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(clock.now(), start);
    });
    sim.run(sim.sleep(Duration::from_nanos(1))).expect("no deadlock");
    assert_eq!(sim.task_stats("yields").polls, 1001);
}

#[test]
fn timers_wake_tasks_in_the_order_of_time() {
    for seed in 0..50 {
        let sim = Sim::new(seed);
        let (send, receive) = mpsc::channel();
        for seconds in [5, 1, 4, 2, 3] {
            let (send, sleep) = (send.clone(), sim.sleep(SECOND * seconds));
            sim.spawn("sleeper", async move {
                sleep.await;
                send.send(seconds).expect("the receiver lives as long as the run");
            });
        }
        sim.run(sim.sleep(SECOND * 10)).expect("no deadlock");
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5], "seed {seed}");
    }
}

#[test]
fn time_may_pass_inside_a_poll() {
    let sim = Sim::new(3).record_trace();
    let clock = sim.manual();
    let slept = sim.sleep(SECOND * 2);
    sim.spawn("sleeper", slept);
    let (before, after) = sim
        .run(async {
            sim.sleep(SECOND).await;
            let before = clock.now();
            clock.advance(SECOND * 10);
            let woken = sim.trace();
            assert_eq!(woken.last().map(|entry| entry.to_string()), Some("12s sleeper#1 woken".to_owned()));
            (before, clock.now())
        })
        .expect("no deadlock");
    assert_eq!(after.since(before), SECOND * 10);
    assert!(sim.trace().iter().any(|entry| entry.to_string() == "12s clock moved"));
}

#[test]
fn main_may_borrow_and_need_not_be_send() {
    let sim = Sim::new(1);
    let (count, local) = (Cell::new(0), Rc::new(5));
    let output = sim.run(async {
        for _ in 0..*local {
            yield_now().await;
            count.set(count.get() + 1);
        }
        &count
    });
    assert_eq!(output.map(Cell::get), Ok(5));
}

#[test]
fn wakes_from_other_threads_count() {
    /// Is woken by a thread that has ended before the poll returns.
    async fn woken_by_a_thread() {
        let mut woken = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            std::thread::spawn(move || waker.wake()).join().expect("waking doesn't panic");
            Poll::Pending
        })
        .await;
    }
    let sim = Sim::new(1);
    sim.spawn("task", woken_by_a_thread());
    let executor = sim.executor();
    std::thread::spawn(move || executor.spawn(Box::pin(woken_by_a_thread()))).join().expect("no panic");
    sim.run(async {
        woken_by_a_thread().await;
        sim.sleep(SECOND).await;
    })
    .expect("all were woken");
    assert_eq!((sim.task_stats("task").polls, sim.task_stats("task 2").polls), (2, 2));
}

#[test]
fn a_wake_of_a_ready_task_is_counted_and_changes_nothing() {
    let sim = Sim::new(1);
    let mut woken = false;
    let eager = poll_fn(move |cx| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        (0..3).for_each(|_| cx.waker().wake_by_ref());
        Poll::Pending
    });
    sim.spawn("eager", eager);
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    let stats = sim.task_stats("eager");
    assert_eq!((stats.polls, stats.wakes, stats.spawned, stats.drops), (2, 3, 1, 1));
}

#[test]
fn a_thousand_tasks() {
    let sim = Sim::new(1);
    let probe = Probe::new();
    for n in 0..1000 {
        let sleep = sim.sleep(Duration::from_millis(n % 10));
        sim.spawn("one of many", probe.also(sleep));
    }
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    assert_eq!((probe.ended(), probe.drops()), (1000, 1000), "each future was dropped once, at its end");
    assert_eq!(sim.task_stats("one of many").polls, 1900, "900 of them waited once");
}

#[test]
fn tasks_outlive_a_run_and_go_on_in_the_next() {
    let sim = Sim::new(1);
    let (probe, long) = (Probe::new(), sim.sleep(SECOND * 60));
    sim.spawn("long", probe.also(long));
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    assert_eq!((probe.polls(), probe.alive()), (1, 1));
    sim.run(sim.sleep(SECOND * 120)).expect("no deadlock");
    assert_eq!((probe.polls(), probe.ended(), probe.alive()), (2, 1, 0));
}

#[test]
fn dropped_midway_the_sim_drops_its_tasks() {
    let sim = Sim::new(1);
    let (executor, clock, probe) = (sim.executor(), sim.manual(), Probe::new());
    sim.spawn("polled", probe.also(clock.sleep_until(clock.now() + SECOND * 60)));
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    sim.spawn("never polled", probe.also(pending()));
    assert_eq!((probe.polls(), clock.timers()), (1, 1));
    drop(sim);
    assert_eq!((probe.drops(), clock.timers()), (2, 0));
    executor.spawn_named("too late", probe.also(pending()));
    assert_eq!(probe.drops(), 3, "an executor that is gone drops what it is given");
}

#[test]
fn dropping_all_tasks_includes_the_one_that_asks() {
    let sim = Arc::new(Sim::new(1));
    let probe = Probe::new();
    sim.spawn("bystander", probe.also(pending()));
    let asks = Arc::downgrade(&sim);
    sim.spawn(
        "asks",
        probe.also(async move {
            asks.upgrade().expect("it runs inside").drop_tasks();
            pending::<()>().await;
        }),
    );
    sim.run(sim.sleep(SECOND)).expect("the main future has a timer");
    assert_eq!((probe.drops(), sim.stats().drops), (2, 2));
    sim.spawn("new", probe.also(async {}));
    sim.run(sim.sleep(SECOND)).expect("the main future has a timer");
    assert_eq!((probe.ended(), probe.alive()), (1, 0));
}

#[test]
fn nothing_is_leaked() {
    let sim = Sim::new(1);
    let tasks = Arc::downgrade(&sim.tasks);
    let executor = sim.executor();
    sim.spawn("holds its own executor", async move {
        pending::<()>().await;
        drop(executor);
    });
    sim.run(sim.sleep(SECOND)).expect("no deadlock");
    drop(sim);
    assert_eq!(tasks.strong_count(), 0);
}

#[test]
fn handles_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Sim>();
    crosses::<SimExecutor>();
    crosses::<ManualClock>();
}
