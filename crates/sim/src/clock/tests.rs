use super::*;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

const SECOND: Duration = Duration::from_secs(1);

/// Notes its own number in a common list when it is woken.
struct Numbered(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.1.lock().expect("no test panics under it").push(self.0);
    }
}

fn poll(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
    Pin::new(sleep).poll(&mut Context::from_waker(waker))
}

fn poll_quietly(sleep: &mut Sleep) -> Poll<()> {
    poll(sleep, Waker::noop())
}

#[test]
fn smoke() {
    let clock = ManualClock::new();
    let time = clock.now() + SECOND;
    let mut sleep = clock.shared().sleep_until(time);
    assert_eq!((poll_quietly(&mut sleep), clock.next_timer()), (Poll::Pending, Some(time)));
    clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(poll_quietly(&mut sleep), Poll::Pending, "not a nanosecond too early");
    clock.advance(Duration::from_nanos(1));
    assert_eq!((poll_quietly(&mut sleep), clock.timers()), (Poll::Ready(()), 0));
}

#[test]
fn empty_clock_does_not_jump() {
    let clock = ManualClock::default();
    assert_eq!((clock.advance_to_next(), clock.next_timer(), clock.timers()), (None, None, 0));
    assert_eq!(clock.now(), ManualClock::START);
}

#[test]
fn timers_fire_by_time_and_then_by_registration() {
    let clock = ManualClock::new();
    let woken = Arc::new(Mutex::new(Vec::new()));
    let mut sleeps: Vec<Sleep> = [3, 1, 2, 1, 3, 2]
        .into_iter()
        .map(|seconds| clock.sleep_until(clock.now() + SECOND * seconds))
        .collect();
    let wakers: Vec<Waker> =
        (0..sleeps.len()).map(|n| Waker::from(Arc::new(Numbered(n, woken.clone())))).collect();
    for (sleep, waker) in sleeps.iter_mut().zip(&wakers) {
        assert_eq!(poll(sleep, waker), Poll::Pending);
    }
    assert_eq!(poll(&mut sleeps[1], &wakers[1]), Poll::Pending, "polling again keeps the place");
    clock.advance(SECOND * 10);
    assert_eq!(*woken.lock().expect("nobody panicked under it"), [1, 3, 2, 5, 0, 4]);
}

#[test]
fn jumping_stops_at_every_timer() {
    let clock = ManualClock::new();
    let times = [2, 5, 5].map(|seconds| clock.now() + SECOND * seconds);
    let mut sleeps = times.map(|time| clock.sleep_until(time));
    assert!(sleeps.iter_mut().all(|sleep| poll_quietly(sleep).is_pending()));
    assert_eq!(clock.advance_to_next(), Some(times[0]));
    assert_eq!((clock.now(), clock.timers()), (times[0], 2));
    assert_eq!(clock.advance_to_next(), Some(times[1]));
    assert_eq!((clock.advance_to_next(), clock.now()), (None, times[1]));
}

#[test]
fn dropped_midway_it_leaves_the_clock() {
    let clock = ManualClock::new();
    let mut kept = clock.sleep_until(clock.now() + SECOND * 2);
    let mut dropped = clock.sleep_until(clock.now() + SECOND);
    assert_eq!(clock.timers(), 0, "a timer counts from its first poll");
    assert!(poll_quietly(&mut kept).is_pending() && poll_quietly(&mut dropped).is_pending());
    assert_eq!(clock.timers(), 2);
    drop(dropped);
    assert_eq!((clock.timers(), clock.next_timer()), (1, Some(clock.now() + SECOND * 2)));
}

#[test]
fn never_and_the_past_register_nothing() {
    let clock = ManualClock::new();
    assert_eq!(poll_quietly(&mut clock.sleep_until(Time::MAX)), Poll::Pending);
    assert_eq!(poll_quietly(&mut clock.sleep_until(clock.now())), Poll::Ready(()));
    assert_eq!(poll_quietly(&mut clock.sleep_until(Time::ZERO)), Poll::Ready(()));
    assert_eq!(clock.timers(), 0);
}

#[test]
fn time_never_goes_back_and_ends_at_never() {
    let clock = ManualClock::new();
    clock.advance_to(Time::ZERO);
    assert_eq!(clock.now(), ManualClock::START);
    let mut sleep = clock.sleep_until(Time::from_nanos(u64::MAX - 1));
    assert!(poll_quietly(&mut sleep).is_pending());
    clock.advance(Duration::MAX);
    assert_eq!((clock.now(), poll_quietly(&mut sleep)), (Time::MAX, Poll::Ready(())));
}

#[test]
fn the_wall_clock_steps_and_monotonic_time_does_not() {
    let clock = ManualClock::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    assert_eq!(Clock::wall(&clock), start);
    clock.advance(SECOND * 10);
    clock.wall_back(SECOND * 3);
    assert_eq!(clock.wall(), start + SECOND * 7);
    clock.wall_forward(SECOND * 5);
    clock.suspend(SECOND * 100);
    assert_eq!(clock.wall(), start + SECOND * 112);
    assert_eq!(clock.now(), ManualClock::START + SECOND * 10);
    clock.wall_forward(Duration::MAX);
    clock.wall_back(Duration::MAX);
    assert_eq!(clock.wall(), start + SECOND * 112, "steps out of range are left out");
}

#[test]
fn a_woken_side_may_use_the_clock() {
    /// Reads and moves the clock from inside its wake, which would hang under the clock's lock.
    struct Uses(ManualClock, AtomicUsize);
    impl Wake for Uses {
        fn wake(self: Arc<Self>) {
            self.0.advance(SECOND);
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let clock = ManualClock::new();
    let uses = Arc::new(Uses(clock.clone(), AtomicUsize::new(0)));
    let waker = Waker::from(uses.clone());
    let mut sleeps = [1, 2].map(|seconds| clock.sleep_until(clock.now() + SECOND * seconds));
    assert!(sleeps.iter_mut().all(|sleep| poll(sleep, &waker).is_pending()));
    clock.advance_to_next();
    assert_eq!((uses.1.load(Ordering::SeqCst), clock.now()), (2, ManualClock::START + SECOND * 3));
}

#[test]
fn the_newest_waker_is_woken_and_the_old_one_dropped() {
    let clock = ManualClock::new();
    let woken = Arc::new(Mutex::new(Vec::new()));
    let numbered = [0, 1].map(|n| Arc::new(Numbered(n, woken.clone())));
    let mut sleep = clock.sleep_until(clock.now() + SECOND);
    for waker in &numbered {
        assert!(poll(&mut sleep, &Waker::from(waker.clone())).is_pending());
    }
    assert_eq!(Arc::strong_count(&numbered[0]), 1);
    clock.advance(SECOND);
    assert_eq!(*woken.lock().expect("nobody panicked under it"), [1]);
}

#[test]
fn another_thread_may_move_it() {
    let clock = ManualClock::new();
    let mut sleep = pin!(clock.sleep_until(clock.now() + SECOND));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(sleep.as_mut().poll(&mut cx).is_pending());
    std::thread::scope(|scope| scope.spawn(|| clock.advance(SECOND)).join())
        .expect("advancing doesn't panic");
    assert!(sleep.as_mut().poll(&mut cx).is_ready());
}
