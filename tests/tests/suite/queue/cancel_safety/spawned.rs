//! Runs on an executor: their handles dropped, their workers dropped, one or all, after every step.

use super::stage::{Actor, ByHand, CAPACITY, Job, Live, Patience, Token, check, work};
use regatta::Backoff;
use regatta::queue::{Ctx, Finished, Queue};
use regatta_core::Clock;
use regatta_engine::StopReason;
use regatta_sim::ManualClock;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

const WORKERS: usize = 2;

/// What is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Handle,
    Worker(usize),
    AllWorkers,
    /// The executor drops each worker instead of running it.
    Refused,
}

#[test]
fn what_an_executor_drops_ends_and_the_rest_goes_on() {
    for what in [What::Handle, What::Worker(0), What::Worker(1), What::AllWorkers, What::Refused] {
        let mut steps = 0;
        while !tell(what, steps) {
            steps += 1;
        }
        println!("{what:?}: dropped after each of {steps} steps");
        assert!(steps > 10 || what == What::Refused, "{what:?}: {steps}");
    }
}

/// Drops it after so many steps; whether the run was over by then.
fn tell(what: What, steps: usize) -> bool {
    let name = format!("{what:?} dropped after {steps} steps");
    let (live, clock, executor, patience) =
        (Live::default(), ManualClock::new(), ByHand::default(), Patience::default());
    let shared: Arc<dyn Clock> = clock.shared();
    let (queue, mut reader, engine) = Queue::<Job>::builder()
        .workers(WORKERS)
        .and_then(|builder| builder.capacity(CAPACITY))
        .unwrap()
        .retry(Backoff::constant(Duration::from_millis(3)).times(1))
        .clock(shared.clone())
        .build({
            let clock = clock.clone();
            async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
        })
        .unwrap();
    queue.try_push(Job::new(1, &live)).unwrap();
    let handle = match what {
        What::Refused => engine.spawn_on(drop),
        _ => engine.spawn_on(executor.clone()),
    };
    let (finished, refused, tickets) = (RefCell::new(None), RefCell::new(0), RefCell::new(0));
    let mut waiting = Actor::new(async { drop(finished.replace(Some(handle.await))) });
    let mut guests: Vec<_> = (10..16)
        .map(|number| {
            let (queue, refused, tickets, live) = (&queue, &refused, &tickets, &live);
            Actor::new(async move {
                let job = Job::new(number, live);
                if number == 12 {
                    match queue.submit(job).await {
                        Ok(ticket) => {
                            assert_eq!(ticket.await.job.number, 12);
                            *tickets.borrow_mut() += 1;
                        }
                        Err(_) => *refused.borrow_mut() += 1,
                    }
                } else if queue.push(job).await.is_err() {
                    *refused.borrow_mut() += 1;
                }
            })
        })
        .collect();
    let mut workers = executor.take();
    let (mut step, mut is_over) = (0, false);
    loop {
        if step == steps {
            match what {
                What::Handle => waiting.kill(),
                What::Worker(n) => workers[n].kill(),
                What::AllWorkers => workers.iter_mut().for_each(Actor::kill),
                What::Refused => {}
            }
            check(queue.stats(), WORKERS);
        }
        let mut anything = waiting.step();
        guests.iter_mut().for_each(|guest| anything |= guest.step());
        check(queue.stats(), WORKERS);
        for worker in &mut workers {
            anything |= worker.step();
            check(queue.stats(), WORKERS);
        }
        assert!(executor.take().is_empty(), "{name}: no worker is spawned for one that was dropped");
        step += 1;
        let guests_gone = guests.iter().all(Actor::is_gone);
        if guests_gone && !queue.is_closed() {
            queue.close();
            continue;
        }
        if guests_gone && waiting.is_gone() && workers.iter().all(Actor::is_gone) {
            is_over |= step <= steps;
            break;
        }
        patience.wait(&clock, anything, &name);
    }
    let stats = queue.stats();
    assert_eq!((stats.unsettled(), stats.blocked), (0, 0), "{name}: {stats:?}");
    assert_eq!(stats.admitted + *refused.borrow(), 7, "{name}: {stats:?}");
    let results = reader.drain();
    let mut leftover = 0;
    match finished.take() {
        None => assert_eq!(what, What::Handle),
        Some(Finished { stop, leftover: left, stats: at_the_end, .. }) => {
            leftover = left.len();
            assert_eq!(at_the_end.settled, stats.settled, "{name}");
            match what {
                // Where only what ran was left, the run has no more to do.
                What::AllWorkers if stats.ok + stats.cancelled < 7 || leftover > 0 => {
                    assert!(!matches!(stop, StopReason::Completed), "{name}: {stop:?}");
                }
                What::AllWorkers => assert!(stats.cancelled <= WORKERS, "{name}: {stats:?}"),
                What::Refused => assert!(matches!(stop, StopReason::NotSpawned), "{name}: {stop:?}"),
                What::Worker(_) | What::Handle => {
                    assert!(matches!(stop, StopReason::Completed), "{name}: {stop:?}");
                    assert_eq!((stats.admitted, leftover), (7, 0), "{name}: {stats:?}");
                    assert!(stats.cancelled <= 1, "{name}: {stats:?}");
                }
            }
        }
    }
    // A ticket whose job was left over hears of it too.
    let told = results.len() + *tickets.borrow() + leftover;
    assert!(
        told == stats.admitted || told == stats.admitted + 1 && leftover > 0,
        "{name}: {told}, {stats:?}"
    );
    drop((waiting, guests, workers, results));
    drop((queue, reader));
    assert_eq!(live.count(), 0, "{name}");
    drop(executor);
    assert_eq!(Arc::strong_count(&shared), 1, "{name}: the queue itself");
    is_over || what == What::Refused
}

/// A handle that is polled by one task after another has one waker, and none once it is dropped.
#[test]
fn a_handle_keeps_one_waker() {
    let (live, executor) = (Live::default(), ByHand::default());
    let (queue, _reader, engine) = Queue::<Job>::builder()
        .workers(1)
        .unwrap()
        .build(async |job: Arc<Job>, _ctx| Ok::<_, Token>(job.token.clone()))
        .unwrap();
    queue.try_push(Job::new(1, &live)).unwrap();
    let mut handle = engine.spawn_on(executor.clone());
    let mut waiting = Actor::new(std::future::poll_fn(|cx| {
        for _ in 0..100 {
            assert!(std::pin::Pin::new(&mut handle).poll(cx).is_pending());
        }
        std::task::Poll::Pending
    }));
    waiting.step();
    assert!(waiting.wakers() <= 1, "{} wakers", waiting.wakers());
    let flag = waiting.wakers();
    drop(waiting);
    assert_eq!(flag, 1, "it waits");
    drop(handle);
    queue.close();
    let mut workers = executor.take();
    while workers.iter_mut().any(Actor::step) {}
    assert!(workers.iter().all(Actor::is_gone));
}
