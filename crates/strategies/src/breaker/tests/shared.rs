//! Shared among tasks through a limiter, in the simulator.

use super::*;
use regatta_core::{Limiter, Permit};
use regatta_sim::Sim;
use std::sync::{Arc, Mutex};

/// Tasks that ask one after the other, and what became of each.
struct Crew {
    sim: Sim,
    limiter: Limiter<Breaker>,
    log: Arc<Mutex<Vec<Result<Duration, Rejection>>>>,
}

impl Crew {
    fn new(breaker: Breaker, count: u64) -> Self {
        let sim = Sim::new(count);
        let limiter = Limiter::with_clock(breaker, sim.clock());
        Self { sim, limiter, log: Arc::default() }
    }

    /// `count` tasks that wait for a permit, work for so long and end well.
    fn spawn(&self, count: u64, work: Duration) {
        let begin = self.limiter.now();
        for task in 0..count {
            let (limiter, log, clock) = (self.limiter.clone(), self.log.clone(), self.sim.clock());
            self.sim.spawn(format!("task {task}"), async move {
                let permit = match limiter.acquire().await {
                    Ok(permit) => permit,
                    Err(rejection) => return log.lock().unwrap().push(Err(rejection)),
                };
                log.lock().unwrap().push(Ok(clock.now().since(begin)));
                clock.sleep_until(clock.now() + work).await;
                permit.complete(Outcome::Success);
            });
        }
    }

    fn change(&self, change: impl FnOnce(&mut Breaker, Time)) {
        let now = self.limiter.now();
        self.limiter.update(|breaker| change(breaker, now));
    }

    fn pass(&self, time: Duration) {
        self.sim.run(self.sim.sleep(time)).unwrap();
    }

    fn log(&self) -> Vec<Result<Duration, Rejection>> {
        self.log.lock().unwrap().clone()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_reset_serves_everybody_who_waits() {
    for count in [1, 30, 31, 200] {
        let crew = Crew::new(Breaker::consecutive(1).unwrap(), count);
        crew.change(|breaker, _| breaker.force_open());
        crew.spawn(count, Duration::ZERO);
        crew.pass(1_000 * SECOND);
        assert_eq!(crew.log(), []);
        crew.change(|breaker, _| breaker.reset());
        crew.pass(SECOND);
        assert_eq!(crew.log(), vec![Ok(1_000 * SECOND); count as usize]);
    }
}

#[test]
fn time_alone_and_a_probe_serve_everybody_who_waits() {
    for count in [1, 30, 31, 200] {
        let crew = Crew::new(Breaker::consecutive(1).unwrap(), count);
        crew.change(Breaker::trip);
        crew.spawn(count, SECOND);
        crew.pass(100 * SECOND);
        let mut expected = vec![Ok(31 * SECOND); count as usize];
        expected[0] = Ok(30 * SECOND);
        assert_eq!(crew.log(), expected, "the first one was the probe");
    }
}

/// They wait for another member, so they wait even though the breaker fails fast.
#[test]
fn failing_fast_a_change_by_hand_refuses_those_who_wait() {
    for force in [false, true] {
        let sim = Sim::new(1);
        let breaker = Breaker::consecutive(1).unwrap().fail_fast();
        let limiter = Limiter::with_clock((crate::Concurrency::new(1).unwrap(), breaker), sim.clock());
        let running = limiter.try_acquire().unwrap();
        let waiting: Vec<_> = (0..31).map(|_| limiter.acquire()).collect();
        let refusals = async {
            let now = limiter.now();
            let mut waiting = std::pin::pin!(futures::future::join_all(waiting));
            assert!(futures::poll!(waiting.as_mut()).is_pending());
            limiter.update(|(_, breaker)| if force { breaker.force_open() } else { breaker.trip(now) });
            waiting.await.into_iter().map(|refusal| refusal.expect_err("it is open")).collect::<Vec<_>>()
        };
        assert_eq!(sim.run(refusals).unwrap(), vec![Rejection::Open; 31]);
        running.complete(Outcome::Success);
    }
}

#[test]
fn a_probe_whose_permit_is_dropped_hands_over_to_the_next() {
    let crew = Crew::new(Breaker::consecutive(1).unwrap(), 1);
    crew.change(Breaker::trip);
    crew.pass(30 * SECOND);
    let probe: Permit = crew.limiter.try_acquire().unwrap();
    crew.spawn(1, Duration::ZERO);
    crew.pass(SECOND);
    assert_eq!(crew.log(), []);
    drop(probe);
    crew.pass(SECOND);
    assert_eq!(crew.log(), [Ok(SECOND)]);
}

#[test]
fn a_probe_that_hangs_hands_over_to_the_next() {
    let crew = Crew::new(Breaker::consecutive(1).unwrap(), 1);
    crew.change(Breaker::trip);
    crew.pass(30 * SECOND);
    let hangs = crew.limiter.try_acquire().unwrap();
    crew.spawn(1, Duration::ZERO);
    crew.pass(100 * SECOND);
    assert_eq!(crew.log(), [Ok(30 * SECOND)]);
    drop(hangs);
}

/// A thousand tasks have waited. In the k-th second after the closing, at most 2^k are on their way.
#[test]
fn a_recovering_breaker_does_not_let_everybody_loose() {
    let crew = Crew::new(Breaker::consecutive(1).unwrap().recover_over(10 * SECOND).unwrap(), 1);
    crew.change(Breaker::trip);
    crew.spawn(2_000, SECOND);
    crew.pass(30 * SECOND + SECOND);
    for second in 0..10 {
        crew.pass(SECOND / 2);
        assert_eq!(crew.limiter.peek(Breaker::in_flight), 1 << second);
        crew.pass(SECOND / 2);
    }
    crew.pass(SECOND / 2);
    let rest = 2_000 - 1 - (0..10).map(|second| 1 << second).sum::<usize>();
    assert_eq!(crew.limiter.peek(Breaker::in_flight), rest, "all that is left");
}
