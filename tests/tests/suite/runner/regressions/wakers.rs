//! Whom a driver wakes, how often, and for how long.

use crate::runner::support::{Fault, millis};
use futures::FutureExt;
use regatta::{BoxFuture, CancelToken, Clock, Runner, for_each, map};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// The task that a driver is part of; counts its wakes.
#[derive(Default)]
struct Outer(AtomicUsize);

impl Wake for Outer {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Wakers that were cloned and outlive what they belonged to, as those in the queue of a lock do.
#[derive(Clone, Default)]
struct Stale(Arc<Mutex<Vec<Waker>>>);

impl Stale {
    async fn keep_one(&self) {
        poll_fn(|cx| {
            self.0.lock().unwrap().push(cx.waker().clone());
            Poll::Ready(())
        })
        .await;
    }

    fn wake_all(&self) -> usize {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap());
        let count = wakers.len();
        wakers.into_iter().for_each(Waker::wake);
        count
    }
}

/// One driver of each kind. All its tasks, and its body, leave a waker behind and go on as `then` does.
fn drivers<F>(
    stale: &Stale,
    token: &CancelToken,
    then: impl Fn() -> F + Clone + Send + 'static,
) -> [BoxFuture<'static, ()>; 3]
where
    F: Future<Output = ()> + Send + 'static,
{
    let stale = stale.clone();
    let task = move || {
        let (stale, then) = (stale.clone(), then());
        async move {
            stale.keep_one().await;
            then.await;
            Ok::<_, Fault>(())
        }
    };
    let mut runner = Runner::new().cancel_on(token);
    for key in 0..3 {
        runner.add(key, task()).unwrap();
    }
    let (again, body) = (task.clone(), task.clone());
    let mapped = map(0..3, 3, move |_| task()).unwrap().cancel_on(token);
    let each = for_each(
        0..3,
        3,
        move |_| again(),
        move |mut done| async move {
            body().await.unwrap();
            while done.next().await.is_some() {}
        },
    );
    [runner.run().map(drop).boxed(), mapped.map(drop).boxed(), each.unwrap().cancel_on(token).boxed()]
}

fn assert_forgotten(outer: &Arc<Outer>, stale: &Stale) {
    assert_eq!(Arc::strong_count(outer), 1, "its waker is kept by nobody");
    let before = outer.0.load(Ordering::SeqCst);
    assert!(stale.wake_all() >= 3);
    assert_eq!(outer.0.load(Ordering::SeqCst), before, "and woken by nobody");
}

#[test]
fn a_run_that_had_ended_kept_the_waker_of_its_task() {
    let (stale, token) = (Stale::default(), CancelToken::new());
    for mut driver in drivers(&stale, &token, || async {}) {
        let outer = Arc::new(Outer::default());
        let waker = Waker::from(outer.clone());
        while driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {}
        drop((driver, waker));
        assert_forgotten(&outer, &stale);
    }
}

#[test]
fn a_run_that_was_dropped_kept_the_waker_of_its_task() {
    let (stale, token) = (Stale::default(), CancelToken::new());
    for mut driver in drivers(&stale, &token, pending) {
        let outer = Arc::new(Outer::default());
        let waker = Waker::from(outer.clone());
        assert!(driver.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop((driver, waker));
        assert_forgotten(&outer, &stale);
    }
}

const ITEMS: u64 = 100;

/// How often a `for_each` is polled until its body has read all; so many of its tasks end at the same time.
async fn polls(world: &World, limit: usize, together: u64) -> u64 {
    let start = world.now();
    let tasks = async |n: u64| {
        world.clock.sleep_until(start + millis(10 * (1 + n / together))).await;
        Ok::<_, Fault>(())
    };
    let each = for_each(0..ITEMS, limit, tasks, async |mut done| {
        let mut read = 0;
        while done.next().await.is_some() {
            read += 1;
        }
        read
    });
    let (each, probe) = Probe::wrap(each.unwrap().clock(world.clock()));
    assert_eq!(each.await, ITEMS);
    probe.polls()
}

on_every_executor! {
    async fn a_driver_was_polled_again_after_each_result_that_its_body_read(world: World) {
        // The body reads what a pass has ended in the same poll, so there is one for each time at which tasks end.
        assert!(polls(&world, 100, 1).await <= ITEMS + 3);
        assert!(polls(&world, 100, 10).await <= ITEMS / 10 + 3);
        assert!(polls(&world, 100, ITEMS).await <= 3);
        // Where nothing more could start before the body has read, one more is needed, which starts the next tasks.
        assert!(polls(&world, 1, 1).await <= 2 * ITEMS + 3);
        assert!(polls(&world, 10, 10).await <= 2 * ITEMS / 10 + 3);
    }
}
