//! How often is what polled? A driver that waits costs nothing.

use crate::runner::support::{Fault, ends, secs};
use futures::FutureExt;
use regatta::{BoxFuture, CancelToken, Runner, for_each, map};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const IDLE: usize = 20;

/// Each kind of driver with tasks that never end, counted by the probe.
fn parked(world: &World, tasks: &Probe, timeout: Duration) -> [BoxFuture<'static, ()>; 3] {
    let mut runner = Runner::new().unlimited().clock(world.clock()).timeout(timeout);
    for key in 0..IDLE {
        runner.add(key, tasks.also(pending::<Result<(), Fault>>())).unwrap();
    }
    let probe = tasks.clone();
    let mapped = map(0..IDLE, IDLE, move |_| probe.also(pending::<Result<(), Fault>>())).unwrap();
    let probe = tasks.clone();
    let each = for_each(
        0..IDLE,
        IDLE,
        move |_| probe.also(pending::<Result<(), Fault>>()),
        async |mut done| {
            while done.next().await.is_some() {}
        },
    );
    [
        runner.run().map(drop).boxed(),
        mapped.clock(world.clock()).timeout(timeout).map(drop).boxed(),
        each.unwrap().clock(world.clock()).timeout(timeout).boxed(),
    ]
}

/// Counts the wakes of a future.
struct CountWakes<F> {
    future: F,
    count: Arc<AtomicU64>,
}

struct CountingWaker {
    count: Arc<AtomicU64>,
    waker: Waker,
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.waker.wake_by_ref();
    }
}

impl<F: Future + Unpin> Future for CountWakes<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let waker =
            Waker::from(Arc::new(CountingWaker { count: self.count.clone(), waker: cx.waker().clone() }));
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker))
    }
}

on_every_executor! {
    async fn a_parked_driver_is_not_polled(world: World) {
        let (drivers, tasks) = (Probe::new(), Probe::new());
        for driver in parked(&world, &tasks, Duration::MAX) {
            world.spawn(drivers.also(driver));
        }
        world.sleep(secs(1)).await;
        let before = (drivers.polls(), tasks.polls());
        assert_eq!(before, (3, 3 * IDLE as u64), "once each, to get going");
        for _ in 0..100 {
            world.sleep(secs(1)).await;
        }
        assert_eq!((drivers.polls(), tasks.polls()), before);
    }

    async fn a_parked_driver_with_a_timeout_is_polled_when_it_is_over(world: World) {
        let (drivers, tasks) = (Probe::new(), Probe::new());
        for driver in parked(&world, &tasks, secs(50)) {
            world.spawn(drivers.also(driver));
        }
        for _ in 0..49 {
            world.sleep(secs(1)).await;
        }
        assert_eq!((drivers.polls(), tasks.polls(), drivers.ended()), (3, 3 * IDLE as u64, 0));
        world.sleep(secs(2)).await;
        assert_eq!((tasks.polls(), drivers.ended(), tasks.alive()), (3 * IDLE as u64, 3, 0));
        assert!(drivers.polls() <= 9, "{drivers:?}");
    }

    async fn idle_tasks_end_when_their_token_is_cancelled(world: World) {
        for count in [1, 30, 31, 200] {
            let token = CancelToken::new();
            let mut runner = Runner::new().unlimited().clock(world.clock());
            for key in 0..count {
                let token = token.clone();
                runner.add_ok(key, async move { token.cancelled().await }).unwrap();
            }
            let (inner, canceller) = (world.clone(), token.clone());
            world.spawn(async move {
                inner.sleep(secs(1)).await;
                canceller.cancel();
            });
            let report: regatta::Report<_, _, Fault> = runner.run().await;
            assert_eq!((report.counts().ok, report.elapsed()), (count, secs(1)));
        }
    }

    async fn idle_tasks_end_when_their_run_is_cancelled(world: World) {
        for count in [1, 30, 31, 200] {
            let (token, probe) = (CancelToken::new(), Probe::new());
            let mut runner = Runner::new().unlimited().clock(world.clock()).cancel_on(&token);
            for key in 0..count {
                runner.add(key, probe.also(pending::<Result<(), Fault>>())).unwrap();
            }
            let (inner, canceller) = (world.clone(), token.clone());
            world.spawn(async move {
                inner.sleep(secs(1)).await;
                canceller.cancel();
            });
            let report = runner.run().await;
            assert_eq!(ends(&report), vec!["cancelled"; count]);
            assert_eq!((report.elapsed(), probe.polls(), probe.alive()), (secs(1), count as u64, 0));
        }
    }

    async fn a_task_that_is_ready_is_polled_once(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(7).unwrap().clock(world.clock());
        for key in 0..500 {
            runner.add(key, probe.also(async move { Ok::<_, Fault>(key) })).unwrap();
        }
        assert!(runner.run().await.is_ok());
        let results = map(0..500, 7, |n| probe.also(async move { Ok::<_, Fault>(n) })).unwrap().await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!((probe.polls(), probe.drops()), (1000, 1000));
    }

    async fn a_task_is_polled_once_per_wake_and_once_at_its_start(world: World) {
        let (probe, wakes) = (Probe::new(), Arc::new(AtomicU64::new(0)));
        let (send, receive) = smol::channel::unbounded();
        let results = map(0..40_u64, 8, |n| {
            let (world, send, receive) = (&world, &send, &receive);
            let future = Box::pin(async move {
                for _ in 0..n % 5 {
                    world.yield_now().await;
                }
                send.send(n).await.unwrap();
                world.sleep(secs(n % 3)).await;
                receive.recv().await.map_err(|_| "closed")
            });
            probe.also(CountWakes { future, count: wakes.clone() })
        });
        let results = results.unwrap().clock(world.clock()).await;
        assert!(results.iter().all(Result::is_ok));
        let (polls, wakes) = (probe.polls(), wakes.load(Ordering::SeqCst));
        assert!(polls <= wakes + 40, "{polls} polls after {wakes} wakes of 40 tasks");
    }
}

#[test]
fn one_poll_of_a_driver_polls_at_most_128_tasks() {
    let tasks = Probe::new();
    let mut driver = Box::pin(map(0..1000, 300, |n| tasks.also(async move { Ok::<_, Fault>(n) })).unwrap());
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 1;
    let mut before = 0;
    while driver.as_mut().poll(&mut cx).is_pending() {
        assert!(tasks.polls() - before <= 128);
        (before, polls) = (tasks.polls(), polls + 1);
    }
    assert_eq!((tasks.polls(), polls), (1000, 8));
}

/// Polls of the tasks and of their driver, where so many tasks contend for one lock on tokio. Tokio gives a task a
/// budget, and once that is used up its locks make everybody wait: a driver that polls all its tasks nevertheless takes
/// quadratic time (futures-rs #2526).
fn polls_in_contention<L>(count: usize, take: impl Fn() -> L) -> u64
where
    L: Future<Output = ()> + Send + 'static,
{
    let (driver, tasks) = (Probe::new(), Probe::new());
    let mut runner = Runner::new().unlimited();
    for key in 0..count {
        runner.add_ok(key, tasks.also(take())).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let run = driver.also(runner.run());
    let report: regatta::Report<_, _, Fault> = runtime.block_on(runtime.spawn(run)).unwrap();
    assert_eq!(report.counts().ok, count);
    println!("{count} tasks: {} polls, their driver {}", tasks.polls(), driver.polls());
    tasks.polls() + driver.polls()
}

fn assert_linear<L: Future<Output = ()> + Send + 'static>(take: impl Fn() -> L) {
    let [few, many] = [10_000, 40_000].map(|count| polls_in_contention(count, &take));
    let ratio = many as f64 / few as f64;
    assert!(ratio <= 4.4, "four times the tasks take {ratio} times the polls");
}

#[test]
fn contention_for_a_lock_of_tokio_is_linear() {
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    assert_linear(|| {
        let lock = lock.clone();
        async move { *lock.lock().await += 1 }
    });
}

#[test]
fn contention_for_a_lock_of_tokio_that_is_held_for_a_while_is_linear() {
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    assert_linear(|| {
        let lock = lock.clone();
        async move {
            let mut held = lock.lock().await;
            tokio::task::yield_now().await;
            *held += 1;
        }
    });
}

#[test]
fn contention_for_a_lock_of_async_lock_is_linear() {
    let lock = Arc::new(async_lock::Mutex::new(0));
    assert_linear(|| {
        let lock = lock.clone();
        async move {
            let mut held = lock.lock().await;
            tokio::task::yield_now().await;
            *held += 1;
        }
    });
}
