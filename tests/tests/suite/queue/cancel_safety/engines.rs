//! Those who run the jobs: `run`, `run_with`, `map`, `for_each`.

use super::stage::{Actor, CAPACITY, Job, Live, Patience, Token, check, work};
use futures::{StreamExt, stream};
use regatta::Backoff;
use regatta::queue::{Builder, Ctx, Done, Options, PushError, Queue, Refusal, Results, Ticket};
use regatta_core::{Clock, Retry, TaskError};
use regatta_sim::ManualClock;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WORKERS: usize = 2;

fn builder(clock: &Arc<dyn Clock>) -> Builder<Job, (), impl Retry<Token> + Clone + Send + use<>> {
    Queue::<Job>::builder()
        .workers(WORKERS)
        .and_then(|builder| builder.capacity(CAPACITY))
        .unwrap()
        .retry(Backoff::constant(Duration::from_millis(3)).times(1))
        .clock(clock.clone())
}

/// Steps them until each has ended or waits for something that is dropped first; `before` comes before each round.
fn play(actors: &mut [&mut Actor<'_>], clock: &ManualClock, what: &str, mut is_enough: impl FnMut() -> bool) {
    let patience = Patience::default();
    while !is_enough() && actors.iter().any(|actor| !actor.is_gone()) {
        let mut anything = false;
        actors.iter_mut().for_each(|actor| anything |= actor.step());
        if !is_enough() && actors.iter().any(|actor| !actor.is_gone()) {
            patience.wait(clock, anything, what);
        }
    }
}

#[test]
fn a_run_that_is_dropped_leaves_the_rest_to_the_next() {
    for results in [Results::Collect, Results::Bounded(1)] {
        for grace in [0, 50] {
            let mut polls = 0;
            while !drop_run(results, Duration::from_millis(grace), polls) {
                polls += 1;
            }
            println!("{results:?}, grace {grace}: dropped after each of {polls} polls");
            assert!(polls > 10, "{polls}");
        }
    }
}

#[expect(clippy::await_holding_refcell_ref, reason = "nobody else reads while this actor waits")]
fn drop_run(results: Results, grace: Duration, polls: usize) -> bool {
    let what = format!("run, {results:?}, dropped after {polls} polls");
    let (live, clock) = (Live::default(), ManualClock::new());
    let shared: Arc<dyn Clock> = clock.shared();
    let (queue, reader, mut engine) = builder(&shared)
        .results(results)
        .unwrap()
        .grace(grace)
        .build({
            let clock = clock.clone();
            async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
        })
        .unwrap();
    let (seen, reader) = (RefCell::new(Vec::new()), RefCell::new(reader));
    let read = || {
        Actor::new(async {
            while let Some(done) = { reader.borrow_mut().next().await } {
                seen.borrow_mut().push(done);
            }
        })
    };
    queue.try_push(Job::new(1, &live)).unwrap();
    queue.try_push_with(Job::new(2, &live), Options::new().delay(Duration::from_millis(2))).unwrap();
    let sent_away = Cell::new(0);
    let (ticket, all_in) = (RefCell::new(None), Cell::new(0));
    let guest = |number: usize| {
        let (queue, live, sent_away, all_in) = (&queue, &live, &sent_away, &all_in);
        let ticket = &ticket;
        Actor::new(async move {
            let mut job = Job::new(number, live);
            loop {
                // Whoever was sent away has his job back, and tries again once the next run is there.
                let pushed = match number {
                    12 => queue.submit(job).await.map(|got| drop(ticket.replace(Some(got)))),
                    _ => queue.push(job).await.map(drop),
                };
                match pushed {
                    Ok(()) => return all_in.set(all_in.get() + 1),
                    Err(PushError { job: back, why }) => {
                        assert_eq!(why, Refusal::NotRunning);
                        sent_away.set(sent_away.get() + 1);
                        job = back;
                        regatta_sim::yield_now().await;
                    }
                }
            }
        })
    };
    let mut guests: Vec<_> = (10..14).map(guest).collect();
    let mut reading = read();

    let mut running = Box::pin(engine.run());
    let mut run = Actor::new(async {
        let finished = running.as_mut().await;
        assert_eq!(finished.leftover.len(), 0);
    });
    let patience = Patience::default();
    let mut is_closed = false;
    while run.polls < polls && !run.is_gone() {
        let mut anything = run.step();
        check(queue.stats(), WORKERS);
        guests.iter_mut().for_each(|guest| anything |= guest.step());
        anything |= reading.step();
        check(queue.stats(), WORKERS);
        if guests.iter().all(Actor::is_gone) && !is_closed {
            is_closed = true;
            queue.close();
            continue;
        }
        if !run.is_gone() {
            patience.wait(&clock, anything, &what);
        }
    }
    let is_over = run.is_gone();
    assert!(is_over || run.polls == polls);
    drop(run);
    drop(running);
    check(queue.stats(), 0);
    let stats = queue.stats();
    assert_eq!((stats.running, stats.stopping, stats.blocked), (0, 0, 0), "{what}: {stats:?}");
    if !is_over {
        // Who waits is sent away; and comes back.
        let again = engine.run();
        let mut run = Actor::new(async { drop(again.await) });
        {
            let mut actors: Vec<&mut Actor<'_>> = guests.iter_mut().collect();
            actors.extend([&mut reading, &mut run]);
            play(&mut actors, &clock, &what, || {
                check(queue.stats(), WORKERS);
                if all_in.get() == 4 && !queue.is_closed() {
                    queue.close();
                }
                false
            });
        }
        drop(run);
    } else {
        play(&mut [&mut reading], &clock, &what, || false);
    }
    let stats = queue.stats();
    assert_eq!((stats.admitted, stats.settled, stats.blocked), (6, 6, 0), "{what}: {stats:?}");
    assert_eq!(stats.ok + stats.cancelled, 6, "{what}: {stats:?}");
    assert!(stats.cancelled <= WORKERS, "{what}: {stats:?}");
    let seen = seen.take();
    let mut numbers: Vec<_> = seen.iter().map(|done| done.job.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 10, 11, 13], "{what}");
    let mut ticket = Actor::new(async {
        let done: Done<_, _, _> = ticket.take().expect("it was admitted").await;
        assert_eq!(done.job.number, 12);
    });
    ticket.step();
    assert!(ticket.is_gone(), "{what}: the ticket");
    drop((ticket, guests, reading, seen));
    drop((queue, reader, engine));
    assert_eq!(live.count(), 0, "{what}");
    assert_eq!(Arc::strong_count(&shared), 1, "{what}: the queue itself");
    is_over
}

/// Polls `future` at most `polls` times; whether it ended. Nothing of it is left then.
fn polled(clock: &ManualClock, future: impl Future<Output = ()>, polls: usize, what: &str) -> bool {
    let mut actor = Actor::new(future);
    let patience = Patience::default();
    while actor.polls < polls && !actor.is_gone() {
        let anything = actor.step();
        if !actor.is_gone() {
            patience.wait(clock, anything, what);
        }
    }
    actor.is_gone()
}

/// Whatever is dropped in one piece.
fn drop_everywhere(name: &str, tell: impl Fn(&Live, &ManualClock, &Arc<dyn Clock>, usize) -> bool) {
    for polls in 0.. {
        let (live, clock) = (Live::default(), ManualClock::new());
        let shared: Arc<dyn Clock> = clock.shared();
        let is_over = tell(&live, &clock, &shared, polls);
        assert_eq!(live.count(), 0, "{name} after {polls} polls");
        assert_eq!(Arc::strong_count(&shared), 1, "{name} after {polls} polls: the queue itself");
        if is_over {
            assert!(polls > 5, "{name} was not dropped often: {polls}");
            return println!("{name}: dropped after each of {polls} polls");
        }
    }
}

#[test]
fn a_run_with_a_body_takes_it_along() {
    drop_everywhere("run_with", |live, clock, shared, polls| {
        let (queue, mut reader, mut engine) = builder(shared)
            .build({
                let clock = clock.clone();
                async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
            })
            .unwrap();
        let run = engine.run_with(async {
            for number in 0..6 {
                queue.push(Job::new(number, live)).await.unwrap();
                check(queue.stats(), WORKERS);
            }
            let last = queue.submit(Job::new(6, live)).await.unwrap().await;
            assert!(last.is_ok());
        });
        let is_over = polled(clock, async { assert_eq!(run.await.1.stats.ok, 7) }, polls, "run_with");
        let stats = queue.stats();
        check(stats, 0);
        assert_eq!((stats.running, stats.stopping, stats.blocked), (0, 0, 0));
        // Each has its result; the last one had a ticket.
        let with_ticket = stats.settled - reader.drain().len();
        assert!(with_ticket <= usize::from(stats.admitted == 7), "{polls}: {stats:?}");
        // What waits is still there, for whoever owns the engine.
        let left = engine.into_leftover();
        assert_eq!(left.len() + stats.settled + queue.stats().failed, stats.admitted, "{stats:?}");
        is_over
    });
}

#[test]
fn a_map_takes_its_items_along() {
    drop_everywhere("map", |live, clock, shared, polls| {
        let handler = {
            let clock = clock.clone();
            async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
        };
        let map = builder(shared).map((0..9).map(|number| Job::new(number, live)), handler).unwrap();
        polled(clock, async { assert_eq!(map.await.results.len(), 9) }, polls, "map")
    });
}

#[test]
fn a_for_each_takes_its_items_and_its_body_along() {
    drop_everywhere("for_each", |live, clock, shared, polls| {
        let handler = {
            let clock = clock.clone();
            async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
        };
        let items = (0..9).map(|number| Job::new(number, live));
        let each = builder(shared).for_each(items, handler, async |mut results| {
            let mut kept = Vec::new();
            while let Some(done) = results.next().await {
                assert!(done.is_ok());
                kept.push(done);
            }
            kept.len()
        });
        polled(clock, async { assert_eq!(each.unwrap().await.0, 9) }, polls, "for_each")
    });
}

/// Tickets and queues that have left a run over items learn that it is gone.
#[test]
fn what_left_a_map_learns_that_it_was_dropped() {
    type Escaped = Mutex<Option<(Ticket<Job, Token, Token>, Queue<Job, Token, Token>)>>;
    let (live, clock) = (Live::default(), ManualClock::new());
    let shared: Arc<dyn Clock> = clock.shared();
    let escaped: Escaped = Mutex::new(None);
    let handler = async |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| {
        let later = Options::new().delay(Duration::from_secs(1));
        let queue = ctx.queue();
        let ticket = queue.submit_with(Job::new(99, &live), later).await.unwrap();
        *escaped.lock().unwrap() = Some((ticket, queue));
        std::future::pending::<()>().await;
        Ok::<_, Token>(job.token.clone())
    };
    // More items may come, so the queue is not closed.
    let items = stream::iter([Job::new(0, &live)]).chain(stream::pending());
    let map = builder(&shared).map_stream(items, handler).unwrap();
    assert!(!polled(&clock, async { drop(map.await) }, 3, "map"));
    let (ticket, queue) = escaped.lock().unwrap().take().expect("the handler has run");
    let mut waiting = Actor::new(async {
        let done = ticket.await;
        assert!(matches!(done.result, Err(TaskError::NotStarted(_))), "of job 99");
    });
    waiting.step();
    assert!(waiting.is_gone(), "its job will never have another end");
    assert!(queue.try_push(Job::new(1, &live)).is_err(), "nobody will run it");
    drop((waiting, queue));
    assert_eq!((live.count(), Arc::strong_count(&shared)), (0, 1));
}

/// A waiter that looks often leaves one waker, however often it looks, and none when it has gone.
#[test]
fn looking_often_costs_no_memory() {
    let (live, clock) = (Live::default(), ManualClock::new());
    let shared: Arc<dyn Clock> = clock.shared();
    let (queue, _reader, mut engine) =
        builder(&shared).build(async |job: Arc<Job>, _ctx| Ok::<_, Token>(job.token.clone())).unwrap();
    queue.try_push(Job::new(0, &live)).unwrap();
    let running = engine.run();
    let mut settled = Actor::new(async {
        let mut settled = std::pin::pin!(queue.settled());
        std::future::poll_fn(|cx| {
            for _ in 0..100 {
                assert!(settled.as_mut().poll(cx).is_pending());
            }
            std::task::Poll::<()>::Pending
        })
        .await;
    });
    settled.step();
    assert!(settled.wakers() <= 1, "{} wakers of one who waits", settled.wakers());
    settled.kill();
    assert_eq!(settled.wakers(), 0, "and none of one who has gone");
    drop(running);
}
