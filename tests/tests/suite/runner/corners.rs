//! Moments in which a promise is easily kept a little too late, or only by luck.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, after, ends, millis, secs};
use regatta::{AddError, Backoff, BoxStrategy, Outcome, Request, Runner, Strategy, Time};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::sync::{Arc, Mutex};

on_every_executor! {
    async fn a_retry_that_would_come_too_late_is_not_waited_for(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().clock(world.clock()).task_timeout(secs(5));
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("too late", Backoff::constant(secs(10)), fails).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy"]);
        assert_eq!(report.task("too late").unwrap().ended(), Some(begun + secs(1)));
    }

    /// Others hold the only slot, and nothing else happens when the task's time is up.
    async fn a_retry_that_finds_no_slot_ends_with_its_time(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner = runner.attempt_timeout(secs(3)).task_timeout(secs(5));
        let fails = || after(&world, secs(1), Err::<u8, _>("busy"));
        runner.add_retry("late", Backoff::constant(millis(3500)), fails).unwrap();
        runner.add("from 1 to 4", pending()).unwrap();
        runner.add("from 4 to 7", pending()).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy", "timed out after 3s", "timed out after 3s"]);
        assert_eq!(report.task("late").unwrap().ended(), Some(begun + secs(5)));
    }

    async fn a_run_takes_nothing_from_the_moment_of_its_stop(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner.add("hangs", pending::<Result<u8, Fault>>()).unwrap();
        let inner = world.clone();
        later(&world, secs(1), move || {
            handle.stop();
            assert_eq!(handle.add("late", owned(&inner, secs(1), Ok(1))), Err(AddError::Closed));
        });
        assert_eq!(ends(&runner.run().await), ["cancelled"]);
    }

    async fn what_was_added_to_a_run_that_nobody_drives_is_in_its_report(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner.add("runner", owned(&world, secs(1), Ok(1))).unwrap();
        handle.add("handle", owned(&world, secs(1), Ok(1))).unwrap();
        let report = runner.start(drop).await;
        assert_eq!(ends(&report), ["not started: the executor could not spawn it"; 2]);
    }

    /// The task waits for the word, and would turn it into a success.
    async fn a_task_without_a_grace_has_no_poll_for_its_last_word(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        runner
            .add_with("a", async |ctx| {
                ctx.cancelled().await;
                Ok::<u8, Fault>(1)
            })
            .unwrap();
        later(&world, secs(1), move || assert!(handle.cancel("a")));
        assert_eq!(ends(&runner.run().await), ["cancelled"]);
    }

    async fn a_task_that_is_cancelled_before_its_start_is_dropped_then(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let (handle, watched, inner) = (runner.handle(), probe.clone(), world.clone());
        runner
            .add("runs", async move {
                inner.sleep(secs(1)).await;
                assert!(handle.cancel("waits"));
                inner.sleep(secs(1)).await;
                Ok::<_, Fault>(watched.drops())
            })
            .unwrap();
        runner.add("waits", probe.also(pending())).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1", "not started: it was cancelled first"]);
    }
}

/// Remembers in which span it was dropped.
struct Dropped(Arc<Mutex<Option<&'static str>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = tracing::Span::current().metadata().map(tracing::Metadata::name);
    }
}

#[test]
fn a_task_is_dropped_inside_its_span() {
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let span = Arc::new(Mutex::new(None));
        let mut runner = Runner::new().traced().stop_on(regatta::StopOn::FirstError);
        let dropped = Dropped(span.clone());
        runner
            .add("stopped", async move {
                let _dropped = dropped;
                pending::<Result<u8, Fault>>().await
            })
            .unwrap();
        runner.add("fails", async { Err("no") }).unwrap();
        let report = smol::block_on(runner.run());
        assert_eq!(ends(&report), ["cancelled", "failed: no"]);
        assert_eq!(*span.lock().unwrap(), Some("task"));
    });
}

#[test]
fn a_stranger_frees_no_place_in_a_box() {
    let (mut first, mut second) = (BoxStrategy::new(()), BoxStrategy::new(()));
    let stranger = first.start(Time::ZERO, &Request::new()).unwrap();
    second.finish(stranger, Time::ZERO, Outcome::Success);
    let token = second.start(Time::ZERO, &Request::new()).unwrap();
    second.finish(token, Time::ZERO, Outcome::Success);
}
