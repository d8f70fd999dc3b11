//! Tasks are added while the run goes on.

use super::{later, owned, starts};
use crate::runner::support::{Fault, ends, how, secs};
use regatta::{AddError, Backoff, Event, EventKind, Handle, Observer, Runner, StopOn, StopReason};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};

/// Adds one task when it hears that another has finished.
struct Adder {
    world: World,
    handle: Arc<Mutex<Option<Handle<'static, &'static str, u8, Fault>>>>,
}

impl Observer for Adder {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Finished { .. } = event.kind
            && format!("{:?}", event.name) == "\"first\""
        {
            let handle = self.handle.lock().unwrap().take().unwrap();
            handle.add("second", owned(&self.world, secs(2), Ok(2))).unwrap();
        }
    }
}

/// A page with three links, down to depth 3: each task adds those that it has found.
fn crawl(world: &World, handle: &Handle<'static, String, usize, Fault>, page: String) {
    let (inner, again) = (world.clone(), handle.clone());
    let name = page.clone();
    let task = async move {
        inner.sleep(secs(1)).await;
        if name.len() < 4 {
            for link in ["a", "b", "c"] {
                crawl(&inner, &again, format!("{name}{link}"));
            }
        }
        Ok(name.len())
    };
    handle.add(page, task).unwrap();
}

on_every_executor! {
    async fn a_task_adds_another(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().clock(world.clock());
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("first", async move {
                inner.sleep(secs(1)).await;
                handle.add("second", owned(&inner, secs(2), Ok(2))).unwrap();
                inner.sleep(secs(1)).await;
                Ok(1)
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 2"]);
        assert_eq!(starts(&report, begun), [Some(0), Some(1)]);
        assert_eq!(report.task("second").unwrap().queued(), begun + secs(1));
        assert_eq!(report.elapsed(), secs(3));
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn the_last_task_adds_another_with_its_last_breath(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("first", async move {
                handle.add("second", owned(&inner, secs(2), Ok(2))).unwrap();
                Ok(1)
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 2"]);
    }

    async fn a_crawler_finds_every_page_and_ends(world: World) {
        let mut runner = Runner::new().unlimited().clock(world.clock());
        crawl(&world, &runner.handle(), "/".into());
        let report = runner.spawn_on(world.executor()).await;
        assert_eq!((report.len(), report.counts().ok), (1 + 3 + 9 + 27, 40));
        assert_eq!(report.elapsed(), secs(4));
    }

    async fn another_task_of_the_executor_adds_tasks(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().clock(world.clock());
        runner.add("long", owned(&world, secs(10), Ok(0))).unwrap();
        let (handle, inner) = (runner.handle(), world.clone());
        let adder = async move {
            for (key, seconds) in [("a", 3), ("b", 2), ("c", 1)] {
                inner.sleep(secs(1)).await;
                handle.add(key, owned(&inner, secs(seconds), Ok(1))).unwrap();
            }
        };
        world.spawn(adder);
        let report = runner.run().await;
        assert_eq!(starts(&report, begun), [0, 1, 2, 3].map(Some));
        assert!(report.is_ok());
    }

    async fn an_observer_adds_a_task(world: World) {
        let place = Arc::new(Mutex::new(None));
        let adder = Adder { world: world.clone(), handle: place.clone() };
        let mut runner = Runner::new().clock(world.clock()).observer(adder);
        runner.add("first", owned(&world, secs(1), Ok(1))).unwrap();
        *place.lock().unwrap() = Some(runner.handle());
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "ok 2"]);
        assert_eq!(report.elapsed(), secs(3));
    }

    async fn tasks_start_in_the_order_of_adding(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        for key in ["a", "b"] {
            runner.add(key, owned(&world, secs(2), Ok(1))).unwrap();
        }
        let handle = runner.handle();
        let inner = world.clone();
        later(&world, secs(1), move || {
            for key in ["c", "d", "e"] {
                handle.add(key, owned(&inner, secs(2), Ok(1))).unwrap();
            }
        });
        let report = runner.run().await;
        assert_eq!(starts(&report, begun), [0, 2, 4, 6, 8].map(Some));
        let keys: Vec<_> = report.tasks().iter().map(|task| *task.key()).collect();
        assert_eq!(keys, ["a", "b", "c", "d", "e"]);
    }

    async fn a_retry_that_is_due_goes_before_tasks_that_were_added(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        let inner = world.clone();
        let fails = move || owned(&inner, secs(2), Err::<u8, _>("busy"));
        runner.add_retry("retried", Backoff::constant(secs(0)).times(1), fails).unwrap();
        let handle = runner.handle();
        let inner = world.clone();
        later(&world, secs(1), move || handle.add("added", owned(&inner, secs(2), Ok(1))).unwrap());
        let report = runner.run().await;
        let order: Vec<_> = report.by_completion().iter().map(|task| *task.key()).collect();
        assert_eq!(order, ["retried", "added"]);
    }

    async fn a_taken_key_is_refused_on_both_sides(world: World) {
        let duplicate = |key: &str| AddError::Duplicate { key: format!("{key:?}") };
        let mut runner = Runner::new().clock(world.clock());
        runner.add("old", owned(&world, secs(1), Ok(1))).unwrap();
        let handle = runner.handle();
        // Added before there was a handle, through the handle, and on the runner after that.
        assert_eq!(handle.add("old", owned(&world, secs(1), Ok(2))), Err(duplicate("old")));
        handle.add("through", owned(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(handle.add("through", owned(&world, secs(1), Ok(2))), Err(duplicate("through")));
        assert_eq!(runner.add("through", owned(&world, secs(1), Ok(2))).unwrap_err().key, "\"through\"");
        runner.add("after", owned(&world, secs(5), Ok(1))).unwrap();
        assert_eq!(handle.add("after", owned(&world, secs(1), Ok(2))), Err(duplicate("after")));
        let late = handle.clone();
        let inner = world.clone();
        later(&world, secs(3), move || {
            for key in ["old", "through", "after"] {
                let refused = late.add(key, owned(&inner, secs(1), Ok(2)));
                assert_eq!(refused, Err(duplicate(key)), "also when it has ended");
            }
        });
        let report = runner.run().await;
        assert_eq!(report.len(), 3);
        assert!(report.ok().all(|(_, value)| *value == 1), "those that hold the keys are untouched");
        assert!(report.is_ok());
    }

    async fn a_refused_task_comes_back_and_is_still_good(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        handle.add(String::from("key"), owned(&world, secs(1), Ok(1))).unwrap();
        let task = probe.also(owned(&world, secs(1), Ok(2)));
        let (key, task, why) = handle.try_add(String::from("key"), task).unwrap_err();
        assert_eq!((key.as_str(), why), ("key", AddError::Duplicate { key: "\"key\"".into() }));
        assert_eq!((probe.polls(), probe.drops()), (0, 0));
        assert_eq!(task.await, Ok(2));
        assert!(runner.run().await.is_ok());
        let task = owned(&world, secs(1), Ok(3));
        let (key, task, why) = handle.try_add(String::from("key"), task).unwrap_err();
        assert_eq!((key.as_str(), why), ("key", AddError::Closed));
        assert_eq!(task.await, Ok(3));
    }

    async fn a_run_that_has_ended_takes_nothing(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        let handle = runner.handle();
        assert!(runner.run().await.is_empty());
        let probe = Probe::new();
        let refused = handle.add("late", probe.also(owned(&world, secs(1), Ok::<u8, _>(1))));
        assert_eq!(refused, Err(AddError::Closed));
        assert_eq!((probe.polls(), probe.drops()), (0, 1));
    }

    async fn a_run_that_is_stopping_takes_nothing(world: World) {
        let mut runner = Runner::new().clock(world.clock()).grace(secs(5));
        let handle = runner.handle();
        runner.add("long", owned(&world, secs(10), Ok(1))).unwrap();
        let (first, second, inner) = (handle.clone(), handle.clone(), world.clone());
        later(&world, secs(1), move || first.stop());
        later(&world, secs(2), move || {
            assert_eq!(second.add("late", owned(&inner, secs(1), Ok(1))), Err(AddError::Closed));
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["cancelled"]);
        assert_eq!(report.elapsed(), secs(6));
        assert!(matches!(report.stopped(), StopReason::Cancelled));
    }

    /// Nothing asks for another task while all slots are taken, and yet none is taken.
    async fn a_run_that_is_stopping_with_all_slots_taken_takes_nothing(world: World) {
        for spawned in [false, true] {
            let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).grace(secs(5));
            let handle = runner.handle();
            runner.add("long", owned(&world, secs(10), Ok(1))).unwrap();
            let (first, second, inner) = (handle.clone(), handle.clone(), world.clone());
            later(&world, secs(1), move || first.stop());
            later(&world, secs(2), move || {
                assert_eq!(second.add("late", owned(&inner, secs(1), Ok(1))), Err(AddError::Closed));
            });
            let report = if spawned { runner.spawn_on(world.executor()).await } else { runner.run().await };
            assert_eq!((ends(&report), report.elapsed()), (vec!["cancelled".to_owned()], secs(6)));
        }
    }

    async fn what_a_failing_task_adds_before_it_stops_the_run_is_in_the_report(world: World) {
        let mut runner = Runner::new().clock(world.clock()).stop_on(StopOn::FirstError);
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("fails", async move {
                inner.sleep(secs(1)).await;
                handle.add("never", owned(&inner, secs(1), Ok(1))).unwrap();
                Err("no")
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: no", "not started: the run was stopped by its stop rule"]);
        assert!(matches!(report.stopped(), StopReason::StopRule));
    }

    async fn what_is_added_in_the_moment_of_the_timeout_is_in_the_report(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(3));
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add("long", async move {
                inner.sleep(secs(3)).await;
                handle.add("never", owned(&inner, secs(1), Ok(1))).unwrap();
                inner.sleep(secs(3)).await;
                Ok(1)
            })
            .unwrap();
        let report = runner.run().await;
        assert_eq!(how(report.get("long").unwrap()), "timed out after 3s");
        assert_eq!(how(report.get("never").unwrap()), "not started: the run's time was up");
        assert!(report.timed_out());
    }

    async fn a_task_that_is_added_has_the_timeouts_of_the_run(world: World) {
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(10)).task_timeout(secs(4));
        runner.add("first", owned(&world, secs(2), Ok(1))).unwrap();
        let (handle, inner) = (runner.handle(), world.clone());
        later(&world, secs(1), move || {
            handle.add("slow", owned(&inner, secs(30), Ok(1))).unwrap();
        });
        let report = runner.run().await;
        assert_eq!(ends(&report), ["ok 1", "timed out after 4s"]);
        assert_eq!(report.elapsed(), secs(5));
    }
}
