//! Things that panic as they are dropped, and belong to a run but to none of its tasks.

use crate::runner::handles::owned;
use crate::runner::support::{Fault, after, ends, hows, secs};
use regatta::{BoxFuture, Executor, Outcome, Readiness, Request, Runner, Strategy, Time, map};
use regatta_tests::{World, on_every_executor};
use std::panic::resume_unwind;

/// Panics when it is dropped, also where a second panic would end the process.
struct Charge;

impl Drop for Charge {
    fn drop(&mut self) {
        resume_unwind(Box::new("a charge"));
    }
}

/// Admits everything, and panics when it is dropped.
struct Charged {
    _charge: Charge,
}

impl Strategy for Charged {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

fn charged() -> Charged {
    Charged { _charge: Charge }
}

/// Asks for nothing special, and panics when it is dropped.
fn charged_request<K>() -> impl FnMut(&K) -> Request + Send + 'static {
    let charge = Charge;
    move |_| {
        let _kept = &charge;
        Request::new()
    }
}

fn charged_executor(inner: impl Executor + 'static) -> impl Executor + 'static {
    let charge = Charge;
    move |task| {
        let _kept = &charge;
        inner.spawn(task);
    }
}

on_every_executor! {
    async fn a_strategy_that_panicked_in_its_drop_lost_the_report(world: World) {
        let mut runner = Runner::new().clock(world.clock()).strategy(charged());
        runner.add("a", after(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1"]);
        let results = map([1, 2], 1, async |n| after(&world, secs(1), Ok(n)).await).unwrap();
        assert_eq!(hows(&results.clock(world.clock()).strategy(charged()).await), ["ok 1", "ok 2"]);
    }

    async fn a_request_that_panicked_in_its_drop_lost_the_report(world: World) {
        let mut runner = Runner::new().clock(world.clock()).request(charged_request());
        runner.add("a", after(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(ends(&runner.run().await), ["ok 1"]);
    }

    async fn an_executor_that_panicked_in_its_drop_lost_the_report(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner.add("a", owned(&world, secs(1), Ok(1))).unwrap();
        assert_eq!(ends(&runner.spawn_on(charged_executor(world.executor())).await), ["ok 1"]);
    }

    async fn a_refused_driver_whose_request_panicked_in_its_drop_ended_the_process(world: World) {
        let mut runner = Runner::new().clock(world.clock());
        runner = runner.strategy(charged()).request(charged_request());
        runner.add("a", owned(&world, secs(1), Ok::<u8, Fault>(1))).unwrap();
        let refuses = |_: BoxFuture<'static, ()>| resume_unwind(Box::new("no runtime here"));
        let report = runner.start(refuses).await;
        assert_eq!((report.len(), report.counts().not_started), (1, 1));
    }

    async fn a_value_that_nobody_wanted_panicked_in_the_executor(world: World) {
        let inner = world.clone();
        let mut runner = Runner::new().clock(world.clock());
        runner
            .add("a", async move {
                inner.sleep(secs(1)).await;
                Ok::<_, Fault>(Charge)
            })
            .unwrap();
        let handle = runner.handle();
        runner.start(world.executor()).detach();
        // A panic of the driver would be one of this story.
        world.sleep(secs(2)).await;
        assert_eq!(handle.progress().ok, 1);
    }
}
