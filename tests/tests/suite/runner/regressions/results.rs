//! Results of a `for_each` that are dropped unread, and wakers that do more than wake.

use super::Bomb;
use crate::runner::support::{Fault, after, secs};
use regatta::{BoxFuture, Results, for_each};
use regatta_tests::{Probe, Watchdog, World, on_every_executor};
use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Where a body leaves its results for others to read.
type Kept<T> = Arc<Mutex<Option<Results<T, Fault>>>>;

fn read<T>(kept: &Kept<T>, waker: &Waker) -> Poll<Option<T>> {
    let mut results = kept.lock().unwrap();
    let next = pin!(results.as_mut().expect("the body has left them").next());
    next.poll(&mut Context::from_waker(waker)).map(|next| next.map(Result::unwrap))
}

/// Reads a result on the thread that wakes it, before `wake` returns.
struct ReadsAtOnce {
    kept: Kept<u64>,
    seen: Mutex<Vec<Poll<Option<u64>>>>,
}

impl Wake for ReadsAtOnce {
    fn wake(self: Arc<Self>) {
        let next = read(&self.kept, Waker::noop());
        self.seen.lock().unwrap().push(next);
    }
}

/// Polls a driver when its last clone is dropped, as an executor does that owns the driver.
#[derive(Default)]
struct OwnsDriver(Mutex<Option<BoxFuture<'static, ()>>>);

impl Wake for OwnsDriver {
    fn wake(self: Arc<Self>) {}
}

impl Drop for OwnsDriver {
    fn drop(&mut self) {
        if let Some(driver) = self.0.get_mut().unwrap() {
            assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
}

on_every_executor! {
    async fn an_unread_result_that_panicked_in_its_drop_kept_the_driver_asleep(world: World) {
        let (kept, probe, start) = (RefCell::new(None), Probe::new(), world.now());
        let tasks = async |n| {
            if n == 1 {
                probe.also(pending::<()>()).await;
            }
            Ok::<_, Fault>(Bomb)
        };
        let body = async |done| {
            drop(kept.replace(Some(done)));
            world.sleep(secs(1)).await;
        };
        let each = for_each(0..2, 2, tasks, body).unwrap();
        let reader = async {
            world.sleep(secs(1)).await;
            let unread = kept.take();
            assert!(catch_unwind(AssertUnwindSafe(|| drop(unread))).is_err());
        };
        // The driver comes first, so it is not polled after the drop unless it is woken.
        futures::join!(each.clock(world.clock()), reader);
        assert_eq!((probe.alive(), world.now().since(start)), (0, secs(1)));
    }

    async fn a_reader_that_runs_on_the_thread_that_wakes_it_finds_its_result(world: World) {
        let kept = Kept::default();
        let (tasks, left) = (async |n| after(&world, secs(1), Ok(n)).await, kept.clone());
        let body = async |done| {
            drop(left.lock().unwrap().replace(done));
            world.sleep(secs(2)).await;
        };
        let each = for_each([7], 1, tasks, body);
        let mut each = pin!(each.unwrap().clock(world.clock()));
        assert!(futures::poll!(&mut each).is_pending());
        let reader = Arc::new(ReadsAtOnce { kept: kept.clone(), seen: Mutex::default() });
        assert!(read(&kept, &Waker::from(reader.clone())).is_pending());
        each.await;
        assert_eq!(*reader.seen.lock().unwrap(), [Poll::Ready(Some(7))]);
    }
}

#[test]
fn a_waker_that_polls_the_driver_as_it_is_replaced_finds_no_lock_held() {
    let _watchdog = Watchdog::new();
    let (kept, probe) = (Kept::<()>::default(), Probe::new());
    let left = kept.clone();
    let body = async move |done| {
        drop(left.lock().unwrap().replace(done));
        pending::<()>().await;
    };
    let each = for_each([1], 1, |_| pending(), body).unwrap();
    let mut driver: Pin<Box<_>> = Box::pin(probe.also(each));
    assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let first = Arc::new(OwnsDriver(Mutex::new(Some(driver))));
    assert!(read(&kept, &Waker::from(first)).is_pending());
    assert!(read(&kept, Waker::noop()).is_pending());
    assert_eq!(probe.polls(), 2, "the first waker was dropped, and has polled it");
}

#[test]
fn a_body_that_let_its_results_out_kept_the_driver_waiting_for_a_reader() {
    let _watchdog = Watchdog::new();
    let each = for_each(0..10, 2, async |n: u64| Ok::<_, Fault>(n), async |done| done);
    let mut done = smol::block_on(each.unwrap());
    // What was there can still be read, and then it is over.
    while smol::block_on(done.next()).is_some() {}
    assert!(!done.is_complete());
}
