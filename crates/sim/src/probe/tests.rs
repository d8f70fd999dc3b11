use super::*;
use crate::yield_now;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

fn poll<F: Future>(future: &mut Probed<F>) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn counts(probe: &Probe) -> [u64; 5] {
    [probe.wrapped(), probe.polls(), probe.ended(), probe.drops(), probe.alive()]
}

#[test]
fn smoke() {
    let (mut future, probe) = Probe::wrap(async {
        yield_now().await;
        7
    });
    assert_eq!((poll(&mut future), poll(&mut future)), (Poll::Pending, Poll::Ready(7)));
    assert_eq!(counts(&probe), [1, 2, 1, 0, 1]);
    drop(future);
    assert_eq!(counts(&probe), [1, 2, 1, 1, 0]);
}

#[test]
fn empty() {
    assert_eq!(counts(&Probe::new()), [0; 5]);
}

#[test]
fn dropped_midway() {
    let probe = Probe::new();
    let mut futures: Vec<_> = (0..3).map(|_| probe.also(yield_now())).collect();
    assert!(futures.iter_mut().all(|future| poll(future).is_pending()));
    futures.truncate(1);
    assert_eq!(counts(&probe), [3, 3, 0, 2, 1]);
}

#[test]
fn panics_inside() {
    /// Panics when it is polled and when it is dropped.
    struct Bomb;
    impl Future for Bomb {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("polled");
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (mut future, probe) = Probe::wrap(Bomb);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut future))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(future))).is_err());
    assert_eq!(counts(&probe), [1, 1, 0, 1, 0]);
}

#[test]
fn follows_the_future_inside() {
    fn is_send(_: &(impl Future + Send)) {}
    let (sendable, _) = Probe::wrap(async {});
    is_send(&sendable);
    let shared = Rc::new(3);
    let borrowed = &shared;
    let (mut local, _) = Probe::wrap(async move { **borrowed });
    assert_eq!(poll(&mut local), Poll::Ready(3));
}
