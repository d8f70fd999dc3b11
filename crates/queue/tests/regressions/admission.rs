//! Who may start and who may come in, where classes, strategies and places for results meet.

use regatta_core::{Class, Outcome, Readiness, Rejection, Request, Strategy, Time};
use regatta_queue::{Options, Queue, Refusal, Results};
use regatta_sim::Sim;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_nanos(1);

/// Refuses what costs more than one for good.
struct Cheap;

impl Strategy for Cheap {
    type Token = ();

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        match request.cost {
            cost @ 2.. => Readiness::Rejected(Rejection::TooCostly { cost, max: 1 }),
            _ => Readiness::Ready,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn a_job_that_is_rejected_gives_its_class_only_one_slot_back() {
    let sim = Sim::new(0);
    let class = Class::of("host");
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let clock = sim.clock();
    let (queue, _results, mut engine) = Queue::<u32>::builder()
        .workers(9)
        .unwrap()
        .class_limit(2)
        .unwrap()
        .strategy(Cheap)
        .clock(sim.clock())
        .build(async |_, _| {
            most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            clock.sleep_until(clock.now() + SECOND).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        })
        .unwrap();
    for n in 0..12 {
        let cost = if n % 2 == 1 { 5 } else { 1 };
        queue.try_push_with(n, Options::new().class(class).cost(cost)).unwrap();
    }
    queue.close();
    let finished = sim.run(engine.run()).unwrap();
    assert_eq!((finished.stats.ok, finished.stats.rejected), (6, 6));
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[test]
fn a_job_that_is_rejected_gives_only_one_place_for_its_result_back() {
    let sim = Sim::new(0);
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let clock = sim.clock();
    let (queue, mut results, mut engine) = Queue::<u32>::builder()
        .workers(9)
        .unwrap()
        .results(Results::Bounded(2))
        .unwrap()
        .strategy(Cheap)
        .clock(sim.clock())
        .build(async |_, _| {
            most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            clock.sleep_until(clock.now() + SECOND).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        })
        .unwrap();
    for n in 0..12 {
        queue.try_push_with(n, Options::new().cost(if n % 2 == 1 { 5 } else { 1 })).unwrap();
    }
    let body = async {
        queue.close();
        let mut count = 0;
        while results.next().await.is_some() {
            count += 1;
        }
        count
    };
    let (count, _) = sim.run(engine.run_with(body)).unwrap();
    assert_eq!((count, most.load(Ordering::SeqCst)), (12, 2));
}

#[test]
fn a_map_keeps_all_results_whatever_the_builder_was_told() {
    for results in [Results::Bounded(1), Results::Discard] {
        let sim = Sim::new(0);
        let mapped = Queue::<u32>::builder()
            .workers(2)
            .unwrap()
            .results(results)
            .unwrap()
            .clock(sim.clock())
            .map(0..10, async |job, _ctx| Ok::<_, Infallible>(*job))
            .unwrap();
        assert_eq!(sim.run(mapped).unwrap().results.len(), 10);
    }
}

/// A place for results becomes free, and the first who waits for it may not start for its class.
#[test]
fn a_class_that_is_full_does_not_keep_others_from_a_place_for_their_results() {
    let sim = Sim::new(0);
    let clock = sim.clock();
    let (queue, mut results, mut engine) = Queue::<u64>::builder()
        .workers(9)
        .unwrap()
        .class_limit(1)
        .unwrap()
        .results(Results::Bounded(1))
        .unwrap()
        .clock(sim.clock())
        .build(async |seconds, _ctx| {
            clock.sleep_until(clock.now() + Duration::from_secs(*seconds)).await;
            Ok::<_, Infallible>(*seconds)
        })
        .unwrap();
    let class = Class::of("host");
    let start = sim.manual().now();
    let body = async {
        queue.push(1).await.unwrap();
        queue.push_with(2, Options::new().class(class)).await.unwrap();
        queue.push(3).await.unwrap();
        sim.sleep(MOMENT).await;
        // It needs no place.
        let ticket = queue.submit_with(100, Options::new().class(class)).await.unwrap();
        assert!(matches!(results.next().await.unwrap().result, Ok(1)));
        assert!(matches!(results.next().await.unwrap().result, Ok(3)));
        assert_eq!(sim.manual().now().since(start), 4 * SECOND);
        assert!(matches!(ticket.await.result, Ok(100)));
        assert!(matches!(results.next().await.unwrap().result, Ok(2)));
    };
    drop(sim.run(engine.run_with(body)).unwrap());
}

/// Admits class `n` once `n` jobs have succeeded, and tells nobody when that is.
#[derive(Default)]
struct Learning(u64);

impl Strategy for Learning {
    type Token = ();

    fn ready(&self, _: Time, request: &Request) -> Readiness {
        let needs = request.class.map_or(0, Class::as_u64);
        if self.0 >= needs { Readiness::Ready } else { Readiness::OnChange }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()
    }

    fn finish(&mut self, (): (), _: Time, outcome: Outcome) {
        self.0 += u64::from(outcome == Outcome::Success);
    }
}

#[test]
fn all_that_were_refused_are_asked_about_again_after_a_job_that_ended_at_once() {
    let sim = Sim::new(0);
    let (queue, _results, mut engine) = Queue::<u64>::builder()
        .workers(9)
        .unwrap()
        .strategy(Learning::default())
        .clock(sim.clock())
        .build(async |_, _| Ok::<_, Infallible>(()))
        .unwrap();
    for class in [3, 2, 1, 0] {
        queue.try_push_with(class, Options::new().class(Class::from_u64(class))).unwrap();
    }
    queue.close();
    assert_eq!(sim.run(engine.run()).unwrap().stats.ok, 4);
}

/// The run that it waits in is dropped, and another one begins before it looks.
#[test]
fn a_push_that_waits_goes_on_waiting_in_the_next_run() {
    let sim = Sim::new(0);
    let clock = sim.clock();
    let (queue, _results, mut engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .capacity(1)
        .unwrap()
        .clock(sim.clock())
        .build(async |_, _| {
            clock.sleep_until(clock.now() + SECOND).await;
            Ok::<_, Infallible>(())
        })
        .unwrap();
    sim.run(async {
        let run = engine.run();
        queue.push(1).await.unwrap();
        let mut waits = queue.push(2);
        assert!(futures::poll!(&mut waits).is_pending());
        drop(run);
        let run = engine.run();
        let (pushed, finished) = futures::join!(
            async {
                let pushed = waits.await;
                queue.close();
                pushed
            },
            run
        );
        assert!(pushed.is_ok(), "{pushed:?}");
        assert_eq!(finished.stats.ok, 2);
    })
    .unwrap();
}

#[test]
fn nothing_comes_in_after_the_readers_were_told_that_nothing_comes() {
    let sim = Sim::new(0);
    let kept = Mutex::new(None);
    let (queue, mut results, mut engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build(async |_, ctx| {
            *kept.lock().unwrap() = Some(ctx);
            Ok::<_, Infallible>(())
        })
        .unwrap();
    let body = async {
        queue.push(1).await.unwrap();
        queue.close();
        while results.next().await.is_some() {}
        let ctx = kept.lock().unwrap().take().unwrap();
        assert_eq!(ctx.push(2).unwrap_err().why, Refusal::Stopped);
    };
    let ((), finished) = sim.run(engine.run_with(body)).unwrap();
    assert_eq!((finished.leftover.len(), finished.stats.admitted), (0, 1));
}

/// One start a moment; what costs more than one, never.
pub(crate) struct Spaced(pub(crate) Time);

impl Strategy for Spaced {
    type Token = ();

    fn ready(&self, now: Time, request: &Request) -> Readiness {
        match Cheap.ready(now, request) {
            Readiness::Ready if now < self.0 => Readiness::NotBefore(self.0),
            readiness => readiness,
        }
    }

    fn start(&mut self, now: Time, request: &Request) -> Result<(), Readiness> {
        self.ready(now, request).check()?;
        self.0 = now + MOMENT;
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn workers_that_are_refused_do_not_call_each_other_for_ever() {
    for workers in [2, 31] {
        let sim = Sim::new(0).max_polls(10_000);
        let (queue, _results, engine) = Queue::<u64>::builder()
            .workers(workers)
            .unwrap()
            .strategy(Spaced(Time::ZERO))
            .clock(sim.clock())
            .build(async |_, _| Ok::<_, Infallible>(()))
            .unwrap();
        for n in 0..9 {
            queue.try_push(n).unwrap();
        }
        queue.close();
        assert_eq!(sim.run(engine.spawn_on(sim.executor())).unwrap().stats.ok, 9);
    }
}
