//! The same limits, times, rules and outcomes as in place.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, Gauge, ends, millis, secs};
use regatta::{Backoff, CancelToken, Report, Runner, StopOn, StopReason};
use regatta_sim::Probe;
use regatta_tests::{World, on_every_executor};
use std::future::pending;

/// One task of each kind, no two at the same moment.
fn assortment(world: &World) -> Runner<'static, usize, usize, Fault> {
    let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
    for n in 0..4 {
        let pause = millis(10 * n as u64 + 1);
        runner.add(6 * n, async move { Ok(n) }).unwrap();
        runner.add(6 * n + 1, owned(world, pause, Ok(n))).unwrap();
        runner.add(6 * n + 2, owned(world, pause + millis(2), Err("no"))).unwrap();
        let inner = world.clone();
        runner
            .add(6 * n + 3, async move {
                inner.sleep(pause + millis(4)).await;
                panic!("overboard")
            })
            .unwrap();
        let (inner, tries) = (world.clone(), Gauge::default());
        let flaky = move || {
            let attempt = tries.pass();
            owned(&inner, pause, if attempt > n { Ok(attempt) } else { Err("busy") })
        };
        runner.add_retry(6 * n + 4, Backoff::constant(millis(7)).times(2), flaky).unwrap();
        runner.add(6 * n + 5, pending()).unwrap();
    }
    runner.task_timeout(millis(53))
}

/// What must be the same: outcomes, attempts, times.
fn essence(report: &Report<usize, usize, Fault>) -> Vec<String> {
    let tasks = report.tasks().iter().zip(ends(report));
    let times = |task: &regatta::TaskReport<_, _, _>| {
        (task.started().map(|start| start.since(report.began().at)), task.elapsed())
    };
    tasks.map(|(task, end)| format!("{} {end} {} {:?}", task.key(), task.attempts(), times(task))).collect()
}

on_every_executor! {
    async fn spawned_and_in_place_have_the_same_report(world: World) {
        let in_place = assortment(&world).run().await;
        let spawned = assortment(&world).spawn_on(world.executor()).await;
        let started = assortment(&world).start(world.executor()).await;
        assert_eq!(essence(&in_place), essence(&spawned));
        assert_eq!(essence(&in_place), essence(&started));
        let counts = in_place.counts();
        assert_eq!((counts.ok, counts.failed, counts.panicked, counts.timed_out), (8 + 2, 4, 4, 4 + 2));
    }

    async fn the_limit_holds_and_is_reached(world: World) {
        let gauge = Gauge::default();
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        for key in 0..10 {
            let (gauge, world) = (gauge.clone(), world.clone());
            runner
                .add_ok(key, async move {
                    let _inside = gauge.enter();
                    world.sleep(secs(1)).await;
                })
                .unwrap();
        }
        let report: Report<_, _, Fault> = runner.spawn_on(world.executor()).await;
        assert_eq!((gauge.most(), gauge.entered(), report.elapsed()), (3, 10, secs(4)));
    }

    async fn a_timeout_of_the_run_keeps_what_is_finished(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).timeout(secs(3));
        runner.add("done", owned(&world, secs(1), Ok(1))).unwrap();
        runner.add("hangs", probe.also(pending())).unwrap();
        runner.add("long", probe.also(owned(&world, secs(9), Ok(1)))).unwrap();
        runner.add("never", probe.also(owned(&world, secs(9), Ok(1)))).unwrap();
        let report = runner.spawn_on(world.executor()).await;
        let expected = ["ok 1", "timed out after 3s", "timed out after 3s", "not started: the run's time was up"];
        assert_eq!(ends(&report), expected);
        assert!(report.timed_out());
        assert_eq!((probe.alive(), report.elapsed()), (0, secs(3)));
    }

    async fn stop_rules_stop_spawned_tasks(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        runner.add("hangs", probe.also(pending())).unwrap();
        runner.add("fails", owned(&world, secs(1), Err::<u8, _>("no"))).unwrap();
        runner.add("never", probe.also(pending())).unwrap();
        let report = runner.spawn_on(world.executor()).await;
        assert_eq!(ends(&report), ["cancelled", "failed: no", "not started: the run was stopped by its stop rule"]);
        assert_eq!((probe.alive(), report.elapsed()), (0, secs(1)));
        assert!(matches!(report.stopped(), StopReason::StopRule));
    }

    async fn a_token_cancels_spawned_tasks_after_their_grace(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock()).cancel_on(&token).grace(secs(2));
        runner.add("in time", owned(&world, secs(2), Ok(1))).unwrap();
        runner.add("hangs", pending()).unwrap();
        runner.add("never", owned(&world, secs(2), Ok(1))).unwrap();
        later(&world, secs(1), move || token.cancel());
        let report = runner.spawn_on(world.executor()).await;
        assert_eq!(ends(&report), ["ok 1", "cancelled", "not started: it was cancelled first"]);
        assert_eq!(report.elapsed(), secs(3));
    }

    async fn dropping_a_spawned_run_drops_its_tasks(world: World) {
        let probe = Probe::new();
        let mut runner = Runner::new().limit(2).unwrap().clock(world.clock());
        for key in 0..5 {
            runner.add(key, probe.also(owned(&world, secs(9), Ok(1)))).unwrap();
        }
        let mut run = runner.spawn_on(world.executor());
        let left = futures::future::select(&mut run, world.sleep(secs(1))).await;
        assert!(matches!(left, futures::future::Either::Right(_)));
        drop(run);
        world.sleep(secs(1)).await;
        assert_eq!((probe.drops(), probe.ended()), (5, 0));
        assert!(probe.polls() <= 4, "two were started");
    }

    async fn an_empty_runner_gives_an_empty_report(world: World) {
        let report = Runner::<u8, u8, Fault>::new().clock(world.clock()).spawn_on(world.executor()).await;
        assert!(report.is_empty() && report.is_ok());
        let report = Runner::<u8, u8, Fault>::new().clock(world.clock()).start(world.executor()).await;
        assert!(report.is_empty() && report.is_ok());
        assert!(matches!(report.stopped(), StopReason::Completed));
    }

    async fn a_zero_timeout_spawns_nothing(world: World) {
        let spawned = Gauge::default();
        let mut runner = Runner::new().clock(world.clock()).timeout(secs(0));
        runner.add("a", owned(&world, secs(1), Ok(1))).unwrap();
        let counter = spawned.clone();
        let report = runner
            .spawn_on(move |_| {
                counter.pass();
            })
            .await;
        assert_eq!((report.counts().not_started, spawned.entered()), (1, 0));
        assert!(report.timed_out());
    }
}
