//! No wake is lost: not before the poll, not during it, not from a former tenant, not when the driver is gone.

use crate::model;
use crate::wakes::{SlotWaker, Wakes, Woken};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A driver of one slot, as the engine does it: register, take the list, take the mark, then poll. Ends when its task
/// has seen `goal`. A lost wake leaves it waiting for ever, which loom reports.
fn drive(wakes: &Arc<Wakes>, flag: &SlotWaker, value: &AtomicUsize, goal: usize) {
    let mut woken = Woken::default();
    block_on(poll_fn(|cx: &mut Context<'_>| {
        wakes.register(cx.waker());
        woken.refill(wakes);
        while woken.pop().is_some() {
            if flag.take() && value.load(Ordering::Relaxed) >= goal {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }));
}

fn slot(wakes: &Arc<Wakes>) -> (Arc<SlotWaker>, Waker) {
    let flag = SlotWaker::new(0, wakes);
    let waker = Waker::from(flag.clone());
    (flag, waker)
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    model(|| {
        let wakes = Arc::<Wakes>::default();
        let (flag, waker) = slot(&wakes);
        let value = Arc::new(AtomicUsize::new(0));
        let writer = {
            let value = value.clone();
            thread::spawn(move || {
                for step in 1..=2 {
                    value.store(step, Ordering::Relaxed);
                    waker.wake_by_ref();
                }
            })
        };
        drive(&wakes, &flag, &value, 2);
        writer.join().unwrap();
    });
}

#[test]
fn two_wakers_that_find_the_mark_set_are_both_seen() {
    model(|| {
        let wakes = Arc::<Wakes>::default();
        let (flag, waker) = slot(&wakes);
        let value = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (value, waker) = (value.clone(), waker.clone());
                thread::spawn(move || {
                    value.fetch_add(1, Ordering::Relaxed);
                    waker.wake_by_ref();
                })
            })
            .collect();
        drive(&wakes, &flag, &value, 2);
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

#[test]
fn a_wake_that_comes_after_the_driver_is_gone_reaches_nobody() {
    model(|| {
        let wakes = Arc::<Wakes>::default();
        let (flag, waker) = slot(&wakes);
        let late = thread::spawn(move || waker.wake());
        drop((flag, wakes));
        late.join().unwrap();
    });
}

#[test]
fn a_kick_wakes_a_driver_that_is_about_to_park() {
    model(|| {
        let wakes = Arc::<Wakes>::default();
        let value = Arc::new(AtomicUsize::new(0));
        let kicker = {
            let (value, kick) = (value.clone(), wakes.kick());
            thread::spawn(move || {
                value.store(1, Ordering::Release);
                kick.kick();
            })
        };
        block_on(poll_fn(|cx| {
            wakes.register(cx.waker());
            if value.load(Ordering::Acquire) == 1 { Poll::Ready(()) } else { Poll::Pending }
        }));
        kicker.join().unwrap();
    });
}
