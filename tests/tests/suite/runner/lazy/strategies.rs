//! Strategies beside the limit: rates, shared limits, and those that refuse for good.

use super::{Bomb, failed};
use crate::runner::support::{Fault, Gauge, after, how, hows, secs};
use futures::StreamExt;
use regatta::strategies::{Concurrency, Spacing};
use regatta::{
    Limiter, Outcome, Readiness, Rejection, Request, StopOn, StopReason, Strategy, Time, for_each,
    for_each_sync, map, map_ok, race, stream, try_map,
};
use regatta_tests::{World, on_every_executor};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Refuses some of those who ask for good, by their turn, and writes down what becomes of the others.
#[derive(Clone, Default)]
struct Picky {
    refuses: Vec<usize>,
    asked: usize,
    ends: Arc<Mutex<Vec<(usize, Outcome)>>>,
}

impl Picky {
    fn new(refuses: impl IntoIterator<Item = usize>) -> Self {
        Self { refuses: refuses.into_iter().collect(), ..Self::default() }
    }
}

impl Strategy for Picky {
    type Token = usize;

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        if self.refuses.contains(&self.asked) { Rejection::Open.into() } else { Readiness::Ready }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<usize, Readiness> {
        let answer = self.ready(now, request);
        self.asked += 1;
        if answer.is_ready() { Ok(self.asked - 1) } else { Err(answer) }
    }

    fn finish(&mut self, token: usize, _: Time, outcome: Outcome) {
        self.ends.lock().unwrap().push((token, outcome));
    }
}

const REFUSED: &str = "rejected: the breaker is open";

/// When each task of a run started, in seconds since `start`.
struct Starts<'a>(&'a World, Time, RefCell<Vec<u64>>);

impl<'a> Starts<'a> {
    fn new(world: &'a World) -> Self {
        Self(world, world.now(), RefCell::default())
    }

    fn note(&self) {
        self.2.borrow_mut().push(self.elapsed());
    }

    fn elapsed(&self) -> u64 {
        self.0.now().since(self.1).as_secs()
    }
}

fn apart(seconds: u64) -> Spacing {
    Spacing::new(secs(seconds)).unwrap()
}

on_every_executor! {
    async fn a_refused_item_is_told_and_the_next_one_starts(_world: World) {
        let picky = Picky::new([1, 2, 5]);
        let results = map(0..6, 2, async |n| if n == 3 { Err("three") } else { Ok(n) }).unwrap().strategy(picky.clone());
        assert_eq!(hows(&results.await), ["ok 0", REFUSED, REFUSED, "failed: three", "ok 4", REFUSED]);
        let ends = picky.ends.lock().unwrap().clone();
        // The last one asked for an item that was not there, and was undone.
        let expected = [(0, Outcome::Success), (3, Outcome::Failure), (4, Outcome::Success), (6, Outcome::Unused)];
        assert_eq!(ends, expected);
    }

    async fn every_face_goes_on_after_a_refusal(_world: World) {
        let task = async |n| Ok::<_, Fault>(n);
        let picky = || Picky::new([0]);
        assert_eq!(race(0..3, 2, task).unwrap().strategy(picky()).await.unwrap(), 1);
        let done = stream(0..3, 2, task).unwrap().strategy(picky());
        assert_eq!(hows(&done.collect::<Vec<_>>().await), [REFUSED, "ok 1", "ok 2"]);
        let mut seen = Vec::new();
        for_each_sync(0..3, 2, task, |result| seen.push(how(&result))).unwrap().strategy(picky()).await;
        assert_eq!(seen, [REFUSED, "ok 1", "ok 2"]);
        let each = for_each(0..3, 2, task, async |done| hows(&done.collect::<Vec<_>>().await));
        assert_eq!(each.unwrap().strategy(picky()).await, [REFUSED, "ok 1", "ok 2"]);
        assert_eq!(failed(try_map(0..3, 2, task).unwrap().strategy(Picky::new([1])).await), REFUSED);
    }

    async fn a_strategy_that_refuses_everything_ends_the_run(_world: World) {
        let gauge = Gauge::default();
        let task = async |_: usize| Ok::<_, Fault>(gauge.pass());
        let results = map(0..1000, 8, task).unwrap().strategy(Picky::new(0..1001)).await;
        assert!(results.len() == 1000 && results.iter().all(|result| how(result) == REFUSED));
        // Of unknown length: the end is found although the strategy refuses.
        let odd = (0..100).filter(|n| n % 2 == 1);
        assert_eq!(map(odd, 8, task).unwrap().strategy(Picky::new(0..1001)).await.len(), 50);
        let lost = race(0..3, 8, task).unwrap().strategy(Picky::new(0..9)).await.unwrap_err();
        assert_eq!(lost.to_string(), format!("none of 3 succeeded; the first to fail: {REFUSED}"));
        // One result waits to be read at a time.
        let each = for_each(0..5, 1, task, async |done| done.count().await);
        assert_eq!(each.unwrap().strategy(Picky::new(0..9)).await, 5);
        assert_eq!(stream(0..5, 1, task).unwrap().strategy(Picky::new(0..9)).count().await, 5);
        let closed = Limiter::new(Concurrency::new(1).unwrap());
        closed.close();
        let results = map(0..2, 8, task).unwrap().strategy(closed).await;
        assert_eq!(hows(&results), ["rejected: the limiter is closed"; 2]);
        assert_eq!(gauge.entered(), 0);
    }

    async fn a_refusal_counts_for_the_stop_rule(world: World) {
        let slow = async |n: u64| after(&world, secs(n), Ok(n)).await;
        let run = map([9, 9, 9], 2, slow).unwrap().clock(world.clock()).stop_on(StopOn::FirstError);
        let results = run.strategy(Picky::new([1])).await;
        assert_eq!(hows(&results), ["cancelled", REFUSED, "not started: the run was stopped by its stop rule"]);
    }

    async fn a_refused_item_that_panics_as_it_is_dropped_is_refused_all_the_same(_world: World) {
        let items = [false, true, false].map(|explodes| explodes.then(|| Bomb));
        let run = map_ok(items, 2, async |item: Option<_>| item.is_some());
        assert_eq!(hows(&run.unwrap().strategy(Picky::new([1])).await), ["ok false", REFUSED, "ok false"]);
    }

    async fn spaced_tasks_start_exactly_so_far_apart(world: World) {
        let starts = Starts::new(&world);
        let slow = async |_| {
            starts.note();
            after(&world, secs(5), Ok(())).await
        };
        assert!(try_map(0..4, 8, slow).unwrap().clock(world.clock()).strategy(apart(2)).await.is_ok());
        assert_eq!(*starts.2.borrow(), [0, 2, 4, 6]);
        assert_eq!(starts.elapsed(), 11);
    }

    async fn every_face_starts_as_its_strategy_says(world: World) {
        let starts = Starts::new(&world);
        let task = async |_: u64| {
            starts.note();
            Err::<(), _>("no")
        };
        let (clock, spacing) = (|| world.clock(), || apart(2));
        race(0..2, 8, task).unwrap().clock(clock()).strategy(spacing()).await.unwrap_err();
        assert_eq!(map(0..2, 8, task).unwrap().strategy(spacing()).clock(clock()).await.len(), 2);
        assert_eq!(stream(0..2, 8, task).unwrap().clock(clock()).strategy(spacing()).count().await, 2);
        let each = for_each(0..2, 8, task, async |done| done.count().await);
        assert_eq!(each.unwrap().clock(clock()).strategy(spacing()).await, 2);
        for_each_sync(0..2, 8, task, |_| {}).unwrap().clock(clock()).strategy(spacing()).await;
        // The strategies are new ones, so each run starts at once; and it ends with its last task, not a gap later.
        assert_eq!(*starts.2.borrow(), [0, 2, 2, 4, 4, 6, 6, 8, 8, 10]);
        assert_eq!(starts.elapsed(), 10);
    }

    async fn an_iterator_of_unknown_length_is_asked_only_when_the_strategy_admits_one_more(world: World) {
        let mut left = 2;
        let items = std::iter::from_fn(|| (left > 0).then(|| left -= 1));
        let starts = Starts::new(&world);
        let run = map_ok(items, 8, async |()| starts.note()).unwrap().clock(world.clock()).strategy(apart(2));
        assert_eq!(run.await.len(), 2);
        assert_eq!((starts.2.borrow().as_slice(), starts.elapsed()), ([0, 2].as_slice(), 4));
    }

    async fn of_limit_and_strategies_the_narrowest_counts(world: World) {
        let starts = Starts::new(&world);
        let gauge = Gauge::default();
        let slow = async |_: u64| {
            let _inside = gauge.enter();
            starts.note();
            after(&world, secs(3), Ok(())).await
        };
        let narrow = (Concurrency::new(2).unwrap(), apart(1));
        assert!(try_map(0..5, 8, slow).unwrap().clock(world.clock()).strategy(narrow).await.is_ok());
        assert_eq!(gauge.most(), 2);
        assert_eq!(*starts.2.borrow(), [0, 1, 3, 4, 6]);
        let wide = Concurrency::new(8).unwrap();
        assert!(try_map(0..5, 1, slow).unwrap().clock(world.clock()).strategy(wide).await.is_ok());
        assert_eq!(gauge.most(), 2);
        assert_eq!(starts.elapsed(), 9 + 15);
    }

    async fn two_runs_share_a_limit(world: World) {
        let shared = Limiter::new(Concurrency::new(3).unwrap());
        let gauge = Gauge::default();
        let task = async |_: u64| {
            let _inside = gauge.enter();
            after(&world, secs(1), Ok(())).await
        };
        let one = map(0..9, 8, task).unwrap().clock(world.clock()).strategy(shared.clone());
        let two = try_map(0..9, 8, task).unwrap().clock(world.clock()).strategy(shared.clone());
        let (one, two) = futures::join!(one, two);
        assert_eq!((one.len(), two.unwrap().len(), gauge.most()), (9, 9, 3));
        // What a run holds comes back when it is dropped.
        let mut dropped = map(0..9, 8, task).unwrap().clock(world.clock()).strategy(shared.clone());
        assert!(futures::poll!(&mut dropped).is_pending());
        assert!(shared.try_acquire().is_err());
        drop(dropped);
        assert!(shared.try_acquire().is_ok());
    }

    async fn the_time_of_a_run_is_up_while_its_strategy_lets_nobody_start(world: World) {
        let ready = async |n: u64| Ok::<_, Fault>(n);
        let timed = map(0..3, 8, ready).unwrap().clock(world.clock()).strategy(apart(10)).timeout(secs(15)).await;
        assert_eq!(hows(&timed), ["ok 0", "ok 1", "not started: the run's time was up"]);
        let timed = try_map(0..3, 8, ready).unwrap().clock(world.clock()).strategy(apart(10)).timeout(secs(15)).await;
        assert_eq!(failed(timed), "not started: the run's time was up");
        let run = for_each_sync(0..3, 8, ready, |_| {}).unwrap().clock(world.clock()).strategy(apart(10));
        assert!(matches!(run.timeout(secs(15)).await, StopReason::TimedOut));
    }

    async fn the_last_strategy_counts(_world: World) {
        let run = map_ok(0..2, 8, async |n| n).unwrap().strategy(Picky::new(0..9)).strategy(());
        assert_eq!(hows(&run.await), ["ok 0", "ok 1"]);
    }

    async fn a_strategy_can_only_be_chosen_before_the_first_poll(world: World) {
        let mut run = map(0..2, 8, async |n| after(&world, secs(1), Ok(n)).await).unwrap().clock(world.clock());
        assert!(futures::poll!(&mut run).is_pending());
        let panic = catch_unwind(AssertUnwindSafe(|| run.strategy(apart(1)))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a strategy is chosen before the first poll"));
    }
}

/// A run that waits for its strategy is polled by nobody.
#[test]
fn a_run_that_waits_for_its_strategy_is_parked() {
    regatta_tests::executors::sim(async |world: World| {
        let run = map_ok(0..3, 8, async |n| n).unwrap().clock(world.clock()).strategy(apart(3600));
        let (run, probe) = regatta_sim::Probe::wrap(run);
        assert_eq!(run.await.len(), 3);
        assert!(probe.polls() <= 6, "{}", probe.polls());
        assert!(world.now().since(regatta_tests::ManualClock::START) == Duration::from_secs(7200));
    });
}
