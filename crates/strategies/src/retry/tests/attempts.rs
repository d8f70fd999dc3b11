use super::*;
use crate::world::{World, both};
use crate::{RetryExt, retry};
use regatta_core::{Clock, Retry, Sleep, retry_fn};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[test]
fn smoke() {
    let world = World::default();
    let starts = RefCell::new(Vec::new());
    let rule = Backoff::exponential(ms(100)).times(5);
    let answer = retry(rule, async || {
        starts.borrow_mut().push(world.millis());
        world.sleep(ms(10)).await;
        if starts.borrow().len() < 4 { Err(Fault::Busy) } else { Ok("here") }
    });
    assert_eq!(world.run(answer.clock(world.clock())).unwrap(), "here");
    assert_eq!(*starts.borrow(), [0, 110, 320, 730]);
}

#[test]
fn without_retries_the_first_failure_stands() {
    let calls = Cell::new(0);
    let answer = retry(Backoff::constant(ms(1)).times(0), async || {
        calls.set(calls.get() + 1);
        Err::<(), _>(Fault::Busy)
    });
    assert!(matches!(World::default().run(answer), Err(TaskError::Failed(Fault::Busy))));
    assert_eq!(calls.get(), 1);
}

#[test]
fn nothing_begins_before_it_is_polled() {
    let answer = retry(
        retry_fn(|_, _: &TaskError<Fault>| panic!("asked")),
        || -> std::future::Ready<Result<(), _>> { panic!("called") },
    );
    assert_eq!(answer.attempts(), 0);
    drop(answer);
}

#[test]
fn a_success_looks_at_no_clock() {
    let world = World::default();
    let answer = retry(every(5).when(Fault::may_pass), async || Ok::<_, Fault>(7));
    assert_eq!(world.run(answer.clock(world.clock())).unwrap(), 7);
    assert_eq!(world.used(), (0, 0));
}

#[test]
fn a_rule_that_measures_time_hears_when_it_began() {
    struct Heard(RefCell<Vec<u128>>);
    impl Retry<Fault> for &Heard {
        fn begin(&mut self, now: Time) {
            self.0.borrow_mut().push(now.since(Time::ZERO).as_millis());
        }
        fn delay(&mut self, now: Time, attempts: u32, _: &TaskError<Fault>) -> Option<Duration> {
            self.0.borrow_mut().push(now.since(Time::ZERO).as_millis());
            (attempts < 3).then_some(ms(5))
        }
    }
    let (world, heard) = (World::default(), Heard(RefCell::default()));
    world.pass(ms(1_000));
    let answer = retry(&heard, async || {
        world.sleep(ms(20)).await;
        Err::<(), _>(Fault::Busy)
    });
    world.run(answer.clock(world.clock())).unwrap_err();
    assert_eq!(*heard.0.borrow(), [1_000, 1_020, 1_045, 1_070]);
}

/// A million failures in one poll once kept everybody else on the thread from running.
#[test]
fn retries_without_a_pause_let_others_run_and_touch_no_timer() {
    const CALLS: u32 = 1_000_000;
    let (world, calls, ticks) = (World::default(), Cell::new(0u32), Cell::new(0u32));
    let answer = retry(every(0), async || {
        calls.set(calls.get() + 1);
        if calls.get() < CALLS { Err(Fault::Busy) } else { Ok(()) }
    });
    let ticker = poll_fn(|cx| {
        ticks.set(ticks.get() + 1);
        assert!(calls.get() <= ticks.get() * 128, "more than 128 attempts between two turns");
        cx.waker().wake_by_ref();
        if calls.get() == CALLS { Poll::Ready(()) } else { Poll::Pending }
    });
    world.run(both(answer.clock(world.clock()), ticker)).0.unwrap();
    assert_eq!(world.used(), (0, 0));
    assert!(ticks.get() >= CALLS / 128);
}

#[test]
fn it_yields_only_with_work_left() {
    let calls = Cell::new(0);
    let answer = retry(every(0), async || {
        calls.set(calls.get() + 1);
        if calls.get() < 128 { Err(Fault::Busy) } else { Ok(()) }
    });
    let (result, polls) = World::default().count(answer);
    assert!(result.is_ok());
    assert_eq!(polls, 1);
}

#[test]
fn a_slow_attempt_is_dropped_and_tried_again() {
    let world = World::default();
    let (starts, gone) = (RefCell::new(Vec::new()), Cell::new(0));
    let rule = retry_fn(|attempts, failure: &TaskError<Fault>| match failure {
        TaskError::TimedOut { after } if *after == ms(30) => Some(ms(10 * u64::from(attempts))),
        _ => None,
    });
    let answer = retry(rule, async || {
        let _guard = Guard(&gone);
        starts.borrow_mut().push((world.millis(), gone.get()));
        if starts.borrow().len() < 3 { pending().await } else { Ok::<_, Fault>(()) }
    });
    world.run(answer.clock(world.clock()).attempt_timeout(ms(30))).unwrap();
    assert_eq!(*starts.borrow(), [(0, 0), (40, 1), (90, 2)]);
}

#[test]
fn the_last_timeout_is_the_result() {
    let world = World::default();
    let answer = retry(Backoff::constant(ms(1)).times(1), pending::<Result<(), Fault>>);
    let result = world.run(answer.clock(world.clock()).attempt_timeout(ms(5)));
    assert!(matches!(result, Err(TaskError::TimedOut { after }) if after == ms(5)));
    assert_eq!(world.millis(), 11);
}

#[test]
fn done_beats_timed_out() {
    let world = World::default();
    let answer = retry(every(1), async || {
        world.sleep(ms(5)).await;
        Ok::<_, Fault>(())
    });
    world.run(answer.clock(world.clock()).attempt_timeout(ms(5))).unwrap();
    let at_once = retry(every(1), async || Ok::<_, Fault>(()));
    world.run(at_once.clock(world.clock()).attempt_timeout(Duration::ZERO)).unwrap();
    assert_eq!(world.millis(), 5);
}

#[test]
fn no_pause_ends_at_the_deadline_or_after() {
    let world = World::default();
    let starts = RefCell::new(Vec::new());
    let rule = Backoff::linear(ms(10)).forever().within(ms(60));
    let answer = retry(rule, async || {
        starts.borrow_mut().push(world.millis());
        Err::<(), _>(Fault::Busy)
    });
    world.run(answer.clock(world.clock())).unwrap_err();
    assert_eq!(*starts.borrow(), [0, 10, 30], "the next one would be due at 60");
    assert_eq!(world.millis(), 30, "and it isn't waited for");
}

#[test]
fn a_retry_that_comes_late_does_not_start_after_the_deadline() {
    let world = World::default();
    let calls = Cell::new(0);
    let answer = retry(every(10).within(ms(50)), async || {
        calls.set(calls.get() + 1);
        Err::<(), _>(Fault::Busy)
    });
    let mut answer = std::pin::pin!(answer.clock(world.clock()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(answer.as_mut().poll(&mut cx).is_pending());
    world.pass(ms(50));
    let Poll::Ready(result) = answer.as_mut().poll(&mut cx) else { panic!("it goes on after its deadline") };
    assert!(matches!(result, Err(TaskError::Failed(Fault::Busy))));
    assert_eq!(calls.get(), 1);
}

struct Guard<'a>(&'a Cell<usize>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn dropped_midway_it_drops_the_attempt() {
    let gone = Cell::new(0);
    let mut answer = Box::pin(retry(every(1), async || {
        let _guard = Guard(&gone);
        pending::<Result<(), Fault>>().await
    }));
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(gone.get(), 0);
    drop(answer);
    assert_eq!(gone.get(), 1);
}

#[test]
fn dropped_in_a_pause_it_starts_nothing_more() {
    let (world, calls) = (World::default(), Cell::new(0));
    let mut answer = Box::pin(
        retry(every(5), async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(Fault::Busy)
        })
        .clock(world.clock()),
    );
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(answer);
    assert_eq!(calls.get(), 1);
}

#[test]
fn panics_inside_go_on_to_the_caller() {
    let while_polled = retry(every(0), async || -> Result<(), Fault> { panic!("overboard") });
    let while_called = retry(every(0), || -> std::future::Ready<Result<(), Fault>> { panic!("overboard") });
    for panic in [
        catch_unwind(AssertUnwindSafe(|| World::default().run(while_polled))).unwrap_err(),
        catch_unwind(AssertUnwindSafe(|| World::default().run(while_called))).unwrap_err(),
    ] {
        assert_eq!(panic.downcast_ref(), Some(&"overboard"));
    }
}

/// Begins with a panic.
struct Unruly;

impl Retry<Fault> for Unruly {
    fn begin(&mut self, _: Time) {
        panic!("no rules")
    }

    fn delay(&mut self, _: Time, _: u32, _: &TaskError<Fault>) -> Option<Duration> {
        None
    }
}

#[test]
fn what_is_over_stays_over() {
    fn ends<T>(attempts: impl Future<Output = T>) {
        let mut attempts = std::pin::pin!(attempts);
        let mut poll = || {
            let mut cx = Context::from_waker(Waker::noop());
            catch_unwind(AssertUnwindSafe(|| attempts.as_mut().poll(&mut cx).is_ready()))
        };
        assert!(!matches!(poll(), Ok(false)));
        let panic = poll().unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"`Attempts` was polled after it had ended"));
    }
    ends(retry(every(1), async || Ok::<_, Fault>(())));
    ends(retry(every(1).times(0), async || Err::<(), _>(Fault::Busy)));
    ends(retry(every(1), || -> std::future::Ready<Result<(), Fault>> { panic!("overboard") }));
    ends(retry(Unruly, async || -> Result<(), Fault> { unreachable!() }));
}

#[test]
fn a_clock_that_never_sleeps_long_enough_does_no_harm() {
    struct Hasty;
    impl Clock for Hasty {
        fn now(&self) -> Time {
            Time::ZERO
        }
        fn sleep_until(&self, _: Time) -> Sleep {
            Sleep::ready()
        }
    }
    let calls = Cell::new(0);
    let answer = retry(every(5), async || {
        calls.set(calls.get() + 1);
        if calls.get() < 1_000 { Err(Fault::Busy) } else { Ok(()) }
    });
    let (result, polls) = World::default().count(answer.clock(Arc::new(Hasty)));
    assert!(result.is_ok() && polls > 5, "{polls} polls");
}

#[test]
fn it_is_spawned_with_all_that_it_borrows() {
    async fn fetch(name: &str, calls: &std::sync::atomic::AtomicU32) -> Result<usize, Fault> {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(()).await;
        if call % 3 == 2 { Ok(name.len()) } else { Err(Fault::Busy) }
    }
    async fn all() -> usize {
        let names = vec![String::from("ann"), String::from("bob")];
        let calls = std::sync::atomic::AtomicU32::new(0);
        let mut sum = 0;
        for name in &names {
            let rule = every(0).when(Fault::may_pass).within(Duration::from_secs(60));
            sum += retry(rule, async || fetch(name, &calls).await).await.unwrap();
            sum += retry(every(0), || fetch(name, &calls)).await.unwrap();
        }
        sum
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    assert_eq!(runtime.block_on(async { tokio::spawn(all()).await.unwrap() }), 12);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(async { tokio::spawn(all()).await.unwrap() }), 12);
    assert_eq!(smol::block_on(smol::spawn(all())), 12);
}
