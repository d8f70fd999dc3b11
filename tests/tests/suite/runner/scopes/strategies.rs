//! A strategy is asked before each start: what it makes wait, waits; what it rejects, ends.

use super::{done, read_all};
use crate::runner::support::{Fault, after, secs};
use regatta::{Kick, Outcome, Readiness, Rejection, Request, Scope, StopOn, Strategy, Time, scope};
use regatta_tests::{Probe, World, on_every_executor};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One start per interval; after `most` starts, everything is rejected.
struct Paced {
    interval: Duration,
    next: Time,
    most: usize,
    learnt: Arc<Mutex<Vec<Outcome>>>,
}

impl Paced {
    fn new(seconds: u64, most: usize) -> Self {
        Self { interval: secs(seconds), next: Time::ZERO, most, learnt: Arc::default() }
    }
}

impl Strategy for Paced {
    type Token = ();

    fn ready(&self, now: Time, _: &Request) -> Readiness {
        match self.most {
            0 => Readiness::Rejected(Rejection::Open),
            _ if now < self.next => Readiness::NotBefore(self.next),
            _ => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => {
                self.next = now + self.interval;
                self.most -= 1;
                Ok(())
            }
            other => Err(other),
        }
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.learnt.lock().unwrap().push(outcome);
    }
}

/// Lets nothing start until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<(bool, Kick)>>);

impl Gate {
    fn open(&self) {
        let kick = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.clone()
        };
        kick.kick();
    }
}

impl Strategy for Gate {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.0.lock().unwrap().0 { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        match self.ready(now, request) {
            Readiness::Ready => Ok(()),
            other => Err(other),
        }
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}

    fn attach(&mut self, kick: Kick) {
        self.0.lock().unwrap().1 = kick;
    }
}

on_every_executor! {
    async fn starts_are_paced(world: World) {
        let (start, paced) = (world.now(), Paced::new(2, 99));
        let learnt = paced.learnt.clone();
        let read = scope(9, async |s| {
            s.spawn_ok(0, async { world.now().since(start) }).unwrap();
            s.spawn_ok(1, async { world.now().since(start) }).unwrap();
            s.spawn(2, async { Err("no") }).unwrap();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).strategy(paced).await.unwrap();
        assert_eq!(read, ["0: ok 0ns", "1: ok 2s", "2: failed: no"]);
        assert_eq!(world.now().since(start), secs(4));
        assert!(matches!(learnt.lock().unwrap()[..], [Outcome::Success, Outcome::Success, Outcome::Failure]));
    }

    async fn what_is_rejected_ends_and_the_scope_goes_on(world: World) {
        let probe = Probe::new();
        let read = scope(1, async |s| {
            for key in 0..4 {
                s.spawn(key, probe.also(after(&world, secs(1), Ok(key)))).unwrap();
            }
            let mut read = read_all(&s).await;
            assert!(!s.is_closed());
            s.spawn_when_free(9, probe.also(after(&world, secs(1), Ok(9)))).await.unwrap();
            read.extend(read_all(&s).await);
            done(read)
        });
        let read = read.unwrap().clock(world.clock()).strategy(Paced::new(0, 2)).await.unwrap();
        assert_eq!(read[..2], ["0: ok 0", "1: ok 1"]);
        assert!(read[2..].iter().all(|text| text.contains("the breaker is open")), "{read:?}");
        assert_eq!((read.len(), probe.alive(), probe.ended()), (5, 0, 2));
    }

    async fn a_rejection_counts_for_the_stop_rule(world: World) {
        let read = scope(2, async |s| {
            s.spawn(1, pending::<Result<u8, Fault>>()).unwrap();
            s.spawn(2, pending()).unwrap();
            let read = read_all(&s).await;
            done((read.len(), s.is_closed()))
        });
        let run = read.unwrap().clock(world.clock()).strategy(Paced::new(0, 1)).stop_on(StopOn::FirstError);
        assert_eq!(run.await, Ok((2, true)));
    }

    async fn what_waits_for_its_strategy_is_cancelled_or_let_in(world: World) {
        let (gate, start) = (Gate::default(), world.now());
        let read = scope(2, async |s| {
            s.spawn(1, after(&world, secs(1), Ok(1))).unwrap();
            s.spawn(2, after(&world, secs(1), Ok(2))).unwrap();
            world.sleep(secs(3)).await;
            assert_eq!((s.running(), s.waiting()), (0, 2));
            assert!(s.cancel(&1));
            gate.open();
            done(read_all(&s).await)
        });
        let read = read.unwrap().clock(world.clock()).strategy(gate.clone()).await.unwrap();
        assert_eq!(read, ["1: not started: it was cancelled first", "2: ok 2"]);
        assert_eq!(world.now().since(start), secs(4));
    }

    async fn cancelling_the_last_one_that_waits_ends_the_scope(world: World) {
        let (start, outside) = (world.now(), world.clone());
        let (give, take) = smol::channel::bounded(1);
        world.spawn(async move {
            let s: Scope<'static, u8, u8, Fault> = take.recv().await.unwrap();
            outside.sleep(secs(1)).await;
            assert!(s.cancel(&1));
        });
        let run = scope(1, async |s| {
            s.spawn(1, pending()).unwrap();
            give.send(s).await.unwrap();
            done(())
        });
        run.unwrap().clock(world.clock()).strategy(Gate::default()).await.unwrap();
        assert_eq!(world.now().since(start), secs(1), "nobody else wakes it");
    }

    async fn a_scope_that_waits_for_its_strategy_is_stopped(world: World) {
        let read = scope(2, async |s| {
            s.spawn(1, pending::<Result<u8, Fault>>()).unwrap();
            world.sleep(secs(3)).await;
            s.stop();
            done(read_all(&s).await)
        });
        let run = read.unwrap().clock(world.clock()).strategy(Gate::default()).grace(secs(9));
        assert_eq!(run.await.unwrap(), ["1: not started: it was cancelled first"]);
    }
}
