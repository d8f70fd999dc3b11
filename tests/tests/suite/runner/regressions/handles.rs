//! What handles say and are told, before a run, while it goes on, and while it stops.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, ends, secs};
use regatta::{AddError, CancelToken, Ctx, Event, EventKind, Handle, Observer, Runner, StopReason};
use regatta_sim::Probe;
use regatta_tests::{Watchdog, World, on_every_executor};
use std::fmt;
use std::future::pending;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// The tasks that were told as queued, in order.
#[derive(Clone, Default)]
struct Queued(Arc<Mutex<Vec<usize>>>);

impl Observer for Queued {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Queued = event.kind {
            self.0.lock().unwrap().push(event.id);
        }
    }
}

on_every_executor! {
    async fn a_cancel_within_the_grace_of_the_run_was_called_too_late(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().clock(world.clock()).cancel_on(&token).grace(secs(5));
        runner.add("a", owned(&world, secs(4), Ok(1))).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || token.cancel());
        let said = Arc::new(Mutex::new(None));
        let heard = said.clone();
        later(&world, secs(2), move || *heard.lock().unwrap() = Some(handle.cancel("a")));
        assert_eq!(ends(&runner.run().await), ["ok 1"]);
        assert_eq!(*said.lock().unwrap(), Some(true), "it ran for two seconds more");
    }

    async fn a_timeout_within_the_grace_of_one_task_was_not_called_one(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(5)).grace(secs(60));
        runner.add("a", pending::<Result<u8, Fault>>()).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("a"));
        });
        let report = runner.run().await;
        assert_eq!(report.elapsed(), secs(5));
        assert!(report.timed_out(), "{}", report.stopped());
    }

    async fn a_cancel_of_the_run_within_the_grace_of_one_task_was_forgotten_at_its_timeout(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(5)).grace(secs(60));
        runner.add("a", pending::<Result<u8, Fault>>()).unwrap();
        let (cancels, stops) = (runner.handle(), runner.handle());
        later(&world, secs(1), move || {
            assert!(cancels.cancel("a"));
        });
        later(&world, secs(2), move || stops.stop());
        let report = runner.run().await;
        assert!(matches!(report.stopped(), StopReason::Cancelled), "{}", report.stopped());
    }

    async fn tasks_were_queued_twice_by_a_limit_that_was_set_before_the_run(world: World) {
        type Order = fn(&Handle<'static, usize, u8, Fault>);
        let orders: [Order; 3] =
            [|handle| handle.set_limit(2).unwrap(), |handle| handle.set_unlimited(), |handle| {
                assert!(handle.cancel(&1));
                handle.set_limit(2).unwrap();
            }];
        for order in orders {
            let queued = Queued::default();
            let mut runner = Runner::new().clock(world.clock()).observer(queued.clone());
            for key in 0..3 {
                runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
            }
            let handle = runner.handle();
            order(&handle);
            handle.add(3, owned(&world, secs(1), Ok(1))).unwrap();
            runner.run().await;
            assert_eq!(*queued.0.lock().unwrap(), [0, 1, 2, 3]);
        }
    }

    async fn what_a_handle_had_added_before_the_run_was_put_behind_the_rest(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let handle = runner.handle();
        handle.add("first", owned(&world, secs(1), Ok(1))).unwrap();
        assert_eq!((runner.len(), runner.is_empty()), (1, false));
        runner.add("second", owned(&world, secs(1), Ok(1))).unwrap();
        handle.add("third", owned(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(runner.len(), 3);
        let report = runner.run().await;
        let told = report.tasks().iter().map(|task| (*task.key(), task.started().unwrap().since(begun)));
        let expected = [("first", secs(0)), ("second", secs(1)), ("third", secs(2))];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    async fn a_runner_that_was_stopped_first_called_a_fresh_key_taken(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner.add("a", probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        handle.stop();
        runner.add("b", probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        assert_eq!(runner.add("a", owned(&world, secs(1), Ok(1))).unwrap_err().key, "\"a\"");
        assert_eq!(handle.add("c", owned(&world, secs(1), Ok(1))), Err(AddError::Closed));
        assert_eq!(runner.run().await.counts().not_started, 2);
        assert_eq!(probe.polls(), 0);
    }

    async fn a_task_with_its_own_cancel_had_one_poll_more_than_one_cancelled_with_its_run(world: World) {
        for by_key in [true, false] {
            let mut runner = Runner::new().clock(world.clock());
            let handle = runner.handle();
            let clean_up = async |ctx: Ctx| {
                ctx.cancelled().await;
                Ok::<_, Fault>(1)
            };
            runner.add_with("a", clean_up).unwrap();
            later(&world, secs(1), move || {
                if by_key {
                    handle.cancel("a");
                } else {
                    handle.stop();
                }
            });
            assert_eq!(ends(&runner.run().await), ["cancelled"], "by its key: {by_key}");
        }
    }

    async fn a_task_that_was_cancelled_before_its_start_was_counted_as_completed(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add("a", owned(&world, secs(5), Ok(1))).unwrap();
        runner.add("b", owned(&world, secs(5), Ok(1))).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("b"));
        });
        let report = runner.run().await;
        assert_eq!(report.by_completion().iter().map(|task| *task.key()).collect::<Vec<_>>(), ["a"]);
    }
}

#[test]
fn a_runner_that_was_stopped_first_looked_for_a_free_number_for_ever() {
    let _watchdog = Watchdog::new();
    let mut runner = Runner::<usize, (), Fault>::new();
    runner.handle().stop();
    runner.extend((0..2).map(|_| async { Ok(()) }));
    assert_eq!(runner.len(), 2);
    assert_eq!(smol::block_on(runner.run()).counts().not_started, 2);
}

/// A key that looks at its run as it is dropped.
#[derive(Clone)]
struct Curious {
    number: u8,
    handle: Arc<Mutex<Option<Handle<'static, Self, u8, Fault>>>>,
}

impl Curious {
    fn new(number: u8, handle: &Arc<Mutex<Option<Handle<'static, Self, u8, Fault>>>>) -> Self {
        Self { number, handle: handle.clone() }
    }
}

impl PartialEq for Curious {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Curious {}

impl Hash for Curious {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl fmt::Debug for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        // Not while the handle is being put there or taken away, which the test does itself.
        let handle = self.handle.try_lock().ok().and_then(|handle| handle.clone());
        if let Some(handle) = handle {
            handle.progress();
        }
    }
}

#[test]
fn a_refused_key_that_looked_at_its_run_was_dropped_under_its_lock() {
    let _watchdog = Watchdog::new();
    let kept = Arc::new(Mutex::new(None));
    let mut runner = Runner::new();
    let handle = runner.handle();
    runner.add(Curious::new(1, &kept), async { Ok(1) }).unwrap();
    *kept.lock().unwrap() = Some(handle.clone());
    assert!(runner.add(Curious::new(1, &kept), async { Ok(2) }).is_err());
    assert_eq!(
        handle.add(Curious::new(1, &kept), async { Ok(2) }),
        Err(AddError::Duplicate { key: "1".into() })
    );
    assert_eq!(ends(&smol::block_on(runner.run())), ["ok 1"]);
    assert_eq!(handle.add(Curious::new(2, &kept), async { Ok(2) }), Err(AddError::Closed));
    kept.lock().unwrap().take();
}

/// A key that keeps what its copies share.
#[derive(Clone)]
struct Keeper {
    _handle: Handle<'static, Self, u8, Fault>,
    shared: Arc<()>,
}

impl PartialEq for Keeper {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Keeper {}

impl Hash for Keeper {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

#[test]
fn keys_with_a_handle_of_their_run_were_never_freed() {
    let shared = Arc::new(());
    let mut runner = Runner::new();
    let handle = runner.handle();
    let key = Keeper { _handle: handle.clone(), shared: shared.clone() };
    runner.add(key, async { Ok(1) }).unwrap();
    drop(smol::block_on(runner.run()));
    assert_eq!(Arc::strong_count(&shared), 1, "also while a handle is left");
    drop(handle);
}
