//! A breaker between a runner and a server that is down for a while.

use super::starts;
use crate::runner::handles::{later, owned};
use crate::runner::support::{Gauge, ends, millis, secs};
use regatta::strategies::Breaker;
use regatta::{Clock, Limiter, Runner, Time, map};
use regatta_tests::{Sim, World, on_every_executor};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server that is down at first, and what it saw.
#[derive(Clone)]
struct Server {
    clock: Arc<dyn Clock>,
    up: Time,
    calls: Gauge,
    failed: Arc<AtomicUsize>,
}

impl Server {
    fn down_for(clock: Arc<dyn Clock>, pause: Duration) -> Self {
        let up = clock.now() + pause;
        Self { clock, up, calls: Gauge::default(), failed: Arc::default() }
    }

    async fn call(self) -> Result<u8, &'static str> {
        let _inside = self.calls.enter();
        self.clock.sleep_until(self.clock.now() + millis(10)).await;
        if self.clock.now() >= self.up {
            return Ok(1);
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        Err("down")
    }
}

fn breaker() -> Breaker {
    Breaker::consecutive(3).unwrap().open_for(secs(1)).unwrap()
}

on_every_executor! {
    async fn it_opens_waits_half_opens_with_one_probe_and_closes(world: World) {
        let (begun, server) = (world.now(), Server::down_for(world.clock(), millis(1_500)));
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock()).strategy(breaker());
        for task in 0..7 {
            runner.add(task, server.clone().call()).unwrap();
        }
        let report = runner.run().await;
        // Three failures open it at 30 ms; a probe fails at 1,030; the next one, at 2,040, closes it.
        assert_eq!(starts(&report, begun), [0, 10, 20, 1_030, 2_040, 2_050, 2_060]);
        assert_eq!(report.counts().failed, 4);
    }

    async fn no_more_than_the_probes_start_while_it_is_half_open(world: World) {
        let server = Server::down_for(world.clock(), millis(15));
        let mut runner = Runner::new().limit(50).unwrap().clock(world.clock());
        let breaker = Breaker::consecutive(1).unwrap().open_for(secs(1)).unwrap().probes(2).unwrap();
        runner = runner.strategy(breaker);
        // The first opens it at 10 ms, before the others come.
        runner.add(0, server.clone().call()).unwrap();
        let handle = runner.handle();
        let (late, gauge) = (server.clone(), server.calls.clone());
        later(&world, millis(20), move || {
            for task in 1..30 {
                assert!(handle.add(task, late.clone().call()).is_ok());
            }
        });
        later(&world, millis(1_015), move || assert_eq!(gauge.inside(), 2));
        // Something must be on its way until the others have come.
        runner.add(99, owned(&world, millis(25), Ok(1))).unwrap();
        let report = runner.run().await;
        assert_eq!((report.counts().ok, report.counts().failed), (30, 1));
    }

    async fn late_results_of_the_time_before_change_nothing(world: World) {
        let mut runner = Runner::new().limit(50).unwrap().clock(world.clock());
        let begun = world.now();
        runner.add(0, owned(&world, millis(10), Err("down"))).unwrap();
        // Starts before it opens, and fails while it is half-open: the probe's success must count, not this.
        runner.add(1, owned(&world, millis(1_015), Err("late"))).unwrap();
        for task in 2..5 {
            runner.add(task, owned(&world, millis(10), Ok(1))).unwrap();
        }
        let one = Breaker::consecutive(1).unwrap().open_for(secs(1)).unwrap();
        let report = runner.strategy((one, regatta::strategies::Spacing::new(millis(6)).unwrap())).run().await;
        // 0 and 1 start at 0 and 6; it opens at 10; the probe starts at 1,010 and closes it at 1,020, although 1 has
        // failed at 1,021.
        assert_eq!(starts(&report, begun), [0, 6, 1_010, 1_020, 1_026]);
    }

    async fn fail_fast_ends_what_comes_while_it_is_open(world: World) {
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner.add(0, owned(&world, millis(10), Err("down"))).unwrap();
        runner.add(1, owned(&world, millis(10), Ok(1))).unwrap();
        let report = runner.strategy(Breaker::consecutive(1).unwrap().fail_fast()).run().await;
        assert_eq!(ends(&report), ["failed: down", "rejected: the breaker is open"]);
    }

    async fn a_reset_by_hand_serves_those_who_wait(world: World) {
        let begun = world.now();
        let limiter = Limiter::with_clock(breaker(), world.clock());
        limiter.update(|breaker| breaker.force_open());
        let inner = limiter.clone();
        later(&world, secs(7), move || inner.update(|breaker| breaker.reset()));
        let started = map(0..200, 200, async |_| Ok::<_, ()>(world.now().since(begun)));
        let started = started.unwrap().clock(world.clock()).strategy(limiter).await;
        assert!(started.into_iter().all(|at| matches!(at, Ok(at) if at == secs(7))));
    }
}

/// A queue that sees an open breaker as a refusal burns its tasks in milliseconds. Here they wait.
#[test]
fn a_hundred_thousand_tasks_behind_it_are_not_burnt() {
    let tasks = 100_000;
    let sim = Sim::new(7);
    let server = Server::down_for(sim.clock(), secs(60));
    let mut runner = Runner::new().limit(10).unwrap().clock(sim.clock()).strategy(breaker());
    for task in 0..tasks {
        runner.add(task, server.clone().call()).unwrap();
    }
    let report = sim.run(runner.run()).expect("no deadlock");
    // Ten at first, then one a second or so.
    let failed = server.failed.load(Ordering::Relaxed);
    assert!((10..=75).contains(&failed), "{failed} of {tasks} failed");
    assert_eq!((report.counts().ok, report.counts().failed), (tasks - failed, failed));
}
