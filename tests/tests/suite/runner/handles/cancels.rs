//! One task is cancelled by its key, wherever it is.

use super::{later, owned};
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{Backoff, Runner, StopOn, StopReason};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;

const NEVER: &str = "not started: it was cancelled first";

/// `a` for 10 s, `b` for 4 s, `c` for 2 s; two at a time.
fn three(world: &World) -> Runner<'static, &'static str, u8, Fault> {
    let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
    for (key, seconds) in [("a", 10), ("b", 4), ("c", 2)] {
        runner.add(key, owned(world, secs(seconds), Ok(1))).unwrap();
    }
    runner
}

on_every_executor! {
    async fn a_task_that_waits_never_starts(world: World) {
        let made = Gauge::default();
        let mut runner = three(&world);
        let counter = made.clone();
        runner
            .add_with("d", move |_| {
                counter.pass();
                owned(&World::clone(&world), secs(1), Ok(1))
            })
            .unwrap();
        let handle = runner.handle();
        assert!(handle.cancel("d"));
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 1", "ok 1", NEVER]);
        assert_eq!(made.entered(), 0, "not even its factory was called");
        let task = report.task("d").unwrap();
        assert_eq!((task.attempts(), task.started()), (0, None));
        assert!(matches!(report.stopped(), StopReason::Completed), "nobody stopped the run");
        assert!(!handle.cancel("d"), "it has ended");
    }

    async fn a_task_that_waits_has_its_outcome_at_once(world: World) {
        let mut runner = three(&world);
        let (handle, begun) = (runner.handle(), world.now());
        later(&world, secs(1), move || {
            assert!(handle.cancel("c"));
        });
        let report = runner.run().await;
        assert_eq!(report.task("c").unwrap().ended(), Some(begun + secs(1)));
        assert_eq!(ends(&report), ["ok 1", "ok 1", NEVER]);
    }

    async fn a_task_that_runs_is_dropped_and_its_slot_is_filled_at_once(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add("hangs", probe.also(pending())).unwrap();
        runner.add("next", owned(&world, secs(2), Ok(1))).unwrap();
        let (handle, begun) = (runner.handle(), world.now());
        let watched = probe.clone();
        later(&world, secs(3), move || {
            assert_eq!(watched.drops(), 0);
            assert!(handle.cancel("hangs"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled", "ok 1"]);
        assert_eq!(probe.drops(), 1);
        assert_eq!(report.task("hangs").unwrap().ended(), Some(begun + secs(3)));
        assert_eq!(report.task("next").unwrap().started(), Some(begun + secs(3)));
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_spawned_task_is_dropped_and_its_slot_is_filled_at_once(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add("hangs", probe.also(pending())).unwrap();
        runner.add("next", owned(&world, secs(2), Ok(1))).unwrap();
        let handle = runner.handle();
        later(&world, secs(3), move || {
            assert!(handle.cancel("hangs"));
        });
        let report = runner.spawn_on(world.executor()).await;
        assert_eq!(ends(&report), ["cancelled", "ok 1"]);
        assert_eq!((probe.drops(), report.elapsed()), (1, secs(5)));
    }

    async fn a_task_has_the_grace_of_the_run_and_is_dropped_then(world: World) {
        let mut runner = three(&world).grace(secs(3));
        let (handle, begun) = (runner.handle(), world.now());
        later(&world, secs(1), move || {
            assert!(handle.cancel("a") && handle.cancel("b"));
            assert!(handle.cancel("a"), "it goes on, so it has not ended");
        });
        let report = runner.run().await;
        // `b` ends by itself at 4 s, which is just in time.
        assert_eq!(ends(&report), ["cancelled", "ok 1", "ok 1"]);
        assert_eq!(report.task("a").unwrap().ended(), Some(begun + secs(4)));
        assert_eq!(report.task("c").unwrap().started(), Some(begun + secs(4)), "the grace keeps the slot");
    }

    async fn a_second_cancel_does_not_prolong_the_grace(world: World) {
        let mut runner = three(&world).grace(secs(3));
        let (first, second, begun) = (runner.handle(), runner.handle(), world.now());
        later(&world, secs(1), move || assert!(first.cancel("a")));
        later(&world, secs(3), move || assert!(second.cancel("a")));
        let report = runner.run().await;
        assert_eq!(report.task("a").unwrap().ended(), Some(begun + secs(4)));
    }

    async fn a_task_in_the_pause_before_its_next_attempt_has_none(world: World) {
        let tries = Gauge::default();
        let counter = tries.clone();
        let mut runner = Runner::new().clock(world.clock()).grace(secs(100));
        let fails = move || {
            counter.pass();
            async { Err::<u8, _>("busy") }
        };
        runner.add_retry("a", Backoff::constant(secs(10)).forever(), fails).unwrap();
        let (handle, begun) = (runner.handle(), world.now());
        later(&world, secs(25), move || {
            assert!(handle.cancel("a"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled"]);
        assert_eq!((tries.entered(), report.tasks()[0].attempts()), (3, 3));
        assert_eq!(report.tasks()[0].ended(), Some(begun + secs(25)), "nothing runs that needs the grace");
        let errors: Vec<_> = report.tasks()[0].retried().iter().map(|attempt| attempt.error().failure()).collect();
        assert_eq!(errors, [Some(&"busy"); 3]);
    }

    async fn a_failure_within_the_grace_is_not_retried(world: World) {
        let mut runner = Runner::new().clock(world.clock()).grace(secs(100));
        let inner = world.clone();
        let fails = move || owned(&inner, secs(4), Err::<u8, _>("busy"));
        runner.add_retry("a", Backoff::constant(secs(1)).forever(), fails).unwrap();
        let handle = runner.handle();
        later(&world, secs(6), move || {
            assert!(handle.cancel("a"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: busy"]);
        assert_eq!((report.tasks()[0].attempts(), report.elapsed()), (2, secs(9)));
    }

    async fn who_has_ended_or_never_was_there_is_not_cancelled(world: World) {
        let mut runner = three(&world);
        let handle = runner.handle();
        later(&world, secs(5), move || {
            assert!(!handle.cancel("b"), "it ended at 4 s");
            assert!(!handle.cancel("nobody"));
        });
        let handle = runner.handle();
        let report = runner.run().await;
        assert!(report.is_ok());
        assert!(!handle.cancel("a") && !handle.cancel("nobody"), "the run is over");
        assert!(report.is_ok());
    }

    async fn a_task_that_the_run_has_not_seen_yet_never_starts(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        handle.add("early", probe.also(owned(&world, secs(1), Ok(1)))).unwrap();
        assert!(handle.cancel("early"));
        runner.add("here", owned(&world, secs(1), Ok(1))).unwrap();
        assert!(handle.cancel("here"));
        // From inside the run, which can't look in between.
        let (inside, task) = (world.clone(), probe.also(owned(&world, secs(1), Ok(1))));
        let ok = async move {
            inside.sleep(secs(1) / 2).await;
            handle.add("late", task).unwrap();
            assert!(handle.cancel("late"));
            inside.sleep(secs(1) / 2).await;
            Ok(1)
        };
        runner.add("ok", ok).unwrap();
        let report = runner.run().await;
        for key in ["early", "here", "late"] {
            assert_eq!(report.get(key).unwrap().as_ref().unwrap_err().to_string(), NEVER, "{key}");
        }
        assert_eq!((report.counts().ok, report.len()), (1, 4));
        assert_eq!((probe.polls(), probe.drops()), (0, 2));
    }

    async fn a_cancelled_key_stays_taken(world: World) {
        let mut runner = three(&world);
        let handle = runner.handle();
        assert!(handle.cancel("c"));
        assert!(handle.add("c", owned(&world, secs(1), Ok(2))).is_err());
        assert!(runner.add("c", owned(&world, secs(1), Ok(2))).is_err());
        assert_eq!(ends(&runner.run().await), ["ok 1", "ok 1", NEVER]);
    }

    async fn a_cancel_is_no_failure_for_the_stop_rule(world: World) {
        for rule in [StopOn::FirstError, StopOn::failures(2).unwrap()] {
            let mut runner = three(&world).stop_on(rule);
            runner.add("d", owned(&world, secs(30), Ok(1))).unwrap();
            let handle = runner.handle();
            later(&world, secs(1), move || {
                // The last first, before a slot is free for it.
                for key in ["c", "b", "a"] {
                    assert!(handle.cancel(key));
                }
            });
            let report = runner.run().await;
            assert_eq!(ends(&report), ["cancelled", "cancelled", NEVER, "ok 1"]);
            assert!(matches!(report.stopped(), StopReason::Completed));
        }
    }

    async fn what_fails_or_panics_within_its_grace_is_no_failure_either(world: World) {
        let mut runner = Runner::new().clock(world.clock()).grace(secs(9)).stop_on(StopOn::FirstError);
        runner.add("fails", owned(&world, secs(3), Err("no"))).unwrap();
        let inner = world.clone();
        runner
            .add("panics", async move {
                inner.sleep(secs(4)).await;
                panic!("overboard")
            })
            .unwrap();
        runner.add("ok", owned(&world, secs(20), Ok(1))).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("fails") && handle.cancel("panics"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: no", "panicked: overboard", "ok 1"]);
    }

    async fn a_success_within_the_grace_is_one_for_the_stop_rule(world: World) {
        let mut runner = three(&world).grace(secs(9)).stop_on(StopOn::FirstOk);
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("b"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled", "ok 1", "not started: the run was stopped by its stop rule"]);
        assert_eq!(report.elapsed(), secs(4));
    }

    async fn a_failure_of_another_still_stops_the_run(world: World) {
        let mut runner = three(&world).stop_on(StopOn::FirstError);
        runner.add("fails", owned(&world, secs(1), Err("no"))).unwrap();
        let handle = runner.handle();
        later(&world, secs(1), move || {
            assert!(handle.cancel("b"));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled", "cancelled", "ok 1", "failed: no"]);
        assert_eq!(report.elapsed(), secs(4), "`c` from 1 to 3 s, then `fails`");
    }

    async fn a_task_cancels_itself_and_a_neighbour(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("itself", async move {
                inner.sleep(secs(1)).await;
                assert!(handle.cancel("itself") && handle.cancel("neighbour"));
                pending::<()>().await;
                Ok(1)
            })
            .unwrap();
        runner.add("neighbour", pending()).unwrap();
        runner.add("other", owned(&world, secs(2), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled", "cancelled", "ok 1"]);
    }

    async fn a_result_at_the_same_moment_beats_the_cancel(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("cancels", async move {
                inner.sleep(secs(1)).await;
                // The other's timer has fired too: that it is polled later changes nothing.
                let _had_not_ended = handle.cancel("ends");
                Ok(1)
            })
            .unwrap();
        runner.add("ends", owned(&world, secs(1), Ok(1))).unwrap();
        assert!(runner.run().await.is_ok());
    }
}
