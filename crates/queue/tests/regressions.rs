//! What once went wrong with queues, each as the story of what a user saw.

use regatta_core::{
    Class, Discipline, Outcome, Readiness, Rejection, Request, Retry, Strategy, TaskError, Time,
};
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

/// Has no answer to the third question.
struct Fragile(u32);

impl Strategy for Fragile {
    type Token = ();

    fn ready(&self, _: Time, _: &Request) -> Readiness {
        Readiness::Ready
    }

    fn start(&mut self, _: Time, _: &Request) -> Result<(), Readiness> {
        self.0 += 1;
        assert!(self.0 < 3, "no answer");
        Ok(())
    }

    fn finish(&mut self, (): (), _: Time, _: Outcome) {}
}

#[test]
fn those_who_read_learn_that_the_strategy_broke_down() {
    let sim = Sim::new(0);
    let clock = sim.clock();
    let run = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .clock(sim.clock())
        .strategy(Fragile(0))
        .for_each(
            0..10,
            async |job, _ctx| {
                clock.sleep_until(clock.now() + SECOND).await;
                Ok::<_, Infallible>(*job)
            },
            async |mut results| {
                let mut count = 0;
                while results.next().await.is_some() {
                    count += 1;
                }
                count
            },
        )
        .unwrap();
    let (count, finished) = sim.run(run).unwrap();
    assert_eq!(count, 2);
    assert!(matches!(finished.stop, StopReason::Panicked(_)), "{finished:?}");
    assert_eq!(finished.stats.admitted, finished.stats.settled);
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

/// Counts the retries that it has allowed and that were not given back; at each call it looks at its queue, as it may.
#[derive(Clone)]
struct Counted {
    made: Arc<AtomicUsize>,
    look: Arc<Mutex<Option<Box<dyn Fn() + Send>>>>,
    times: u32,
    until: Time,
}

impl Counted {
    fn new(times: u32, until: Time) -> Self {
        Self { made: Arc::default(), look: Arc::default(), times, until }
    }

    fn look(&self) {
        if let Some(look) = &*self.look.lock().unwrap() {
            look();
        }
    }
}

impl Retry<&'static str> for Counted {
    fn delay(&mut self, _: Time, attempts: u32, _: &TaskError<&'static str>) -> Option<Duration> {
        self.look();
        (attempts <= self.times).then(|| {
            self.made.fetch_add(1, Ordering::SeqCst);
            SECOND
        })
    }

    fn forgo(&mut self) {
        self.look();
        self.made.fetch_sub(1, Ordering::SeqCst);
    }

    fn deadline(&self) -> Time {
        self.look();
        self.until
    }
}

#[test]
fn a_retry_that_was_made_is_not_given_back() {
    let sim = Sim::new(0);
    let rule = Counted::new(2, Time::MAX);
    let made = rule.made.clone();
    let clock = sim.clock();
    let (queue, mut results, mut engine) = Queue::<u32>::builder()
        .workers(4)
        .unwrap()
        .retry(rule)
        .clock(sim.clock())
        .build(async |job, ctx| match *job {
            1 if ctx.attempt() == 3 => Ok(()),
            2 if ctx.attempt() == 2 => {
                ctx.queue().cancel(ctx.id());
                pending().await
            }
            3 if ctx.attempt() == 2 => {
                clock.sleep_until(clock.now() + SECOND).await;
                panic!("at last")
            }
            _ => Err("no"),
        })
        .unwrap();
    let body = async {
        for job in 1..=3 {
            queue.push(job).await.unwrap();
        }
        let waits = queue.push(4).await.unwrap();
        sim.sleep(MOMENT).await;
        assert!(queue.cancel(waits));
    };
    drop(sim.run(engine.run_with(body)).unwrap());
    let attempts: u32 = results.drain().iter().map(|done| done.attempts - 1).sum();
    assert_eq!((made.load(Ordering::SeqCst), attempts), (2 + 1 + 2, 5));
}

#[test]
fn a_retry_rule_may_look_at_its_queue() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let sim = Sim::new(0);
        // The first retry would come too late, so it is given back.
        let rule = Counted::new(2, sim.manual().now() + MOMENT);
        let look = rule.look.clone();
        let (queue, _results, mut engine) = Queue::<u32>::builder()
            .workers(1)
            .unwrap()
            .retry(rule)
            .clock(sim.clock())
            .build(async |_, _| Err::<(), _>("no"))
            .unwrap();
        *look.lock().unwrap() = Some(Box::new({
            let queue = queue.clone();
            move || assert_eq!(queue.stats().admitted, 1)
        }));
        queue.try_push(1).unwrap();
        queue.close();
        let finished = sim.run(engine.run()).unwrap();
        *look.lock().unwrap() = None;
        send.send(finished.stats.failed).unwrap();
    });
    assert_eq!(
        receive.recv_timeout(Duration::from_secs(20)),
        Ok(1),
        "it waits for a lock that it holds itself"
    );
}

/// Doesn't know its own deadline.
#[derive(Clone)]
struct Forgetful;

impl Retry<&'static str> for Forgetful {
    fn delay(&mut self, _: Time, _: u32, _: &TaskError<&'static str>) -> Option<Duration> {
        Some(SECOND)
    }

    fn deadline(&self) -> Time {
        panic!("no idea")
    }
}

#[test]
fn a_rule_that_panics_at_its_deadline_lets_the_failure_stand() {
    let sim = Sim::new(0);
    let (queue, mut results, mut engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .retry(Forgetful)
        .clock(sim.clock())
        .build(async |_, _| Err::<(), _>("no"))
        .unwrap();
    queue.try_push(1).unwrap();
    queue.close();
    let finished = sim.run(engine.run()).unwrap();
    assert!(matches!(finished.stop, StopReason::Completed), "{finished:?}");
    assert!(matches!(results.drain()[0].result, Err(TaskError::Failed("no"))));
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

/// First come, first served; panics when it is told of this event for this job.
struct Nervous(&'static str, u64);

impl Nervous {
    fn hear(&self, what: &str, seq: u64) {
        assert!((self.0, self.1) != (what, seq), "{what}!");
    }
}

impl Discipline for Nervous {
    type Key = u64;

    fn enqueued(&mut self, _: Time, seq: u64, _: &Request) -> u64 {
        self.hear("enqueued", seq);
        seq
    }

    fn started(&mut self, seq: &u64) {
        self.hear("started", *seq);
    }

    fn left(&mut self, seq: &u64) {
        self.hear("left", *seq);
    }
}

#[test]
fn a_discipline_that_panics_loses_no_job() {
    for spawned in [false, true] {
        for what in ["enqueued", "started", "left"] {
            let sim = Sim::new(0);
            let (queue, mut results, mut engine) = Queue::<u32>::builder()
                .workers(1)
                .unwrap()
                .discipline(Nervous(what, 1))
                .clock(sim.clock())
                .build(async |job, _ctx| Ok::<_, Infallible>(*job))
                .unwrap();
            queue.try_push(0).unwrap();
            let second = queue.try_push_with(1, Options::new().delay(SECOND)).unwrap();
            queue.try_push_with(2, Options::new().delay(SECOND)).unwrap();
            queue.close();
            let cancel = async {
                sim.sleep(MOMENT).await;
                if what == "left" {
                    queue.pause();
                    sim.sleep(SECOND).await;
                    assert!(queue.cancel(second), "it was there");
                    queue.resume();
                }
            };
            let finished = sim
                .run(async {
                    if spawned {
                        futures::join!(engine.spawn_on(sim.executor()), cancel).0
                    } else {
                        futures::join!(engine.run(), cancel).0
                    }
                })
                .unwrap();
            let case = format!("{what}, spawned: {spawned}: {finished:?}");
            assert!(matches!(finished.stop, StopReason::Panicked(_)), "{case}");
            let (stats, done) = (finished.stats, results.drain());
            assert_eq!((stats.admitted, stats.settled), (3, 3), "{case}");
            assert_eq!(done.len() + finished.leftover.len(), 3, "{case}");
            assert_eq!(stats.ok, if what == "started" { 2 } else { 1 }, "{case}");
        }
    }
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

#[test]
fn a_place_in_the_queue_is_not_lost_if_the_discipline_panics() {
    let sim = Sim::new(0).contain_panics();
    let clock = sim.clock();
    let (queue, _results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .capacity(1)
        .unwrap()
        .discipline(Nervous("enqueued", 2))
        .clock(sim.clock())
        .build(async move |_, _| {
            clock.sleep_until(clock.now() + SECOND).await;
            Ok::<_, Infallible>(())
        })
        .unwrap();
    let _handle = engine.spawn_on(sim.executor());
    sim.run(async {
        queue.push(0).await.unwrap();
        sim.sleep(MOMENT).await;
        queue.push(1).await.unwrap();
        let pusher = queue.clone();
        sim.spawn("unlucky", async move { drop(pusher.push(2).await) });
        sim.sleep(9 * SECOND).await;
        queue.pause();
        assert_eq!(sim.panics().len(), 1);
        assert_eq!(queue.stats().settled, 2);
        queue.set_capacity(2).unwrap();
        let first = queue.reserve().await;
        assert!(first.is_ok());
        assert!(futures::FutureExt::now_or_never(queue.reserve()).is_some(), "there are two places");
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
fn a_worker_whose_thread_is_busy_does_not_hold_up_delayed_jobs() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(2)
        .unwrap()
        .build(async move |job, _ctx| {
            if *job == 0 {
                let _ = blocked.lock().unwrap().recv();
            }
            Ok::<_, Infallible>(*job)
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        std::thread::spawn(move || futures::executor::block_on(task));
    });
    let (send, receive) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        while let Some(done) = futures::executor::block_on(results.next()) {
            send.send(*done.job).unwrap();
        }
    });
    // About the real clock: only real threads can be busy.
    let late = Duration::from_millis(100);
    std::thread::sleep(late / 4);
    queue.try_push_with(1, Options::new().delay(late)).unwrap();
    std::thread::sleep(late / 4);
    queue.try_push(0).unwrap();
    let first = receive.recv_timeout(Duration::from_secs(10));
    release.send(()).unwrap();
    queue.close();
    drop(futures::executor::block_on(handle));
    reader.join().unwrap();
    assert_eq!(first, Ok(1));
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

/// A job that blocks its thread hears of a stop by its token only, and has its grace from then on.
#[test]
fn a_stop_is_heard_although_no_worker_can_look() {
    let (queue, mut results, engine) = Queue::<u32>::builder()
        .workers(1)
        .unwrap()
        .grace(Duration::from_secs(100))
        .build(async move |_, ctx: regatta_queue::Ctx<u32, bool, Infallible>| {
            let token = ctx.token();
            ctx.push(1).unwrap();
            for _ in 0..1000 {
                if token.is_cancelled() {
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(false)
        })
        .unwrap();
    let handle = engine.spawn_on(|task| {
        std::thread::spawn(move || futures::executor::block_on(task));
    });
    queue.try_push(0).unwrap();
    // The second job says that the first one runs.
    while queue.stats().admitted < 2 {
        std::thread::yield_now();
    }
    queue.stop();
    drop(futures::executor::block_on(handle));
    assert!(matches!(results.try_next().unwrap().result, Ok(true)));
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
