//! Tasks whose time is up while they wait to be retried.

use crate::runner::handles::{later, owned};
use crate::runner::support::{Fault, after, ends, secs};
use regatta::{
    Backoff, CancelToken, Outcome, Readiness, Request, Runner, StopOn, StopReason, Strategy, Time,
};
use regatta_tests::{World, on_every_executor};
use std::future::pending;
use std::time::Duration;

/// Lets one start, and then says `then` for ever.
struct Once {
    used: bool,
    then: Readiness,
}

impl Strategy for Once {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.used { self.then } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.used = true;
                Ok(())
            }
            other => Err(other),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

async fn fails() -> Result<u8, Fault> {
    Err("no")
}

on_every_executor! {
    async fn a_retry_that_its_strategy_held_up_outlived_its_task(world: World) {
        for then in [Readiness::NotBefore(world.now() + secs(3600)), Readiness::OnChange] {
            let begun = world.now();
            let mut runner = Runner::new().task_timeout(secs(10)).clock(world.clock());
            runner = runner.stop_on(StopOn::FirstError).strategy(Once { used: false, then });
            runner.add_retry("a", Backoff::constant(secs(1)).forever(), fails).unwrap();
            runner.add("behind it", pending()).unwrap();
            let report = runner.run().await;
            let told = (report.task("a").unwrap().state(), report.elapsed());
            assert_eq!(told, ("failed", secs(10)), "{report}");
            assert_eq!(report.task("a").unwrap().ended(), Some(begun + secs(10)));
            assert!(matches!(report.stopped(), StopReason::StopRule), "{}", report.stopped());
        }
    }

    async fn a_retry_that_found_all_slots_taken_outlived_its_task(world: World) {
        let begun = world.now();
        let mut runner = Runner::new().limit(1).unwrap().task_timeout(secs(10)).clock(world.clock());
        let pause = secs(10) - Duration::from_nanos(1);
        runner.add_retry("a", Backoff::constant(pause).forever(), fails).unwrap();
        runner.add("until nine", after(&world, secs(9), Ok(1))).unwrap();
        runner.add("until eighteen", after(&world, secs(9), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!(ends(&report), ["failed: no", "ok 1", "ok 1"]);
        assert_eq!(report.task("a").unwrap().ended(), Some(begun + secs(10)));
        assert_eq!(report.task("a").unwrap().attempts(), 1);
    }

    async fn the_end_of_a_grace_was_lost_behind_a_late_retry(world: World) {
        for by_handle in [true, false] {
            let token = CancelToken::new();
            let mut runner = Runner::new().limit(2).unwrap().task_timeout(secs(10)).grace(secs(6));
            runner = runner.clock(world.clock()).cancel_on(&token);
            let pause = Duration::from_millis(9_900);
            runner.add_retry("a", Backoff::constant(pause).forever(), fails).unwrap();
            runner.add("until five", owned(&world, secs(5), Ok(1))).unwrap();
            runner.add("until six", owned(&world, secs(6), Ok(1))).unwrap();
            runner.add("from five", pending()).unwrap();
            let handle = runner.handle();
            later(&world, secs(6), move || if by_handle { handle.stop() } else { token.cancel() });
            let report = runner.run().await;
            assert_eq!(ends(&report), ["failed: no", "ok 1", "ok 1", "cancelled"]);
            assert_eq!(report.elapsed(), secs(12), "six seconds of grace after six");
        }
    }
}
