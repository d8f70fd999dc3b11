//! Those who push, wait and read.

use super::stage::{Actor, CAPACITY, Job, Live, Patience, Token, check, work};
use regatta::Backoff;
use regatta::queue::{Ctx, Done, Options, Queue, Refusal, Results};
use regatta_core::Clock;
use regatta_sim::ManualClock;
use regatta_tests::Watchdog;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

/// Who is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Push,
    /// A push before which the others have to stand back.
    Urgent,
    Replacing,
    Reserve,
    /// A place that was got and is not used.
    Place,
    Submit,
    Ticket,
    /// The second ticket of a job.
    Joined,
    Next,
    Settled,
}

const ALL: [Who; 10] = [
    Who::Push,
    Who::Urgent,
    Who::Replacing,
    Who::Reserve,
    Who::Place,
    Who::Submit,
    Who::Ticket,
    Who::Joined,
    Who::Next,
    Who::Settled,
];

/// How many stand at the door before the one who is dropped, and behind.
const CROWDS: [(usize, usize); 5] = [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)];

#[test]
fn whoever_leaves_takes_nothing_along() {
    let watchdog = Watchdog::new();
    let mut told = 0;
    for who in ALL {
        for results in [Results::Collect, Results::Bounded(1), Results::Discard] {
            for crowd in CROWDS {
                for polls in 0.. {
                    let mut is_ready = false;
                    for later in 0..16 {
                        is_ready = tell(who, results, crowd, polls, later);
                        told += 1;
                    }
                    watchdog.progress();
                    if is_ready {
                        break;
                    }
                }
            }
        }
    }
    println!("{told} stories of somebody who leaves");
}

/// The one who leaves is polled `polls` times and dropped `later` steps after that. Whether he was ready before.
#[expect(clippy::await_holding_refcell_ref, reason = "nobody else reads while this actor waits")]
fn tell(who: Who, results: Results, (before, behind): (usize, usize), polls: usize, later: usize) -> bool {
    let what =
        format!("{who:?}, {results:?}, {before} before, {behind} behind, {polls} polls, {later} later");
    let (live, clock, patience) = (Live::default(), ManualClock::new(), Patience::default());
    let shared: Arc<dyn Clock> = clock.shared();
    let reads = results != Results::Discard;
    let (queue, reader, mut engine) = Queue::<Job>::builder()
        .workers(1)
        .and_then(|builder| builder.capacity(CAPACITY))
        .and_then(|builder| builder.results(results))
        .unwrap()
        .retry(Backoff::constant(Duration::from_millis(3)).times(1))
        .clock(shared.clone())
        .build({
            let clock = clock.clone();
            async move |job: Arc<Job>, ctx: Ctx<Job, Token, Token>| work(job, ctx, clock.clone()).await
        })
        .unwrap();
    let reader = RefCell::new(reader);
    let (seen, entered, is_in) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()), Cell::new(false));

    // The queue is full: one job that will be retried, and one that is delayed.
    let keyed = Options::new().key("first");
    queue.try_push_with(Job::new(1, &live), keyed).unwrap();
    queue.try_push_with(Job::new(2, &live), Options::new().delay(Duration::from_millis(2))).unwrap();

    let read = || {
        Actor::new(async {
            loop {
                let done = reader.borrow_mut().next().await;
                let Some(done) = done else { return };
                seen.borrow_mut().push(done);
            }
        })
    };
    let push = |number: usize| {
        let (queue, entered, job) = (&queue, &entered, Job::new(number, &live));
        Actor::new(async move {
            queue.push(job).await.unwrap();
            entered.borrow_mut().push(number);
        })
    };
    let mine = 6;
    let mut victim = match who {
        Who::Next => read(),
        Who::Settled => Actor::new(async { queue.settled().await.unwrap() }),
        _ => {
            let (queue, is_in, job) = (&queue, &is_in, Job::new(mine, &live));
            Actor::new(async move {
                match who {
                    Who::Push | Who::Urgent | Who::Replacing => {
                        use regatta::queue::OnDuplicate::Replace;
                        let options = match who {
                            Who::Urgent => Options::new().priority(1),
                            Who::Replacing => Options::new().key("first").on_duplicate(Replace),
                            _ => Options::new(),
                        };
                        queue.push_with(job, options).await.unwrap();
                        is_in.set(true);
                    }
                    Who::Reserve => drop(queue.reserve().await.unwrap()),
                    Who::Place => {
                        let place = queue.reserve().await.unwrap();
                        std::future::pending::<()>().await;
                        drop((place, job));
                    }
                    Who::Submit => {
                        let ticket = queue.submit(job).await.unwrap();
                        is_in.set(true);
                        drop(ticket);
                    }
                    Who::Ticket => {
                        let ticket = queue.submit(job).await.unwrap();
                        is_in.set(true);
                        let done: Done<_, _, _> = ticket.await;
                        assert_eq!((done.job.number, done.is_ok()), (mine, true));
                    }
                    Who::Joined => {
                        // The first one's result is shared with the reader.
                        let ticket = queue.submit_or_join(job, Options::new().key("first")).await.unwrap();
                        assert_eq!(ticket.await.job.number, 1);
                    }
                    Who::Next | Who::Settled => unreachable!("made above"),
                }
            })
        }
    };
    let mut guests: Vec<_> = (0..before).map(|n| push(10 + n)).collect();
    let first_behind = guests.len();
    guests.extend((0..behind).map(|n| push(20 + n)));
    let mut reading = if who == Who::Next { None } else { Some(read()) };
    // Those who wait count on it before its first poll.
    let running = engine.run();
    let mut run = Actor::new(async {
        let finished = running.await;
        assert!(finished.leftover.is_empty(), "{:?}", finished.stop);
    });

    let (mut left, mut is_ready) = (None, false);
    let mut is_probed = false;
    loop {
        let mut anything = false;
        let (early, late) = guests.split_at_mut(first_behind);
        early.iter_mut().for_each(|guest| anything |= guest.step());
        check(queue.stats(), 1);
        if victim.polls < polls {
            anything |= victim.step();
        } else {
            let left = left.get_or_insert(later);
            if *left == 0 && !victim.is_gone() {
                victim.kill();
                check(queue.stats(), 1);
            }
            anything |= *left > 0;
            *left = left.saturating_sub(1);
        }
        is_ready |= victim.is_gone() && left.is_none();
        check(queue.stats(), 1);
        late.iter_mut().for_each(|guest| anything |= guest.step());
        check(queue.stats(), 1);
        if reads || who != Who::Next {
            if victim.is_gone() && reading.is_none() {
                reading = Some(read());
            }
            anything |= reading.as_mut().is_some_and(Actor::step);
        }
        anything |= run.step();
        check(queue.stats(), 1);
        // A place waits for nobody: a full queue with a free place has no guests who wait.
        let guests_gone = guests.iter().all(Actor::is_gone);
        if victim.is_gone() && guests_gone && queue.stats().unsettled() == 0 && !is_probed {
            is_probed = true;
            whole_capacity(&queue, &live, &what);
            queue.close();
            continue;
        }
        if run.is_gone() && reading.as_ref().is_none_or(Actor::is_gone) {
            break;
        }
        // A place that nobody uses, or a reader who has left, may hold up everything until he is dropped.
        let is_stuck = !anything && !victim.is_gone() && clock.timers() == 0 && victim.polls < polls;
        if is_stuck {
            is_ready = true;
            victim.kill();
            continue;
        }
        patience.wait(&clock, anything, &what);
    }

    let stats = queue.stats();
    let replaced = usize::from(stats.not_started > 0);
    let expected = 2 + before + behind + usize::from(is_in.get());
    assert_eq!(
        (stats.admitted, stats.settled),
        (expected + CAPACITY, expected + CAPACITY),
        "{what}: {stats:?}"
    );
    assert_eq!((stats.blocked, stats.ok), (0, stats.settled - replaced), "{what}: {stats:?}");
    // Nobody has lost his turn.
    let order: Vec<_> = (0..before).map(|n| 10 + n).chain((0..behind).map(|n| 20 + n)).collect();
    assert_eq!(*entered.borrow(), order, "{what}");
    let seen = seen.take();
    if reads {
        let mut numbers: Vec<_> = seen.iter().map(|done| done.job.number).collect();
        numbers.sort_unstable();
        let mut all: Vec<_> = [1, 2, 98, 99].into_iter().chain(order).collect();
        let has_no_ticket = matches!(who, Who::Push | Who::Urgent | Who::Replacing);
        all.extend((is_in.get() && has_no_ticket).then_some(mine));
        all.sort_unstable();
        assert_eq!(numbers, all, "{what}");
        for done in &seen {
            assert_eq!(Arc::strong_count(&done.job), 1, "{what}: somebody still has job {}", done.job.number);
        }
    } else {
        assert!(seen.is_empty());
    }
    drop((victim, guests, reading, run, seen));
    drop((queue, reader, engine));
    assert_eq!(live.count(), 0, "{what}: jobs, results, errors");
    assert_eq!(Arc::strong_count(&shared), 1, "{what}: the queue itself");
    is_ready
}

/// Every place is there again, and not one more.
fn whole_capacity<R, E>(queue: &Queue<Job, R, E>, live: &Live, what: &str) {
    for n in 0..CAPACITY {
        let pushed = queue.try_push(Job::new(98 + n, live));
        assert!(pushed.is_ok(), "{what}: place {n} is lost");
    }
    let refused = queue.try_push(Job::new(100, live)).expect_err("a place more than there are").why();
    assert_eq!(refused, Refusal::Full, "{what}");
}

/// A job that takes the place of another needs none of its own, and gives away none either.
#[test]
fn a_job_that_replaces_another_makes_no_place() {
    use regatta::queue::OnDuplicate::Replace;
    let live = Live::default();
    let (queue, _reader, mut engine) = Queue::<Job>::builder()
        .workers(1)
        .and_then(|builder| builder.capacity(CAPACITY))
        .unwrap()
        .paused()
        .build(async |job: Arc<Job>, _ctx| Ok::<_, Token>(job.token.clone()))
        .unwrap();
    let running = engine.run();
    let mut run = Actor::new(async { drop(running.await) });
    queue.try_push_with(Job::new(0, &live), Options::new().key("first")).unwrap();
    queue.try_push(Job::new(1, &live)).unwrap();
    let push = |number| {
        let (queue, job) = (&queue, Job::new(number, &live));
        Actor::new(async move {
            let _ = queue.push(job).await.unwrap();
        })
    };
    let mut guests = [push(10), push(11)];
    guests.iter_mut().for_each(|guest| assert!(guest.step()));
    run.step();
    for _ in 0..3 {
        let again = Options::new().key("first").on_duplicate(Replace);
        queue.try_push_with(Job::new(2, &live), again).unwrap();
        guests.iter_mut().for_each(|guest| assert!(!guest.step(), "there is no place for it"));
        assert_eq!((queue.stats().pending, queue.stats().blocked), (CAPACITY, 2));
    }
    queue.resume();
    queue.close();
    while !run.is_gone() {
        run.step();
    }
    assert_eq!((queue.stats().ok, queue.stats().not_started), (2, 3));
}
