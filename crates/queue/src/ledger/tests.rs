use super::*;
use crate::order::Order;
use crate::{OnDuplicate, Options, Refusal};
use regatta_core::{Backoff, Fifo, Retry};
use regatta_engine::{End, StopReason};
use regatta_sim::Rng;

mod histories;

type Books = Ledger<u32, u32, &'static str>;

const fn ms(millis: u64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn rules() -> Rules {
    Rules {
        workers: 1,
        capacity: 2,
        growth: usize::MAX,
        class_limit: None,
        idle_timeout: None,
        results: Results::Collect,
    }
}

/// A ledger with one worker, whose run begins at 0.
fn books(rules: Rules, settings: impl FnOnce(&mut Course)) -> (Books, usize) {
    let mut course = Course::new();
    settings(&mut course);
    let mut books = Ledger::new(rules, Box::new(Order::new(Fifo)), course, false);
    books.begin(Time::ZERO);
    let worker = books.hire();
    (books, worker)
}

fn push(books: &mut Books, now: Time, job: u32, options: Options) -> Result<crate::JobId, Refusal> {
    let answer = books.admit(now, Origin::Outside, &mut Admission::new(job, options));
    run_errands(books);
    books.check();
    answer
}

/// As the hub does it, outside the lock; how many there were.
fn run_errands(books: &mut Books) -> usize {
    let mut count = 0;
    for errand in books.errands.take() {
        count += 1;
        if let Some(done) = errand.run() {
            books.keep(done);
        }
    }
    count
}

/// The number of the job that starts, if one does. It is confirmed, as the strategy has let it.
fn start(books: &mut Books, now: Time, worker: usize) -> Option<(u32, usize, u32)> {
    let claim = books.claim(now, worker);
    let started = match claim {
        Claim::Start(start) => Some((*start.job, start.slot, start.attempt)),
        Claim::Wait | Claim::Over => None,
    };
    books.confirm(worker);
    run_errands(books);
    books.check();
    started
}

/// An attempt returns an error; there is another after `delay`, if that is said.
fn fail(books: &mut Books, now: Time, slot: usize, delay: Option<Duration>) {
    let (result, _, chance) = books.judge(slot, now, End::Output(Err("failed")));
    let error = result.expect_err("it is an error");
    let again = match (delay, chance) {
        (Some(delay), Chance::Ask { .. }) => {
            let rule: Box<dyn Retry<&'static str> + Send> = Box::new(Backoff::constant(delay));
            Some(Again { due: now + delay, deadline: Time::MAX, rule })
        }
        _ => None,
    };
    books.failed(slot, now, error, None, again);
    run_errands(books);
    books.check();
}

/// How the results read that are there, taken out.
fn results(books: &mut Books) -> Vec<(u32, &'static str)> {
    let taken = std::mem::take(&mut books.results);
    taken.into_iter().map(|done| (*done.job, done.result.err().map_or("ok", |error| error.state()))).collect()
}

#[test]
fn a_retry_waits_and_comes_back_before_those_behind_it() {
    let (mut books, worker) = books(rules(), |_| {});
    push(&mut books, ms(0), 1, Options::new()).unwrap();
    push(&mut books, ms(0), 2, Options::new()).unwrap();
    let (job, slot, attempt) = start(&mut books, ms(0), worker).unwrap();
    assert_eq!((job, attempt), (1, 1));
    push(&mut books, ms(1), 3, Options::new()).unwrap();
    fail(&mut books, ms(2), slot, Some(millis(3)));
    assert_eq!((books.stats.delayed, books.stats.pending), (1, 2));
    let (job, second, _) = start(&mut books, ms(4), worker).unwrap();
    assert_eq!(job, 2, "one nanosecond before is too early");
    books.succeeded(second, ms(5), 20);
    let (job, slot, attempt) = start(&mut books, ms(5), worker).unwrap();
    assert_eq!((job, attempt), (1, 2), "at 5 ms it is due, and it was there first");
    books.succeeded(slot, ms(6), 10);
    assert_eq!(start(&mut books, ms(6), worker).map(|(job, ..)| job), Some(3));
    assert_eq!(results(&mut books), [(2, "ok"), (1, "ok")]);
}

#[test]
fn a_delay_counts_to_the_nanosecond() {
    let (mut books, worker) = books(rules(), |_| {});
    push(&mut books, ms(1), 1, Options::new().delay(millis(5))).unwrap();
    let before = Time::from_nanos(5_999_999);
    assert!(start(&mut books, before, worker).is_none());
    assert_eq!((books.stats.delayed, books.stats.pending), (1, 0));
    assert_eq!(start(&mut books, ms(6), worker).map(|(job, ..)| job), Some(1));
}

#[test]
fn times_at_the_end_of_time_and_before_the_beginning_harm_nothing() {
    let (mut books, worker) = books(rules(), |_| {});
    push(&mut books, Time::MAX, 1, Options::new().delay(Duration::MAX)).unwrap();
    push(&mut books, ms(5), 2, Options::new().at(Time::ZERO)).unwrap();
    let (_, slot, _) = start(&mut books, ms(1), worker).unwrap();
    fail(&mut books, Time::ZERO, slot, Some(Duration::MAX));
    let _ = books.control(Time::MAX, worker);
    run_errands(&mut books);
    books.check();
}

#[test]
fn a_retry_that_would_start_at_its_deadline_is_not_made() {
    for (deadline, is_made) in [(10, false), (11, true)] {
        let (mut books, worker) =
            books(rules(), |course| course.settings.task_timeout = Some(millis(deadline)));
        push(&mut books, ms(0), 1, Options::new()).unwrap();
        let (_, slot, _) = start(&mut books, ms(0), worker).unwrap();
        fail(&mut books, ms(4), slot, Some(millis(6)));
        assert_eq!((books.stats.delayed, books.stats.failed), (usize::from(is_made), usize::from(!is_made)));
    }
}

/// A retry that no worker took in time: its last failure stands.
#[test]
fn a_retry_that_is_not_started_in_time_has_its_end() {
    let (mut books, worker) = books(rules(), |course| course.settings.task_timeout = Some(millis(10)));
    push(&mut books, ms(0), 1, Options::new()).unwrap();
    let (_, slot, _) = start(&mut books, ms(0), worker).unwrap();
    fail(&mut books, ms(1), slot, Some(millis(2)));
    books.pause();
    let _ = books.control(ms(9), worker);
    assert_eq!(books.stats.pending, 1);
    let _ = books.control(ms(10), worker);
    books.check();
    assert_eq!(results(&mut books), [(1, "failed")]);
}

#[test]
fn a_result_has_a_place_before_its_job_starts() {
    let (mut books, worker) =
        books(Rules { workers: 3, capacity: 9, results: Results::Bounded(2), ..rules() }, |_| {});
    for job in 1..=4 {
        push(&mut books, ms(0), job, Options::new()).unwrap();
    }
    let (_, first, _) = start(&mut books, ms(0), worker).unwrap();
    let (_, second, _) = start(&mut books, ms(0), worker).unwrap();
    assert!(start(&mut books, ms(0), worker).is_none(), "both places are promised");
    books.succeeded(first, ms(1), 1);
    fail(&mut books, ms(1), second, Some(millis(5)));
    assert_eq!(
        start(&mut books, ms(1), worker).map(|(job, ..)| job),
        Some(3),
        "a retry gives its place back"
    );
    assert!(start(&mut books, ms(6), worker).is_none());
    books.results.pop_front();
    books.was_read();
    assert_eq!(start(&mut books, ms(6), worker).map(|(job, ..)| job), Some(2), "it comes before the fourth");
}

/// What was kept for a job that is refused for good is given back, and nothing of another's.
#[test]
fn a_job_that_is_refused_for_good_gives_its_places_back_once() {
    let rules =
        Rules { workers: 9, capacity: 9, results: Results::Bounded(3), class_limit: Some(2), ..rules() };
    let (mut books, worker) = books(rules, |_| {});
    for job in 1..=4 {
        push(&mut books, ms(0), job, Options::new().class(Class::of(&1))).unwrap();
    }
    start(&mut books, ms(0), worker).unwrap();
    let Claim::Start(second) = books.claim(ms(0), worker) else { panic!("it may start") };
    books.reject(ms(0), second.slot, worker, regatta_core::Rejection::Closed);
    assert_eq!((books.owed, books.results.len()), (1, 1));
    assert_eq!(start(&mut books, ms(0), worker).map(|(job, ..)| job), Some(3));
    assert!(
        start(&mut books, ms(0), worker).is_none(),
        "two of its class run, and three results have places"
    );
}

#[test]
fn a_class_has_its_limit_and_holds_up_no_other() {
    let (mut books, worker) =
        books(Rules { workers: 9, capacity: 9, class_limit: Some(1), ..rules() }, |_| {});
    let class = |number: u32| Options::new().class(Class::of(&number));
    for (job, options) in
        [(1, class(1)), (2, class(1)), (3, class(2)), (4, Options::new()), (5, Options::new())]
    {
        push(&mut books, ms(0), job, options).unwrap();
    }
    let mut started = Vec::new();
    while let Some((job, slot, _)) = start(&mut books, ms(0), worker) {
        started.push((job, slot));
    }
    assert_eq!(started.iter().map(|(job, _)| *job).collect::<Vec<_>>(), [1, 3, 4, 5]);
    books.succeeded(started[0].1, ms(1), 1);
    assert_eq!(start(&mut books, ms(1), worker).map(|(job, ..)| job), Some(2));
}

/// While a worker asks the strategy, its job has its end: it has one, whatever the strategy says.
#[test]
fn a_job_that_is_cancelled_while_the_strategy_is_asked_has_one_end() {
    for is_refused_for_good in [false, true] {
        let (mut books, worker) = books(rules(), |_| {});
        books.crew = 1;
        let id = push(&mut books, ms(0), 1, Options::new()).unwrap();
        let Claim::Start(claimed) = books.claim(ms(1), worker) else { panic!("it waits") };
        assert!(books.cancel(ms(2), id));
        assert!(!books.cancel(ms(2), id), "it has its outcome");
        run_errands(&mut books);
        books.check();
        if is_refused_for_good {
            books.reject(ms(3), claimed.slot, worker, regatta_core::Rejection::Closed);
        } else {
            books.unclaim(claimed.slot, worker);
        }
        run_errands(&mut books);
        books.check();
        assert_eq!(results(&mut books), [(1, "cancelled")]);
        assert_eq!((books.stats.settled, books.stats.cancelled, books.stats.rejected), (1, 1, 0));
        assert!(start(&mut books, ms(4), worker).is_none());
    }
}

/// While a worker asks the strategy, nobody gets the place of its job; once it has started, the first at the door does.
#[test]
fn a_job_that_may_be_refused_keeps_its_place() {
    let (mut books, worker) = books(rules(), |_| {});
    push(&mut books, ms(0), 1, Options::new()).unwrap();
    push(&mut books, ms(0), 2, Options::new()).unwrap();
    let Claim::Start(claimed) = books.claim(ms(0), worker) else { panic!("it waits") };
    assert_eq!(push(&mut books, ms(0), 3, Options::new()), Err(Refusal::Full));
    assert_eq!(books.reserve(), Err(Refusal::Full));
    books.unclaim(claimed.slot, worker);
    assert_eq!((books.stats.pending, books.reserve()), (2, Err(Refusal::Full)));
    let guest = books.door.join(0, Waker::noop().clone());
    let _ = books.control(ms(0), worker);
    let (job, ..) = start(&mut books, ms(0), worker).unwrap();
    assert!(job == 1 && books.door.enter(guest));
}

/// The order to end a job doesn't reach the next one in its slot.
#[test]
fn a_late_order_ends_nobody_else() {
    let (mut books, worker) = books(Rules { workers: 2, ..rules() }, |_| {});
    let id = push(&mut books, ms(0), 1, Options::new()).unwrap();
    let (_, slot, _) = start(&mut books, ms(0), worker).unwrap();
    assert!(books.cancel(ms(1), id));
    books.succeeded(slot, ms(1), 1);
    push(&mut books, ms(1), 2, Options::new()).unwrap();
    assert_eq!(start(&mut books, ms(1), worker).map(|(_, slot, _)| slot), Some(slot), "it is used again");
    let control = books.control(ms(1), worker);
    let is_quiet = matches!(control, None | Some(regatta_engine::Control::WakeAt(_)));
    assert!(is_quiet, "job 2 was not cancelled: {control:?}");
}

#[test]
fn a_key_stands_for_one_job_that_has_no_end() {
    let (mut books, worker) = books(Rules { capacity: 9, ..rules() }, |_| {});
    let key = |policy| Options::new().key("a").on_duplicate(policy);
    let first = push(&mut books, ms(0), 1, key(OnDuplicate::Reject)).unwrap();
    assert_eq!(push(&mut books, ms(0), 2, key(OnDuplicate::Reject)), Err(Refusal::Duplicate(first)));
    assert_eq!(push(&mut books, ms(0), 3, key(OnDuplicate::Join)), Ok(first));
    let second = push(&mut books, ms(0), 4, key(OnDuplicate::Replace)).unwrap();
    assert_eq!(results(&mut books), [(1, "not started")]);
    let (job, slot, _) = start(&mut books, ms(0), worker).unwrap();
    assert_eq!((job, books.find(&Key::from("a"))), (4, Some(second)));
    let third = push(&mut books, ms(0), 5, key(OnDuplicate::Replace)).unwrap();
    books.succeeded(slot, ms(1), 4);
    assert_eq!(books.find(&Key::from("a")), Some(third), "the name is with the later one");
    assert!(books.cancel(ms(1), third) && books.find(&Key::from("a")).is_none());
}

#[test]
fn a_run_stops_when_it_has_been_idle_for_so_long() {
    let (mut books, worker) = books(Rules { idle_timeout: Some(millis(10)), ..rules() }, |_| {});
    let _ = books.control(ms(9), worker);
    assert!(!books.is_over());
    push(&mut books, ms(9), 1, Options::new()).unwrap();
    let (_, slot, _) = start(&mut books, ms(9), worker).unwrap();
    let _ = books.control(ms(50), worker);
    books.succeeded(slot, ms(50), 1);
    let _ = books.control(Time::from_nanos(59_999_999), worker);
    assert!(!books.is_over());
    let _ = books.control(ms(60), worker);
    assert!(books.is_over());
    assert!(matches!(books.finish(ms(60), Course::new()).stop, StopReason::Idle));
}

#[test]
fn what_a_dropped_run_leaves_waits_for_the_next() {
    let (mut books, worker) = books(rules(), |_| {});
    push(&mut books, ms(0), 1, Options::new()).unwrap();
    push(&mut books, ms(0), 2, Options::new()).unwrap();
    start(&mut books, ms(0), worker).unwrap();
    books.interrupt(ms(1), Course::new());
    run_errands(&mut books);
    books.check();
    assert_eq!(results(&mut books), [(1, "cancelled")]);
    assert_eq!((books.stats.pending, books.stats.running, books.full()), (1, 0, Refusal::NotRunning));
    books.begin(ms(2));
    let worker = books.hire();
    let (job, slot, _) = start(&mut books, ms(2), worker).unwrap();
    books.succeeded(slot, ms(3), 2);
    books.close();
    assert!(books.is_over() && job == 2);
    let finished = books.finish(ms(3), Course::new());
    assert_eq!((finished.stats.settled, finished.leftover.len()), (2, 0));
    assert!(matches!(finished.stop, StopReason::Completed));
}
