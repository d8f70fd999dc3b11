//! Foreign code: what panics is contained, and what calls back finds no lock in its way.

use super::world::*;
use crate::batcher::{Failure, Repeat};
use crate::{BatchError, Batcher};
use regatta_core::{TaskError, retry_fn};
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Asks the batcher something whenever it is cloned or dropped. Under the lock, that would never end.
struct Nosy(u32, Arc<Mutex<Option<Batcher<Nosy, Nosy, Nosy>>>>);

impl Nosy {
    fn ask(&self) {
        let batcher = self.1.lock().unwrap().clone();
        let _ = batcher.map(|batcher| batcher.len());
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.ask();
        Self(self.0, self.1.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.ask();
    }
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.ask();
    }
}

#[test]
fn nothing_foreign_runs_under_the_lock() {
    for policy in 0..4 {
        let clock = Manual::default();
        let home = Arc::new(Mutex::new(None));
        let there = home.clone();
        let batcher = Batcher::new(async move |items: Vec<Nosy>| {
            items[0].ask();
            if items.iter().any(|item| item.0 == 1) { Err(Nosy(0, there)) } else { Ok(items) }
        });
        let asker = Nosy(0, home.clone());
        let judge = Repeat::unambiguous(|error: &Nosy| error.1.lock().is_ok());
        let failure = match policy {
            0 => Failure::All,
            1 => Failure::OneByOne(judge),
            2 => Failure::Bisect(judge),
            _ => Failure::retry(
                retry_fn(move |attempts, _: &TaskError<Nosy>| {
                    asker.ask();
                    (attempts < 3).then_some(Duration::from_nanos(3))
                }),
                judge,
            ),
        };
        let batcher = batcher
            .clock(Arc::new(clock.clone()))
            .linger(nanos(10))
            .on_failure(failure)
            .weight(3, |item: &Nosy| {
                item.ask();
                1
            })
            .unwrap();
        *home.lock().unwrap() = Some(batcher.clone());
        let waker = Waker::from(Arc::new(Nosy(0, home.clone())));
        let mut cx = Context::from_waker(&waker);
        let mut calls: Vec<_> = (0..8).map(|item| batcher.call(Nosy(item, home.clone()))).collect();
        let mut ended = 0;
        for round in 0..20 {
            ended += calls.extract_if(.., |call| Pin::new(call).poll(&mut cx).is_ready()).count();
            if round == 0 {
                assert!(calls.pop().is_some(), "the last waits for others");
            }
            clock.advance(10);
        }
        assert_eq!((ended, calls.len()), (7, 0));
        // Two have their answers, and go without looking.
        let mut three: Vec<_> = (10..13).map(|item| batcher.call(Nosy(item, home.clone()))).collect();
        let ready = three.iter_mut().map(|call| Pin::new(call).poll(&mut cx).is_ready());
        assert_eq!(ready.collect::<Vec<_>>(), [false, false, true]);
        drop(three);
        *home.lock().unwrap() = None;
    }
}

/// Panics when it is woken, or when it is dropped.
struct Bad(AtomicUsize);

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a bad waker");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    let (desk, batcher, _) = world();
    let batcher = batcher.size(3).unwrap();
    let bad = Arc::new(Bad(AtomicUsize::new(0)));
    let waker = Waker::from(bad.clone());
    let mut first = batcher.call(1);
    assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut tasks = callers(&batcher, [2, 3]);
    desk.answer(0, Answer::Fine);
    assert_eq!((outputs(&mut tasks).len(), bad.0.load(Ordering::SeqCst)), (2, 1));
}

/// A future that panics when it is dropped.
struct Unwilling(Option<Vec<u32>>);

impl Future for Unwilling {
    type Output = Result<Vec<u32>, &'static str>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(self.0.take().unwrap()))
    }
}

impl Drop for Unwilling {
    fn drop(&mut self) {
        panic!("it won't go");
    }
}

#[test]
fn a_handler_whose_future_panics_in_its_drop_has_panicked() {
    let batcher = Batcher::new(|items: Vec<u32>| Unwilling(Some(items))).size(1).unwrap();
    let mut tasks = [Task::begun(batcher.call(1))];
    assert_eq!(outputs(&mut tasks)[0].as_ref().unwrap_err().to_string(), "panicked: it won't go");
}

#[test]
fn a_handler_that_panics_before_it_is_a_future() {
    let batcher = Batcher::new(|items: Vec<u32>| {
        assert!(items.is_empty(), "not even begun");
        ready(Ok::<_, &str>(items))
    });
    let mut tasks = [Task::begun(batcher.size(1).unwrap().call(1))];
    assert_eq!(outputs(&mut tasks)[0].as_ref().unwrap_err().to_string(), "panicked: not even begun");
}

/// Panics when it is cloned, if it is 3.
#[derive(Debug)]
struct Fragile(u32);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 3, "it broke");
        Self(self.0)
    }
}

#[test]
fn a_panic_around_the_handler_is_one_of_its_batch() {
    let handler = async |items: Vec<Fragile>| match items.iter().any(|item| item.0 == 2) {
        true => Err("refused"),
        false => Ok(items),
    };
    let all = |batcher: Batcher<Fragile, Fragile, &'static str>, items: [u32; 4]| {
        let batcher = batcher.size(4).unwrap().linger(Duration::MAX);
        let mut tasks: Vec<_> = items.map(|item| Task::begun(batcher.call(Fragile(item)))).into();
        let results = outputs(&mut tasks);
        results
            .into_iter()
            .map(|result| result.map(|item| item.0).map_err(|error| error.to_string()))
            .collect::<Vec<_>>()
    };
    let panicked = |why: &str| Err(format!("panicked: {why}"));
    let why = "assertion `left != right` failed: it broke\n  left: 3\n right: 3";
    // A clone.
    let batcher = Batcher::new(handler).on_failure(Failure::Bisect(Repeat::Idempotent));
    assert_eq!(all(batcher, [1, 3, 4, 5]), [panicked(why), panicked(why), panicked(why), panicked(why)]);
    // A judge.
    let judge = Repeat::unambiguous(|_| panic!("no idea"));
    let batcher = Batcher::new(handler).on_failure(Failure::OneByOne(judge));
    assert_eq!(all(batcher, [1, 2, 4, 5]).concat_errors(), ["panicked: no idea"; 4]);
    // A judge of single items: what has succeeded before stays so.
    let judge = Repeat::unambiguous(|_| panic!("no idea"));
    let each = async |items: Vec<Fragile>| {
        items.into_iter().map(|item| if item.0 == 2 { Err("refused") } else { Ok(item) }).collect()
    };
    let batcher = Batcher::per_item(each).on_failure(Failure::OneByOne(judge));
    let lost = || panicked("no idea");
    assert_eq!(all(batcher, [1, 2, 4, 5]), [Ok(1), lost(), lost(), lost()]);
    // A rule.
    let rule = retry_fn(|_, _: &TaskError<&'static str>| panic!("no rule"));
    let batcher = Batcher::new(handler).on_failure(Failure::retry(rule, Repeat::Idempotent));
    assert_eq!(all(batcher, [1, 2, 4, 5]).concat_errors(), ["panicked: no rule"; 4]);
    // A weight, of its own item only.
    let weigh = |item: &Fragile| if item.0 == 2 { panic!("no scales") } else { 1 };
    let batcher = Batcher::new(handler).weight(3, weigh).unwrap();
    assert_eq!(all(batcher, [1, 2, 4, 5]), [Ok(1), panicked("no scales"), Ok(4), Ok(5)]);
}

trait Errors {
    fn concat_errors(self) -> Vec<String>;
}

impl Errors for Vec<Result<u32, String>> {
    fn concat_errors(self) -> Vec<String> {
        self.into_iter().filter_map(Result::err).collect()
    }
}

/// A clock without timers.
struct Timerless(Manual);

impl regatta_core::Clock for Timerless {
    fn now(&self) -> regatta_core::Time {
        regatta_core::Clock::now(&self.0)
    }

    fn sleep_until(&self, _: regatta_core::Time) -> regatta_core::Sleep {
        panic!("there is no runtime here")
    }
}

#[test]
fn a_clock_that_panics_is_the_callers_own_trouble() {
    let (desk, batcher, clock) = world();
    let batcher = batcher.clock(Arc::new(Timerless(clock.clone()))).size(2).unwrap();
    let first = catch_unwind(AssertUnwindSafe(|| callers(&batcher, [1])));
    assert!(first.is_err() && batcher.is_empty());
    // Another comes, and another clock with it.
    let batcher = batcher.clock(Arc::new(clock));
    let mut tasks = callers(&batcher, [2, 3]);
    desk.answer(0, Answer::Fine);
    assert_eq!(outputs(&mut tasks).len(), 2);
}

#[test]
fn a_handler_that_wakes_itself_is_polled_once_per_poll_of_a_caller() {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = polls.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if count.fetch_add(1, Ordering::SeqCst) < 9 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        Ok(items)
    });
    let mut tasks = callers(&batcher.size(1).unwrap(), [1]);
    assert!(tasks[0].is_woken());
    for _ in 0..5 {
        tasks[0].poll();
    }
    assert_eq!(polls.load(Ordering::SeqCst), 6);
    assert_eq!((outputs(&mut tasks).len(), tasks[0].polls), (1, 10));
}

#[test]
fn who_looked_while_a_batch_was_polled_hears_of_its_wake() {
    let other: Arc<Mutex<Option<Task<Got>>>> = Arc::default();
    let there = other.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        let mut first = true;
        std::future::poll_fn(|cx| {
            if !std::mem::take(&mut first) {
                return Poll::Ready(());
            }
            // Everybody is woken, and one of them looks at once.
            cx.waker().wake_by_ref();
            there.lock().unwrap().as_mut().unwrap().poll();
            Poll::Pending
        })
        .await;
        Ok(items)
    });
    let batcher = batcher.size(2).unwrap().linger(Duration::MAX);
    *other.lock().unwrap() = callers(&batcher, [1]).pop();
    // Whoever polls the batch is never polled again.
    let _stuck = callers(&batcher, [2]);
    let mut other = other.lock().unwrap().take().unwrap();
    assert!(other.is_woken());
    assert_eq!(other.poll_once().ok(), Some(1));
}

#[test]
fn a_handler_may_call_its_batcher_if_there_is_room() {
    let home: Arc<Mutex<Option<Batcher<u32, u32, &'static str>>>> = Arc::default();
    let there = home.clone();
    let batcher = Batcher::new(async move |items: Vec<u32>| {
        let batcher = there.lock().unwrap().clone().unwrap();
        let mut results = Vec::new();
        for item in items {
            let below = if item == 0 { Ok(0) } else { batcher.call(item - 1).await };
            results.push(below.map_err(|_: BatchError<_>| "below")? + item);
        }
        Ok(results)
    });
    let batcher = batcher.size(1).unwrap().in_flight(5).unwrap();
    *home.lock().unwrap() = Some(batcher.clone());
    let mut tasks = callers(&batcher, [4]);
    assert_eq!(plain(outputs(&mut tasks).remove(0)), Ok(10));
    *home.lock().unwrap() = None;
}

/// Panics when it is cloned, if it is 2; and when it is dropped, if that is not due to a panic.
struct Clinging(u32);

impl Clone for Clinging {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 2, "it broke");
        Self(self.0)
    }
}

impl Drop for Clinging {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("it clings");
        }
    }
}

#[test]
fn items_that_panic_in_their_drop_lost_their_batch() {
    let batcher = Batcher::new(async move |items: Vec<Clinging>| {
        let numbers = items.iter().map(|item| item.0).collect();
        std::mem::forget(items);
        Ok::<Vec<u32>, &str>(numbers)
    });
    let batcher = batcher.size(2).unwrap().on_failure(Failure::OneByOne(Repeat::Idempotent));
    // The copies can't be made, and the items can't be dropped.
    let mut tasks: Vec<_> = [1, 2].map(|item| Task::new(batcher.call(Clinging(item)))).into();
    for result in outputs(&mut tasks) {
        assert!(result.unwrap_err().to_string().starts_with("panicked: "));
    }
    // The place is free again, and the batch gone.
    let mut tasks: Vec<_> = [3, 4].map(|item| Task::new(batcher.call(Clinging(item)))).into();
    assert_eq!(outputs(&mut tasks).len(), 2);
}
