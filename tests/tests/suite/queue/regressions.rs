//! What the oracles have found, each as the shortest story that shows it.

use regatta::queue::{JobState, OnDuplicate, Options, Reader, Results, StopReason};
use regatta::strategies::{Gate, Keyed, SlidingWindow};
use regatta::{Class, NotStarted, Queue, TaskError};
use regatta_tests::{Sim, seeds};
use std::time::Duration;

type Unread = Reader<u64, u64, String>;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn class(number: u64) -> Options {
    Options::new().class(Class::from_u64(number))
}

/// A job of another class was started in the same pass, and the time of the refused one was forgotten: it waited for the
/// end of that job.
#[test]
fn a_refused_class_is_asked_again_in_time_though_another_has_started() {
    let sim = Sim::new(1);
    let clock = sim.clock();
    let rate = Keyed::new(SlidingWindow::new(1, millis(10)).unwrap());
    let builder = Queue::<u64>::builder().workers(3).unwrap().clock(sim.clock()).strategy(rate);
    let (queue, _results, mut engine) = builder
        .build(async move |job, _| {
            clock.sleep_until(clock.now() + millis(*job)).await;
            Ok::<_, String>(*job)
        })
        .unwrap();
    let run = engine.run_with(async {
        let started = sim.clock().now();
        queue.push_with(1, class(1)).await.unwrap();
        let second = queue.submit_with(1, class(1)).await.unwrap();
        queue.push_with(1000, class(2)).await.unwrap();
        second.await.started().unwrap().since(started)
    });
    assert_eq!(sim.run(run).unwrap().0, millis(10));
}

/// Workers whose jobs the strategy refused called each other for ever.
#[test]
fn refused_workers_do_not_call_each_other() {
    for seed in seeds(20) {
        let sim = Sim::new(seed).max_polls(1000);
        let rate = Keyed::new(SlidingWindow::new(1, millis(10)).unwrap());
        let builder = Queue::<u64>::builder().workers(4).unwrap().clock(sim.clock()).strategy(rate);
        let (queue, _results, engine) = builder.build(async |job, _| Ok::<_, String>(*job)).unwrap();
        for job in 0..8 {
            queue.try_push_with(job, class(job % 2)).unwrap();
        }
        queue.close();
        let handle = engine.spawn_on(sim.executor());
        assert_eq!(sim.run(handle).unwrap().stats.ok, 8);
    }
}

/// The run was over before its worker was polled, which then was not told to drop its job any more.
#[test]
fn a_job_is_dropped_although_its_run_is_over_already() {
    for seed in seeds(20) {
        let sim = Sim::new(seed);
        let builder = Queue::<u64>::builder().workers(2).unwrap().clock(sim.clock()).grace(millis(5));
        let (queue, _results, engine) =
            builder.build(async |_, _| std::future::pending::<Result<u64, String>>().await).unwrap();
        queue.try_push(1).unwrap();
        let handle = engine.spawn_on(sim.executor());
        sim.run(sim.sleep(millis(1))).unwrap();
        queue.stop();
        let finished = sim.run(handle).unwrap();
        assert!(matches!(finished.stop, StopReason::Cancelled), "{finished:?}");
        sim.run(sim.sleep(millis(1))).unwrap();
        assert_eq!((queue.stats().stopping, queue.stats().settled), (0, 1), "seed {seed}");
    }
}

/// A run that was stopped while jobs waited and none ran said that it was complete.
#[test]
fn a_run_that_leaves_jobs_over_is_not_complete() {
    let sim = Sim::new(1);
    let builder = Queue::<u64>::builder().workers(1).unwrap().clock(sim.clock()).strategy(Gate::closed());
    let (queue, _results, mut engine) = builder.build(async |job, _| Ok::<_, String>(*job)).unwrap();
    queue.try_push(1).unwrap();
    let run = engine.run_with(async {
        sim.sleep(millis(1)).await;
        queue.stop();
    });
    let ((), finished) = sim.run(run).unwrap();
    assert_eq!(finished.leftover.len(), 1);
    assert!(matches!(finished.stop, StopReason::Cancelled), "{finished:?}");
}

/// Of those that waited for a place for their results, one came back at a time, even if it then had to wait for something
/// else.
#[test]
fn room_for_a_result_is_for_the_first_who_can_use_it() {
    let sim = Sim::new(1);
    let clock = sim.clock();
    let builder = Queue::<u64>::builder().workers(3).unwrap().clock(sim.clock()).class_limit(1).unwrap();
    let (queue, mut results, mut engine) = builder
        .results(Results::Bounded(1))
        .unwrap()
        .build(async move |job, _| {
            clock.sleep_until(clock.now() + millis(*job)).await;
            Ok::<_, String>(*job)
        })
        .unwrap();
    let run = engine.run_with(async {
        // With a ticket it needs no place, and keeps its class busy.
        let long = queue.submit_with(1000, class(1)).await.unwrap();
        queue.push_with(1, class(2)).await.unwrap();
        sim.sleep(millis(5)).await;
        queue.push_with(2, class(1)).await.unwrap();
        queue.push_with(3, class(1)).await.unwrap();
        let free = queue.push_with(4, class(2)).await.unwrap();
        assert!(results.try_next().unwrap().is_ok());
        sim.sleep(millis(1)).await;
        let state = queue.state(free);
        queue.stop();
        drop(long);
        state
    });
    assert_eq!(sim.run(run).unwrap().0, Some(JobState::Running));
}

/// A body waited for the ticket of a job that its stopped run would never start, and the run for its body.
#[test]
fn a_body_learns_that_a_job_will_never_start() {
    let sim = Sim::new(1);
    let builder = Queue::<u64>::builder().workers(1).unwrap().clock(sim.clock()).paused();
    let (queue, _results, mut engine) = builder.build(async |job, _| Ok::<_, String>(*job)).unwrap();
    let run = engine.run_with(async {
        let ticket = queue.submit(7).await.unwrap();
        queue.stop();
        ticket.await.result
    });
    let (told, finished) = sim.run(run).unwrap();
    assert!(matches!(told, Err(TaskError::NotStarted(NotStarted::Cancelled))), "{told:?}");
    assert_eq!(finished.leftover.iter().map(|left| *left.job).collect::<Vec<_>>(), [7]);
}

/// While others got copies of a result, the place that it had among the results was given to another job.
#[test]
fn a_result_that_is_copied_keeps_its_place() {
    let sim = Sim::new(1);
    let builder = Queue::<u64>::builder().workers(2).unwrap().clock(sim.clock());
    let (queue, results, mut engine): (_, Unread, _) =
        builder.results(Results::Bounded(1)).unwrap().build(async |job, _| Ok::<_, String>(*job)).unwrap();
    queue.try_push_with(1, Options::new().key(1)).unwrap();
    queue.try_push(2).unwrap();
    let run = engine.run_with(async {
        let join = queue.submit_or_join(9, Options::new().key(1).on_duplicate(OnDuplicate::Join));
        let copy = join.await.unwrap().await;
        assert!(copy.is_ok());
        sim.sleep(millis(1)).await;
        let unread = results.len();
        drop(results);
        unread
    });
    let (unread, finished) = sim.run(run).unwrap();
    assert_eq!((unread, finished.stats.ok), (1, 2));
}
