//! Rules of the user's own: retries, orders and strategies that count, look, or panic.

use regatta_core::{Discipline, Outcome, Readiness, Request, Retry, Strategy, TaskError, Time};
use regatta_engine::StopReason;
use regatta_queue::{Options, Queue};
use regatta_sim::Sim;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_nanos(1);

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
