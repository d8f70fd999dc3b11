//! Random histories: whatever is done in whatever order, each job is in one place and has one end.

use super::*;
use regatta_core::{Discipline, Rejection, Request};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::task::Waker;

/// Most urgent first.
struct Urgent;

impl Discipline for Urgent {
    type Key = Reverse<i32>;

    fn enqueued(&mut self, _: Time, _: u64, request: &Request) -> Self::Key {
        Reverse(request.priority)
    }
}

#[test]
fn every_job_has_one_end() {
    for seed in 0..crate::order::seeds() {
        for crew in [0, 2] {
            history(seed, crew);
        }
    }
    println!("oracle ledger: {} seeds, in place and spawned", crate::order::seeds());
}

/// What of a job is to be known from outside.
#[derive(Default)]
struct Ends(BTreeMap<u32, usize>);

impl Ends {
    fn read(&mut self, books: &mut Books, random: &mut Rng) {
        let count = random.usize(0..=books.results.len());
        for done in books.results.drain(..count) {
            *self.0.entry(*done.job).or_default() += 1;
        }
        books.was_read();
    }
}

fn history(seed: u64, crew: usize) {
    let mut random = Rng::with_seed(seed);
    let bound = random.usize(1..4);
    let rules = Rules {
        workers: random.usize(1..4),
        capacity: random.usize(1..6),
        growth: random.usize(0..3),
        class_limit: random.bool().then(|| random.usize(1..3)),
        idle_timeout: None,
        results: *random.choice(&[Results::Collect, Results::Bounded(bound)]).unwrap(),
    };
    let (capacity, workers) = (rules.capacity, rules.workers);
    let mut books: Books = Ledger::new(rules, Box::new(Order::new(Urgent)), Course::new(), false);
    books.begin(Time::ZERO);
    books.crew = crew;
    let staff: Vec<usize> = (0..2).map(|_| books.hire()).collect();
    // Who runs where; whether the strategy is still being asked.
    let mut running: Vec<(usize, usize)> = Vec::new();
    let (mut ids, mut guests, mut places) = (Vec::new(), Vec::new(), 0_usize);
    let (mut now, mut jobs, mut ends, mut grown) = (Time::ZERO, 0_u32, Ends::default(), 0);
    for step in 0..300 {
        let what = format!("seed {seed}, crew {crew}, step {step}");
        now = now + Duration::from_nanos(random.u64(0..5));
        match random.u8(..20) {
            0..=4 => {
                let mut options = Options::new().priority(random.i32(0..2));
                if random.bool() {
                    options = options.class(Class::of(&random.u8(0..2)));
                }
                if random.u8(..4) == 0 {
                    options = options.delay(Duration::from_nanos(random.u64(0..20)));
                }
                if random.u8(..4) == 0 {
                    let policies = [OnDuplicate::Reject, OnDuplicate::Join, OnDuplicate::Replace];
                    options = options.key(random.u64(..3)).on_duplicate(*random.choice(&policies).unwrap());
                }
                let origin = match random.u8(..4) {
                    0 if !running.is_empty() => Origin::Handler,
                    1 if places > 0 => Origin::Reserved,
                    _ => Origin::Outside,
                };
                let answer = books.admit(now, origin, &mut Admission::new(jobs, options));
                if let Ok(id) = answer {
                    ids.push(id);
                    jobs += 1;
                    places -= usize::from(origin == Origin::Reserved);
                }
            }
            5 => match books.reserve() {
                Ok(()) => places += 1,
                Err(Refusal::Full) => guests.push(books.door.join(random.i32(0..2), Waker::noop().clone())),
                Err(other) => panic!("{what}: {other}"),
            },
            6 if places > 0 => {
                places -= 1;
                books.give_back(Origin::Reserved);
            }
            7 | 8 if !guests.is_empty() => {
                let guest = guests.swap_remove(random.usize(..guests.len()));
                if books.door.enter(guest) {
                    places += 1;
                } else {
                    assert!(books.door.leave(guest).is_some(), "{what}: it stood in line");
                }
            }
            9..=13 => {
                let worker = *random.choice(&staff).unwrap();
                if let Claim::Start(start) = books.claim(now, worker) {
                    // Others do what they do while the strategy is asked.
                    if random.u8(..8) == 0 {
                        let _ = books.cancel(now, start.id);
                    }
                    match random.u8(..6) {
                        0 => books.unclaim(start.slot, worker),
                        1 => books.reject(now, start.slot, worker, Rejection::Closed),
                        _ => {
                            books.confirm(worker);
                            running.push((start.slot, worker));
                        }
                    }
                }
            }
            14..=16 if !running.is_empty() => {
                let (slot, worker) = running.swap_remove(random.usize(..running.len()));
                books.confirm(worker);
                match random.u8(..4) {
                    0 => {
                        let (result, _, _) = books.judge(slot, now, End::Cancelled);
                        books.failed(slot, now, result.expect_err("it was cancelled"), None, None);
                    }
                    1 => {
                        let (result, _, chance) = books.judge(slot, now, End::Output(Err("failed")));
                        let delay = Duration::from_nanos(random.u64(0..20));
                        let again = match chance {
                            Chance::No => None,
                            Chance::Ask { .. } => {
                                let rule: Box<dyn Retry<_> + Send> = Box::new(Backoff::constant(delay));
                                Some(Again { due: now + delay, deadline: Time::MAX, rule })
                            }
                        };
                        books.failed(slot, now, result.expect_err("it has failed"), None, again);
                    }
                    _ => books.succeeded(slot, now, 0),
                }
            }
            17 if !ids.is_empty() => {
                let id = *random.choice(&ids).unwrap();
                if random.bool() {
                    let _ = books.raise(id, random.i32(0..4));
                } else {
                    let _ = books.cancel(now, id);
                }
            }
            18 => {
                let worker = *random.choice(&staff).unwrap();
                while let Some(control) = books.control(now, worker) {
                    match control {
                        regatta_engine::Control::Cancel(slot) => {
                            if let Some(at) = running.iter().position(|task| *task == (slot, worker)) {
                                running.swap_remove(at);
                                let (result, _, _) = books.judge(slot, now, End::Cancelled);
                                books.failed(slot, now, result.expect_err("it was cancelled"), None, None);
                            }
                        }
                        _ => break,
                    }
                }
            }
            _ => ends.read(&mut books, &mut random),
        }
        run_errands(&mut books);
        books.check();
        let stats = books.counts();
        assert!(stats.running + stats.stopping <= workers, "{what}: {stats:?}");
        assert_eq!(stats.running + stats.stopping, running.len(), "{what}: {stats:?}");
        // Whoever may wait beyond the capacity: retries that come back, and what handlers have pushed.
        grown = grown.max(stats.grown);
        let most = capacity + workers + grown;
        assert!(stats.pending + stats.delayed + books.reserved <= most, "{what}: {stats:?}");
        if let Results::Bounded(bound) = books.rules.results {
            // What ends without a start needs no place that was kept for it; of what is stopping, the result is there.
            assert_eq!(books.owed, stats.running, "{what}: {stats:?}");
            assert!(books.owed <= bound, "{what}: {stats:?}");
        }
        // Nobody waits before a door behind which there is a place.
        let waiting = stats.pending + stats.delayed + books.reserved + books.claimed;
        assert!(stats.blocked == 0 || waiting >= capacity, "{what}: {stats:?}, {}", books.reserved);
    }
    // The end: nothing more comes in, and what is left has its end.
    for _ in 0..places {
        books.give_back(Origin::Reserved);
    }
    books.close();
    books.crew = 0;
    for (slot, worker) in running {
        books.confirm(worker);
        books.succeeded(slot, now, 0);
    }
    let finished = books.finish(now, Course::new());
    run_errands(&mut books);
    books.check();
    ends.read(&mut books, &mut Rng::with_seed(0));
    for done in std::mem::take(&mut books.results) {
        *ends.0.entry(*done.job).or_default() += 1;
    }
    for left in &finished.leftover {
        *ends.0.entry(*left.job).or_default() += 1;
    }
    assert_eq!(finished.stats.admitted, finished.stats.settled, "seed {seed}");
    assert!(ends.0.values().all(|count| *count == 1), "seed {seed}: {:?}", ends.0);
    assert_eq!(ends.0.len(), finished.stats.admitted, "seed {seed}: each job has its end");
    assert!(books.names.is_empty() && books.classes.is_empty() && books.owed == 0, "seed {seed}");
}
