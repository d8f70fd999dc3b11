use super::*;
use regatta_core::Fifo;
use regatta_sim::Rng;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::Mutex;

/// Most urgent first.
struct Urgent;

impl Discipline for Urgent {
    type Key = Reverse<i32>;

    fn enqueued(&mut self, _: Time, _: u64, request: &Request) -> Self::Key {
        Reverse(request.priority)
    }
}

/// Counts those that wait, by what it is told.
struct Counting(Arc<Mutex<[usize; 3]>>);

impl Discipline for Counting {
    type Key = u64;

    fn enqueued(&mut self, _: Time, seq: u64, _: &Request) -> u64 {
        self.0.lock().unwrap()[0] += 1;
        seq
    }

    fn started(&mut self, _: &u64) {
        self.0.lock().unwrap()[1] += 1;
    }

    fn left(&mut self, _: &u64) {
        self.0.lock().unwrap()[2] += 1;
    }
}

/// A job of the naive model: a list that is searched from end to end.
#[derive(Clone, Copy, Debug)]
struct Naive {
    slot: usize,
    seq: u64,
    priority: i32,
    class: Option<Class>,
    place: Where,
    /// The strategy has refused it in this round.
    asked: bool,
    was_started: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Where {
    Out,
    Line,
    On(Shelf),
}

impl Naive {
    fn rank(&self) -> (Reverse<i32>, u64) {
        (Reverse(self.priority), self.seq)
    }
}

#[derive(Default)]
struct Model(Vec<Naive>);

impl Model {
    fn at(&mut self, slot: usize) -> &mut Naive {
        self.0.iter_mut().find(|job| job.slot == slot).expect("it is there")
    }

    fn first_on(&self, place: Where) -> Option<Naive> {
        self.0.iter().filter(|job| job.place == place).min_by_key(|job| job.rank()).copied()
    }

    /// The first in line, or a first one of a refused class that was not asked about in this round.
    fn candidate(&self) -> Option<usize> {
        let can = |job: &&Naive| match job.place {
            Where::Line => true,
            Where::On(shelf @ Shelf::Refused(_)) => {
                !job.asked && self.first_on(Where::On(shelf)).is_some_and(|first| first.slot == job.slot)
            }
            Where::On(_) | Where::Out => false,
        };
        self.0.iter().filter(can).min_by_key(|job| job.rank()).map(|job| job.slot)
    }

    /// Whoever comes to be first of a refused class is asked about, whatever was said of it before.
    fn renew(&mut self, was_first: &[(Shelf, usize)]) {
        for (shelf, slot) in self.firsts() {
            if !was_first.contains(&(shelf, slot)) {
                self.at(slot).asked = false;
            }
        }
    }

    fn firsts(&self) -> Vec<(Shelf, usize)> {
        let shelves = self.0.iter().filter_map(|job| match job.place {
            Where::On(shelf @ Shelf::Refused(_)) => Some(shelf),
            _ => None,
        });
        let mut firsts: Vec<_> =
            shelves.filter_map(|shelf| Some((shelf, self.first_on(Where::On(shelf))?.slot))).collect();
        firsts.dedup();
        firsts
    }
}

fn class(number: u8) -> Option<Class> {
    (number > 0).then(|| Class::of(&number))
}

/// Random histories as the ledger would make them, against the list.
#[test]
fn random_histories() {
    for seed in 0..seeds() {
        history(seed);
    }
    println!("oracle order: {} seeds", seeds());
}

fn history(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let (mut order, mut model) = (Order::new(Urgent), Model::default());
    let (mut free, mut seq): (Vec<usize>, u64) = ((0..40).rev().collect(), 0);
    // Some histories have one priority, so that the row is used; some have none but classes.
    let (spread, classes) = (random.i32(0..=2), random.u8(0..=3));
    for step in 0..400 {
        let what = format!("seed {seed}, step {step}");
        let firsts = model.firsts();
        let pick = |random: &mut Rng, model: &Model, wanted: fn(&Naive) -> bool| {
            let jobs: Vec<_> = model.0.iter().filter(|job| wanted(job)).map(|job| job.slot).collect();
            random.choice(jobs)
        };
        match random.u8(..16) {
            0..=4 => {
                let Some(slot) = free.pop() else { continue };
                let request = Request::new().priority(random.i32(-spread..=spread));
                order.enqueue(Time::ZERO, seq, slot, &request);
                let (priority, class) = (request.priority, class(random.u8(0..=classes)));
                let place = Where::Line;
                model.0.push(Naive { slot, seq, priority, class, place, asked: false, was_started: false });
                seq += 1;
            }
            // A worker asks: it starts, or is refused, or may not start by our own rules.
            5..=9 => {
                let Some(slot) = order.candidate() else { continue };
                let job = *model.at(slot);
                let joins = job.place != Where::On(Shelf::Refused(job.class))
                    && model.first_on(Where::On(Shelf::Refused(job.class))).is_some();
                assert_eq!(order.joins_refused(slot, job.class), joins, "{what}");
                if joins {
                    order.shelve(slot, Shelf::Refused(job.class));
                    model.at(slot).place = Where::On(Shelf::Refused(job.class));
                    model.at(slot).asked = false;
                } else {
                    match random.u8(..4) {
                        0 | 1 => {
                            order.take(slot);
                            order.started(slot);
                            model.at(slot).place = Where::Out;
                            model.at(slot).was_started = true;
                        }
                        2 => {
                            order.take(slot);
                            order.asked(slot, job.class);
                            model.at(slot).place = Where::On(Shelf::Refused(job.class));
                            model.renew(&firsts);
                            let first = model.first_on(Where::On(Shelf::Refused(job.class)));
                            model.at(slot).asked = first.is_some_and(|first| first.slot == slot);
                            continue;
                        }
                        _ => {
                            let shelf = job.class.map_or(Shelf::Room, Shelf::Class);
                            order.shelve(slot, shelf);
                            model.at(slot).place = Where::On(shelf);
                        }
                    }
                }
            }
            10 => {
                let shelf = class(random.u8(0..=classes)).map_or(Shelf::Room, Shelf::Class);
                order.unshelve(shelf);
                if let Some(first) = model.first_on(Where::On(shelf)) {
                    model.at(first.slot).place = Where::Line;
                }
            }
            // A retry, or an end.
            11 => {
                if let Some(slot) = pick(&mut random, &model, |job| job.place == Where::Out) {
                    order.requeue(slot);
                    model.at(slot).place = Where::Line;
                }
            }
            12 | 13 => {
                if let Some(slot) = pick(&mut random, &model, |_| true) {
                    let was_started = model.at(slot).was_started;
                    order.forget(slot, was_started);
                    model.0.retain(|job| job.slot != slot);
                    free.push(slot);
                }
            }
            14 => {
                if let Some(slot) = pick(&mut random, &model, |_| true) {
                    let job = *model.at(slot);
                    let request = Request::new().priority(job.priority + random.i32(1..=2));
                    order.raise(slot, Time::ZERO, job.seq, &request);
                    model.at(slot).priority = request.priority;
                    if let Where::On(Shelf::Refused(_)) = job.place {
                        // It is taken off and put back.
                        model.at(slot).asked = false;
                        let rest: Vec<_> =
                            firsts.iter().copied().filter(|(_, first)| *first != slot).collect();
                        model.renew(&rest);
                        continue;
                    }
                }
            }
            _ => {
                order.new_round();
                model.0.iter_mut().for_each(|job| job.asked = false);
            }
        }
        model.renew(&firsts);
        assert_eq!(order.candidate(), model.candidate(), "{what}: {:?}", model.0);
        assert_eq!(order.stale, stale(&order), "{what}");
    }
}

/// What the row counts, counted.
fn stale<D: Discipline>(order: &Order<D>) -> usize {
    let is_stale = |(slot, seq): &&(usize, u64)| {
        let place = &order.places[*slot];
        place.at != At::Row || place.rank.as_ref().is_none_or(|rank| rank.1 != *seq)
    };
    order.row.iter().filter(is_stale).count()
}

/// `pop` is the candidate, taken.
#[test]
fn taking_the_first_is_the_same_in_one_step_and_in_two() {
    for seed in 0..seeds() {
        let mut random = Rng::with_seed(seed);
        let (mut one, mut two) = (Order::new(Urgent), Order::new(Urgent));
        let (mut free, mut out): (Vec<usize>, Vec<usize>) = ((0..20).rev().collect(), Vec::new());
        for seq in 0..300 {
            match random.u8(..5) {
                0 | 1 => {
                    let Some(slot) = free.pop() else { continue };
                    let request = Request::new().priority(random.i32(0..=1));
                    one.enqueue(Time::ZERO, seq, slot, &request);
                    two.enqueue(Time::ZERO, seq, slot, &request);
                }
                2 | 3 => {
                    let slot = one.pop();
                    assert_eq!(slot, two.candidate(), "seed {seed}, step {seq}");
                    if let Some(slot) = slot {
                        two.take(slot);
                        out.push(slot);
                    }
                }
                _ => {
                    let Some(slot) = out.pop() else { continue };
                    if random.bool() {
                        one.requeue(slot);
                        two.requeue(slot);
                    } else {
                        one.forget(slot, true);
                        two.forget(slot, true);
                        free.push(slot);
                    }
                }
            }
            assert_eq!((one.stale, two.stale), (stale(&one), stale(&two)), "seed {seed}, step {seq}");
        }
    }
}

/// What has left from the middle of the row is swept out in the end, however many.
#[test]
fn what_leaves_the_row_leaves_no_memory() {
    let mut order = Order::new(Fifo);
    let request = Request::new();
    order.enqueue(Time::ZERO, 0, 0, &request);
    for seq in 1..10_000 {
        order.enqueue(Time::ZERO, seq, 1, &request);
        order.forget(1, false);
        assert!(order.row.len() <= 70, "{} entries for one job", order.row.len());
    }
    assert_eq!(order.candidate(), Some(0));
    order.take(0);
    assert_eq!(order.candidate(), None);
}

/// The slot is used again, and an entry of the job that had it before is still in the row.
#[test]
fn an_entry_of_a_former_job_is_not_taken_for_the_present_one() {
    let mut order = Order::new(Fifo);
    let request = Request::new();
    for (seq, slot) in [(0, 0), (1, 1), (2, 2)] {
        order.enqueue(Time::ZERO, seq, slot, &request);
    }
    order.forget(1, false);
    order.enqueue(Time::ZERO, 3, 1, &request);
    let mut came = Vec::new();
    while let Some(slot) = order.candidate() {
        order.take(slot);
        came.push(slot);
    }
    assert_eq!(came, [0, 2, 1]);
}

#[test]
fn a_discipline_hears_of_each_start_and_of_each_that_left_without_one() {
    let counts = Arc::new(Mutex::new([0; 3]));
    let mut order = Order::new(Counting(counts.clone()));
    let request = Request::new();
    for slot in 0..4 {
        order.enqueue(Time::ZERO, slot as u64, slot, &request);
    }
    order.take(0);
    order.started(0);
    order.requeue(0);
    order.forget(0, true);
    order.forget(1, false);
    order.forget(1, false);
    order.shelve(2, Shelf::Room);
    order.forget(2, false);
    assert_eq!(*counts.lock().unwrap(), [4, 1, 2]);
    assert_eq!((order.candidate(), order.shelves.len()), (Some(3), 0));
}

/// A class that is refused is asked about once in a round, by whoever is first of it; others go on.
#[test]
fn one_refused_class_holds_up_no_other() {
    let mut order = Order::new(Fifo);
    let (a, b) = (class(1), class(2));
    for slot in 0..3 {
        order.enqueue(Time::ZERO, slot as u64, slot, &Request::new());
    }
    assert_eq!(order.candidate(), Some(0));
    order.asked(0, a);
    assert_eq!(order.candidate(), Some(1));
    assert!(order.joins_refused(1, a), "whoever is before it was told the same");
    order.shelve(1, Shelf::Refused(a));
    assert_eq!(order.candidate(), Some(2));
    order.take(2);
    assert_eq!(order.candidate(), None, "nobody is asked twice in a round");
    order.reconsider(b);
    assert_eq!(order.candidate(), Some(0), "what has ended may change what whoever is first is told");
    order.asked(0, a);
    order.new_round();
    assert_eq!(order.candidate(), Some(0));
    order.take(0);
    assert_eq!(order.candidate(), Some(1), "the next one of its class is the first now");
}
