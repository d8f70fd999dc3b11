//! Orders that were given while tasks were being started: they go before the next start, also in the same pass.

use crate::runner::handles::{owned, starts};
use crate::runner::support::{Fault, Gauge, ends, secs};
use regatta::{AddError, CancelToken, Runner, Scope, map, scope};
use regatta_tests::{World, on_every_executor};

const CANCELLED: &str = "not started: it was cancelled first";

/// Adds tasks that count how many of them are polled.
fn add_counted(runner: &mut Runner<'static, usize, usize, Fault>, started: &Gauge) {
    for key in 1..50 {
        let counter = started.clone();
        runner.add(key, async move { Ok(counter.pass()) }).unwrap();
    }
}

on_every_executor! {
    async fn a_task_that_was_cancelled_in_the_first_poll_of_another_started_all_the_same(world: World) {
        // With a slot that has become free, and with one that is free anyway.
        for limit in [1, 2] {
            let started = Gauge::default();
            let mut runner = Runner::new().limit(limit).unwrap().clock(world.clock());
            let handle = runner.handle();
            runner.add("first", async move { Ok::<_, Fault>(usize::from(handle.cancel("second"))) }).unwrap();
            let counter = started.clone();
            runner.add("second", async move { Ok(counter.pass()) }).unwrap();
            let report = runner.run().await;
            assert_eq!((ends(&report), started.entered()), (vec!["ok 1".into(), CANCELLED.into()], 0));
            let second = report.task("second").unwrap();
            assert_eq!((second.attempts(), second.started()), (0, None));
        }
    }

    async fn a_run_that_was_stopped_in_a_first_poll_went_on_starting(world: World) {
        for limit in [1, 100] {
            let started = Gauge::default();
            let mut runner = Runner::new().limit(limit).unwrap().clock(world.clock());
            let handle = runner.handle();
            runner
                .add(0, async move {
                    handle.stop();
                    Ok(0)
                })
                .unwrap();
            add_counted(&mut runner, &started);
            let report = runner.run().await;
            assert_eq!((started.entered(), report.counts().not_started), (0, 49));
        }
    }

    async fn a_run_whose_token_was_cancelled_in_a_first_poll_went_on_starting(world: World) {
        for limit in [1, 100] {
            let (started, token) = (Gauge::default(), CancelToken::new());
            let mut runner = Runner::new().limit(limit).unwrap().clock(world.clock()).cancel_on(&token);
            runner
                .add(0, async move {
                    token.cancel();
                    Ok(0)
                })
                .unwrap();
            add_counted(&mut runner, &started);
            let report = runner.run().await;
            assert_eq!((started.entered(), report.counts().not_started), (0, 49));
        }
    }

    async fn a_map_whose_token_was_cancelled_in_a_first_poll_went_on_starting(world: World) {
        for limit in [1, 100] {
            let (started, token) = (Gauge::default(), CancelToken::new());
            let task = async |_| {
                token.cancel();
                Ok::<_, Fault>(started.pass())
            };
            let results = map(0..50, limit, task).unwrap().clock(world.clock()).cancel_on(&token).await;
            assert_eq!((results.len(), started.entered()), (50, 1));
        }
    }

    async fn a_limit_that_the_first_task_lowered_did_not_hold(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(3).unwrap().clock(world.clock());
        let (handle, inner) = (runner.handle(), world.clone());
        runner
            .add(0, async move {
                handle.set_limit(1).unwrap();
                inner.sleep(secs(1)).await;
                Ok(1)
            })
            .unwrap();
        for key in 1..3 {
            runner.add(key, owned(&world, secs(1), Ok(1))).unwrap();
        }
        assert_eq!(starts(&runner.run().await, begun), [0, 1, 2].map(Some));
    }

    async fn a_scope_that_a_task_stopped_in_its_first_poll_went_on_starting(world: World) {
        let started = Gauge::default();
        let counter = started.clone();
        let body = |s: Scope<'static, usize, usize, Fault>| async move {
            for key in 0..50 {
                let (stops, counter) = (s.clone(), counter.clone());
                s.spawn(key, async move {
                    stops.stop();
                    Ok(counter.pass())
                })?;
            }
            Ok::<_, AddError>(())
        };
        scope(100, body).unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(started.entered(), 1);
    }

    async fn a_task_of_a_scope_that_another_cancelled_in_its_first_poll_started_all_the_same(world: World) {
        let started = Gauge::default();
        let counter = started.clone();
        let body = |s: Scope<'static, &'static str, usize, Fault>| async move {
            let cancels = s.clone();
            s.spawn("first", async move { Ok(usize::from(cancels.cancel("second"))) })?;
            s.spawn("second", async move { Ok(counter.pass()) })?;
            Ok::<_, AddError>(())
        };
        scope(2, body).unwrap().clock(world.clock()).await.unwrap();
        assert_eq!(started.entered(), 0);
    }
}
