//! How jobs and runs end, and who hears of it.

use regatta_core::TaskError;
use regatta_engine::StopReason;
use regatta_queue::{Options, Queue, Refusal, Results};
use regatta_sim::Sim;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_nanos(1);
const SEEDS: u64 = 20;

/// The first job asks for its own end and ends by itself; the second one pushes a third, which gets the first one's slot.
#[test]
fn an_order_for_a_job_that_has_ended_does_not_end_the_next_one_in_its_slot() {
    for spawned in [false, true] {
        let sim = Sim::new(0);
        let (queue, mut results, mut engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .clock(sim.clock())
            .build({
                let clock = sim.clock();
                move |job: Arc<u32>, ctx: regatta_queue::Ctx<u32, u32, Infallible>| {
                    let clock = clock.clone();
                    async move {
                        match *job {
                            1 => assert!(ctx.queue().cancel(ctx.id())),
                            2 => drop(ctx.push(3).unwrap()),
                            _ => clock.sleep_until(clock.now() + SECOND).await,
                        }
                        Ok(*job)
                    }
                }
            })
            .unwrap();
        queue.try_push(1).unwrap();
        queue.try_push(2).unwrap();
        queue.close();
        sim.run(async {
            if spawned {
                drop(engine.spawn_on(sim.executor()).await);
            } else {
                drop(engine.run().await);
            }
        })
        .unwrap();
        let third = results.drain().into_iter().find(|done| *done.job == 3).unwrap();
        assert!(third.is_ok(), "spawned: {spawned}, {third:?}");
    }
}

#[test]
fn a_job_that_is_stopping_gives_its_key_back() {
    let sim = Sim::new(0);
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .clock(sim.clock())
        .build(async |job, _ctx| if *job == 1 { pending().await } else { Ok::<_, Infallible>(*job) })
        .unwrap();
    let handle = engine.spawn_on(sim.executor());
    sim.run(async {
        let id = queue.push_with(1, Options::new().key("a")).await.unwrap();
        sim.sleep(MOMENT).await;
        assert!(queue.cancel(id));
        // Its worker has not let go of it.
        assert_eq!(queue.stats().stopping, 1);
        let ticket = queue.submit_or_join(2, Options::new().key("a")).await.unwrap();
        assert_eq!(ticket.await.result.unwrap(), 2);
        assert_eq!(queue.find("a"), None);
        queue.push_with(3, Options::new().key("a")).await.unwrap();
        queue.close();
        assert_eq!(handle.await.stats.ok, 2);
    })
    .unwrap();
}

#[test]
fn what_runs_is_dropped_also_if_the_aborted_run_is_over_before_its_workers_look() {
    for workers in [1, 2, 31] {
        for seed in 0..SEEDS {
            let sim = Sim::new(seed);
            let (queue, _results, engine) = Queue::<u32>::builder()
                .workers(workers)
                .unwrap()
                .clock(sim.clock())
                .build(async |_, _| pending::<Result<(), Infallible>>().await)
                .unwrap();
            let handle = engine.spawn_on(sim.executor());
            sim.run(async {
                queue.push(1).await.unwrap();
                sim.sleep(MOMENT).await;
                handle.abort();
                assert_eq!(handle.await.stats.cancelled, 1);
                sim.sleep(MOMENT).await;
                assert_eq!(queue.stats().stopping, 0, "{workers} workers, seed {seed}");
            })
            .unwrap();
        }
    }
}

/// A job that blocks its thread can only look at its token.
#[test]
fn a_token_in_hand_tells_a_job_whose_outcome_was_fixed() {
    let sim = Sim::new(0);
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build({
            let tokens = tokens.clone();
            move |_: Arc<u32>, ctx: regatta_queue::Ctx<u32, (), Infallible>| {
                tokens.lock().unwrap().push(ctx.token());
                pending()
            }
        })
        .unwrap();
    let handle = engine.spawn_on(sim.executor());
    sim.run(async {
        queue.push(1).await.unwrap();
        sim.sleep(MOMENT).await;
        handle.abort();
        assert!(tokens.lock().unwrap()[0].is_cancelled());
    })
    .unwrap();
}

#[test]
fn who_waits_for_the_end_of_all_jobs_and_looks_often_leaves_nothing_behind() {
    struct Idle;
    impl std::task::Wake for Idle {
        fn wake(self: Arc<Self>) {}
    }
    let sim = Sim::new(0);
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build(async |_, _| pending::<Result<(), Infallible>>().await)
        .unwrap();
    queue.try_push(1).unwrap();
    let _handle = engine.spawn_on(sim.executor());
    let idle = Arc::new(Idle);
    let waker = std::task::Waker::from(idle.clone());
    use std::future::Future as _;
    let mut settled = queue.settled();
    for _ in 0..100 {
        let polled = std::pin::Pin::new(&mut settled);
        assert!(polled.poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    }
    assert!(Arc::strong_count(&idle) <= 3, "{} wakers", Arc::strong_count(&idle));
}

#[test]
fn a_stream_that_gives_nothing_does_not_hold_up_the_end_of_its_run() {
    let sim = Sim::new(0);
    let mapped = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .clock(sim.clock())
        .timeout(SECOND)
        .map_stream(futures::stream::pending(), async |job, _ctx| Ok::<_, Infallible>(*job))
        .unwrap();
    assert!(sim.run(mapped).unwrap().results.is_empty());

    let body = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .clock(sim.clock())
        .for_each_stream(
            futures::stream::pending(),
            async |job, _ctx| Ok::<_, Infallible>(*job),
            async |_results| "enough",
        )
        .unwrap();
    assert_eq!(sim.run(body).unwrap().0, "enough");
}

#[test]
fn a_run_that_stops_between_place_and_item_pulls_that_item_and_no_more() {
    let sim = Sim::new(0);
    let token = regatta_core::CancelToken::new();
    let mut pulled = 0;
    let items = (0..1000).inspect(|n| {
        pulled = *n;
        if *n == 5 {
            token.cancel();
        }
    });
    let mapped = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .clock(sim.clock())
        .cancel_on(&token)
        .map(items, async |job, _ctx| Ok::<_, Infallible>(*job))
        .unwrap();
    let mapped = sim.run(mapped).unwrap();
    assert_eq!(mapped.results.len() + mapped.finished.leftover.len(), 6);
    assert_eq!(pulled, 5);
}

#[test]
fn a_queue_that_is_idle_because_its_last_job_was_cancelled_stops_in_time() {
    for spawned in [false, true] {
        let sim = Sim::new(0);
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .workers(2)
            .unwrap()
            .idle_timeout(SECOND)
            .clock(sim.clock())
            .build(async |job, _ctx| Ok::<_, Infallible>(*job))
            .unwrap();
        let start = sim.manual().now();
        let id = queue.try_push_with(1, Options::new().delay(9 * SECOND)).unwrap();
        let cancel = async {
            sim.sleep(MOMENT).await;
            queue.cancel(id);
        };
        let finished = sim.run(async {
            if spawned {
                futures::join!(engine.spawn_on(sim.executor()), cancel).0
            } else {
                futures::join!(engine.run(), cancel).0
            }
        });
        assert!(matches!(finished.unwrap().stop, StopReason::Idle));
        assert_eq!(sim.manual().now().since(start), SECOND + MOMENT, "spawned: {spawned}");
    }
}

#[test]
fn a_stop_that_comes_after_the_run_does_not_stop_the_next_one() {
    let sim = Sim::new(0);
    let (queue, _results, mut engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build(async |_, _| Ok::<_, Infallible>(()))
        .unwrap();
    for _ in 0..2 {
        queue.try_push(1).unwrap();
        queue.close();
        let finished = sim.run(engine.run()).unwrap();
        assert_eq!(finished.stats.ok, 1, "{finished:?}");
        queue.stop();
        engine.reopen();
    }
}

#[test]
fn workers_that_are_asked_for_while_the_first_ones_are_spawned_come_too() {
    let sim = Sim::new(0);
    let clock = sim.clock();
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build(async move |_, _| {
            clock.sleep_until(clock.now() + SECOND).await;
            Ok::<_, Infallible>(())
        })
        .unwrap();
    let (executor, more) = (sim.executor(), queue.clone());
    let handle = engine.spawn_on(move |task| {
        more.set_workers(3).unwrap();
        regatta_core::Executor::spawn(&executor, task);
    });
    let start = sim.manual().now();
    for n in 0..3 {
        queue.try_push(n).unwrap();
    }
    queue.close();
    drop(sim.run(handle).unwrap());
    assert_eq!(sim.manual().now().since(start), SECOND);
}

#[test]
fn an_executor_that_takes_only_one_worker_is_not_asked_for_ever() {
    let sim = Sim::new(0);
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(3)
        .unwrap()
        .clock(sim.clock())
        .build(async |_, _| Ok::<_, Infallible>(()))
        .unwrap();
    let (executor, asked) = (sim.executor(), AtomicUsize::new(0));
    let handle = engine.spawn_on(move |task| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => regatta_core::Executor::spawn(&executor, task),
        again => assert!(again < 100, "so many"),
    });
    queue.set_workers(5).unwrap();
    queue.try_push(1).unwrap();
    queue.close();
    assert_eq!(sim.run(handle).unwrap().stats.ok, 1);
}

#[test]
fn observers_hear_of_a_start_before_all_that_the_job_does() {
    #[derive(Clone, Default)]
    struct Ear(Arc<Mutex<Vec<String>>>);
    impl regatta_core::Observer for Ear {
        fn on_event(&self, event: &regatta_core::Event<'_>) {
            let kind = format!("{:?}", event.kind);
            let word = kind.split(' ').next().unwrap().to_owned();
            self.0.lock().unwrap().push(format!("{word} {}", event.id));
        }
    }
    let sim = Sim::new(0);
    let ear = Ear::default();
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .build(async |job, ctx| {
            if *job == 0 {
                ctx.push(1).unwrap();
                ctx.queue().cancel(ctx.id());
                pending::<()>().await;
            }
            Ok::<_, Infallible>(())
        })
        .unwrap();
    let engine = engine.observer(ear.clone());
    queue.try_push(0).unwrap();
    queue.close();
    drop(sim.run(engine.spawn_on(sim.executor())).unwrap());
    let heard = ear.0.lock().unwrap().join(", ");
    assert_eq!(heard, "Queued 0, Started 0, Queued 1, Finished 0, Started 1, Finished 1");
}

#[test]
fn a_ticket_hears_of_the_end_of_a_run_that_owned_its_engine() {
    let sim = Sim::new(0);
    let (send, receive) = futures::channel::oneshot::channel();
    let send = Mutex::new(Some(send));
    let items = futures::StreamExt::chain(futures::stream::iter([0]), futures::stream::pending());
    let mut mapped = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .clock(sim.clock())
        .map_stream(items, async |_, ctx| {
            let queue = ctx.queue();
            let ticket = queue.submit(1).await.unwrap();
            drop(send.lock().unwrap().take().unwrap().send((ticket, queue)));
            pending::<Result<(), Infallible>>().await
        })
        .unwrap();
    sim.run(async {
        let second = futures::future::select(&mut mapped, receive).await;
        let futures::future::Either::Right((Ok((ticket, queue)), _)) = second else { panic!("it goes on") };
        drop(mapped);
        assert!(matches!(ticket.await.result, Err(TaskError::NotStarted(_))));
        assert_eq!(queue.try_push(2).unwrap_err().why, Refusal::Closed);
    })
    .unwrap();
}

/// An executor whose tasks can be dropped one by one.
fn droppable(sim: &Sim) -> (impl regatta_core::Executor + 'static, Vec<regatta_core::CancelToken>) {
    let tokens: Vec<_> = (0..3).map(|_| regatta_core::CancelToken::new()).collect();
    let (executor, mine, next) = (sim.executor(), tokens.clone(), AtomicUsize::new(0));
    let spawn = move |task: regatta_core::BoxFuture<'static, ()>| {
        let gone = mine[next.fetch_add(1, Ordering::SeqCst)].cancelled();
        executor.spawn_named("worker", async move {
            futures::future::select(task, gone).await;
        });
    };
    (spawn, tokens)
}

#[test]
fn a_worker_that_is_dropped_does_not_take_the_time_of_delayed_jobs_with_it() {
    for seed in 0..SEEDS {
        for lost in 0..2 {
            let sim = Sim::new(seed);
            let (queue, mut results, engine) = Queue::<u32>::builder()
                .workers(2)
                .unwrap()
                .clock(sim.clock())
                .build(async |job, _ctx| Ok::<_, Infallible>(*job))
                .unwrap();
            let (executor, tokens) = droppable(&sim);
            let _handle = engine.spawn_on(executor);
            let read = sim.run(async {
                queue.push_with(1, Options::new().delay(SECOND)).await.unwrap();
                sim.sleep(MOMENT).await;
                tokens[lost].cancel();
                results.next().await.map(|done| *done.job)
            });
            assert_eq!(read.map_err(|_| seed), Ok(Some(1)), "worker {lost}");
        }
    }
}

#[test]
fn a_job_that_can_not_be_dropped_holds_no_place_for_a_result_that_was_told() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (started, has_started) = std::sync::mpsc::channel();
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .results(Results::Bounded(1))
        .unwrap()
        .build(async move |job, _ctx| {
            started.send(*job).unwrap();
            if *job == 0 {
                let _ = blocked.lock().unwrap().recv();
            }
            Ok::<_, Infallible>(*job)
        })
        .unwrap();
    // About real threads: only they can be blocked.
    let handle = engine.spawn_on(|task| {
        std::thread::spawn(move || futures::executor::block_on(task));
    });
    let first = queue.try_push(0).unwrap();
    assert_eq!(has_started.recv(), Ok(0));
    assert!(queue.cancel(first));
    assert!(matches!(results.try_next().unwrap().result, Err(TaskError::Cancelled)));
    queue.try_push(1).unwrap();
    let second = has_started.recv_timeout(Duration::from_secs(10));
    release.send(()).unwrap();
    queue.close();
    drop(results);
    drop(futures::executor::block_on(handle));
    assert_eq!(second, Ok(1));
}
