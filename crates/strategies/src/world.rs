//! A clock that moves only when nothing else can happen, and a loop that polls.

use regatta_core::{Clock, Sleep, Time};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    now: Time,
    timers: BTreeMap<(Time, u64), Waker>,
    made: u64,
    reads: u64,
}

impl World {
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }

    /// How far the time has come, in milliseconds.
    pub(crate) fn millis(&self) -> u128 {
        self.present().since(Time::ZERO).as_millis()
    }

    pub(crate) fn present(&self) -> Time {
        self.0.lock().unwrap().now
    }

    /// How often the clock was read, and how many timers were made.
    pub(crate) fn used(&self) -> (u64, u64) {
        let inner = self.0.lock().unwrap();
        (inner.reads, inner.made)
    }

    /// Time passes unnoticed, as in a busy executor.
    pub(crate) fn pass(&self, by: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.now = inner.now + by;
    }

    /// The same up to a time, in nanoseconds.
    pub(crate) fn set(&self, now: u64) {
        self.0.lock().unwrap().now = Time::from_nanos(now);
    }

    pub(crate) async fn sleep(&self, length: Duration) {
        let until = self.present() + length;
        self.sleep_until(until).await;
    }

    /// Polls to the end. Where nothing is woken, the time moves on to the next timer.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        self.count(future).0
    }

    /// The same, and how many polls it took.
    pub(crate) fn count<F: Future>(&self, future: F) -> (F::Output, usize) {
        let mut future = pin!(future);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        for polls in 1.. {
            let heard = wakes.0.load(Ordering::Relaxed);
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return (output, polls);
            }
            if wakes.0.load(Ordering::Relaxed) == heard {
                assert!(self.on_to_the_next_timer(), "it waits, and nothing will ever wake it");
            }
        }
        unreachable!("the number of polls has no end")
    }

    fn on_to_the_next_timer(&self) -> bool {
        let mut inner = self.0.lock().unwrap();
        let Some(((time, _), waker)) = inner.timers.pop_first() else { return false };
        inner.now = inner.now.max(time);
        drop(inner);
        waker.wake();
        true
    }
}

impl Clock for World {
    fn now(&self) -> Time {
        self.0.lock().unwrap().reads += 1;
        self.present()
    }

    fn sleep_until(&self, time: Time) -> Sleep {
        let mut inner = self.0.lock().unwrap();
        inner.made += 1;
        let timer = Timer { world: self.clone(), key: (time, inner.made) };
        Sleep::new(timer)
    }
}

struct Timer {
    world: World,
    key: (Time, u64),
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.world.0.lock().unwrap();
        if inner.now >= self.key.0 {
            return Poll::Ready(());
        }
        inner.timers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.world.0.lock().unwrap().timers.remove(&self.key);
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Both, polled in this order whenever either is woken.
pub(crate) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|cx| {
        if left.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            left = Some(output);
        }
        if right.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            right = Some(output);
        }
        if left.is_some() && right.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    left.zip(right).expect("both have ended")
}
