use super::*;
use crate::laws;
use std::collections::{BTreeMap, BTreeSet};

fn of(class: u64) -> Request {
    Request::new().class(Class::from_u64(class))
}

/// A queue around the discipline, as far as the discipline can tell.
#[derive(Default)]
struct Queue {
    order: WeightedFair,
    waiting: BTreeMap<FairKey, (Option<u64>, u32)>,
    seq: u64,
}

impl Queue {
    fn new(weights: &[(u64, u32)]) -> Self {
        let mut queue = Self::default();
        for (class, weight) in weights {
            queue.order.set_weight(Class::from_u64(*class), *weight).unwrap();
        }
        queue
    }

    fn push(&mut self, request: Request) -> FairKey {
        let key = self.order.enqueued(Time::ZERO, self.seq, &request);
        self.seq += 1;
        self.waiting.insert(key, (request.class.map(Class::as_u64), request.cost));
        key
    }

    fn push_many(&mut self, count: usize, request: Request) {
        (0..count).for_each(|_| {
            self.push(request);
        });
    }

    fn pop(&mut self) -> Option<(Option<u64>, u32)> {
        let (key, work) = self.waiting.pop_first()?;
        self.order.started(&key);
        Some(work)
    }

    fn remove(&mut self, key: &FairKey) {
        self.waiting.remove(key).expect("it waits");
        self.order.left(key);
    }

    /// The classes of the next ones.
    fn classes(&mut self, count: usize) -> Vec<u64> {
        (0..count).map_while(|_| self.pop()).filter_map(|(class, _)| class).collect()
    }
}

#[test]
fn smoke() {
    let mut queue = Queue::new(&[(1, 2)]);
    queue.push_many(6, of(0));
    queue.push_many(6, of(1));
    assert_eq!(queue.classes(9), [1, 0, 1, 1, 0, 1, 1, 0, 1]);
    assert_eq!(queue.classes(9), [0, 0, 0], "who is alone gets everything");
    assert_eq!(queue.pop(), None);
    assert_eq!((queue.order.weight_of(Class::from_u64(1)), queue.order.weight_of(None)), (2, 1));
}

#[test]
fn no_weight_is_refused() {
    let error = ConfigError::new("weight", 0, "must be at least 1");
    let class = Class::from_u64(1);
    assert_eq!(WeightedFair::new().weight(class, 0).unwrap_err(), error);
    let mut order = WeightedFair::new().weight(class, 3).unwrap().weight(None, 2).unwrap();
    assert_eq!(order.set_weight(class, 0), Err(error));
    assert_eq!((order.weight_of(class), order.weight_of(None)), (3, 2));
    order.set_weight(class, 1).unwrap();
    assert_eq!(order.weights.len(), 1, "the usual weight needs no memory");
}

#[test]
fn one_class_is_first_come_first_served() {
    let mut queue = Queue::default();
    let keys: Vec<_> = (0..5).map(|cost| queue.push(Request::new().cost(cost))).collect();
    assert!(keys.is_sorted());
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 5);
}

#[test]
fn idle_times_give_no_credit() {
    let mut queue = Queue::default();
    queue.push_many(100, of(0));
    assert_eq!(queue.classes(50), [0; 50]);
    queue.push_many(50, of(1));
    let next = queue.classes(20);
    assert_eq!(next.iter().filter(|class| **class == 1).count(), 10, "{next:?}");
}

#[test]
fn who_was_alone_is_not_punished() {
    let mut queue = Queue::default();
    for _ in 0..50 {
        queue.push(of(0));
        queue.pop();
    }
    queue.push_many(9, of(1));
    queue.push_many(9, of(0));
    let next = queue.classes(10);
    assert_eq!(next.iter().filter(|class| **class == 0).count(), 5, "{next:?}");
}

#[test]
fn free_work_keeps_nobody_waiting() {
    let mut queue = Queue::default();
    queue.push_many(10, of(0).cost(0));
    queue.push(of(1));
    assert!(queue.classes(2).contains(&1));
}

#[test]
fn extremes_overflow_nothing() {
    let mut queue = Queue::new(&[(1, u32::MAX), (2, u32::MAX)]);
    for class in [0, 1, 2, 0, 1, 2] {
        queue.push(of(class).cost(u32::MAX));
    }
    queue.order.now = u128::MAX - 1;
    queue.push(of(3).cost(u32::MAX));
    queue.push(of(3).cost(u32::MAX));
    assert_eq!(queue.classes(9), [1, 2, 1, 2, 0, 0, 3, 3]);
    let mut heavy = Queue::new(&[(1, u32::MAX), (2, u32::MAX - 1)]);
    for number in 0..2_000 {
        heavy.push(of(1 + number % 2));
    }
    let next = heavy.classes(1_000);
    assert_eq!(next.iter().filter(|class| **class == 1).count(), 500, "nearly the same weight");
}

#[test]
fn the_latest_that_leaves_is_not_charged() {
    let mut queue = Queue::default();
    queue.push(of(1));
    let mut others: Vec<_> = (0..30).map(|_| queue.push(of(0))).collect();
    while let Some(key) = others.pop() {
        queue.remove(&key);
    }
    let key = queue.push(of(0));
    assert_eq!((key.start, key.finish), (0, UNIT));
    // One from the middle has been paid for by those behind it.
    let keys: Vec<_> = (0..3).map(|_| queue.push(of(5))).collect();
    queue.remove(&keys[1]);
    assert_eq!(queue.push(of(5)).start, 3 * UNIT);
}

/// Else a class could leave, come back, and be ahead of its own earlier work, or before the present.
#[test]
fn leaving_late_takes_nobody_back() {
    let mut queue = Queue::default();
    let early = queue.push(of(0).cost(3));
    queue.push_many(9, of(1));
    assert_eq!(queue.classes(2), [1, 1]);
    queue.remove(&early);
    assert_eq!(queue.push(of(0)).start, 2 * UNIT);
    queue.order.left(&early);
    queue.order.started(&early);
    assert_eq!(queue.order.now, 3 * UNIT);
    queue.order.left(&FairKey { class: Some(Class::from_u64(77)), ..early });
}

#[test]
fn raising_changes_nothing() {
    let mut queue = Queue::default();
    let key = queue.push(of(0));
    let before = queue.order.tags.clone();
    assert_eq!(queue.order.raised(&key, Time::MAX, 9, &of(0).priority(9)).seq, key.seq);
    assert_eq!(queue.order.tags, before, "nor is it charged twice");
}

#[test]
fn classes_that_come_once_are_forgotten() {
    let mut queue = Queue::default();
    let mut most = 0;
    for class in 0..100_000 {
        queue.push(of(class));
        if class >= 20 {
            queue.pop();
        }
        most = most.max(queue.order.tags.len());
    }
    assert!(most <= 2 * 21 + 17, "{most} classes remembered with 21 waiting");
}

/// Starts as they happened: who, for how much, and which classes had work waiting just before.
type Starts = Vec<(u64, u64, BTreeSet<u64>)>;

/// O9: over every stretch of starts in which two classes have work waiting, by brute force over all of them.
fn shares_are_fair(starts: &Starts, weights: &[(u64, u32)], cost_max: u64) {
    for (one, weight_one) in weights {
        for (other, weight_other) in weights.iter().filter(|(other, _)| other > one) {
            let (weight_one, weight_other) = (u64::from(*weight_one), u64::from(*weight_other));
            for first in 0..starts.len() {
                let (mut cost_one, mut cost_other) = (0, 0);
                for (class, cost, waiting) in &starts[first..] {
                    if !waiting.contains(one) || !waiting.contains(other) {
                        break;
                    }
                    cost_one += if class == one { *cost } else { 0 };
                    cost_other += if class == other { *cost } else { 0 };
                    let apart = (cost_one * weight_other).abs_diff(cost_other * weight_one);
                    let item_each = cost_max * (weight_one + weight_other);
                    assert!(
                        apart <= item_each,
                        "{one} had {cost_one}, {other} had {cost_other}, from {first}"
                    );
                }
            }
        }
    }
}

#[test]
fn oracle_shares_stay_within_one_item_over_any_backlogged_stretch() {
    laws::oracle("weighted fair", |random| {
        let weights: Vec<_> = (0..random.u64(2..5)).map(|class| (class, random.u32(1..8))).collect();
        let cost_max = [1, 4][random.usize(..2)];
        let mut queue = Queue::new(&weights);
        let mut starts = Starts::new();
        for _ in 0..250 {
            let class = random.usize(..weights.len()) as u64;
            match random.u8(..8) {
                // Bursts of one class, so that classes come and go.
                0..2 => (0..random.u8(1..8)).for_each(|_| {
                    queue.push(of(class).cost(random.u32(1..=cost_max)));
                }),
                2 => queue.push_many(1, of(class).cost(random.u32(1..=cost_max))),
                _ => {
                    let waiting = queue.waiting.values().filter_map(|(class, _)| *class).collect();
                    if let Some((Some(class), cost)) = queue.pop() {
                        starts.push((class, u64::from(cost), waiting));
                    }
                }
            }
            assert!(queue.order.tags.len() <= weights.len());
        }
        assert!(starts.len() > 50);
        shares_are_fair(&starts, &weights, u64::from(cost_max));
    });
}

/// Within one class the order is that of coming, also when work leaves; and all that stays is started once.
#[test]
fn oracle_each_class_keeps_its_own_order() {
    laws::oracle("weighted fair order", |random| {
        let mut queue = Queue::new(&[(0, 3), (1, 1)]);
        let mut expected: BTreeMap<Option<u64>, Vec<u64>> = BTreeMap::new();
        for _ in 0..300 {
            match random.u8(..6) {
                0..3 => {
                    let key = queue.push(laws::request(random));
                    expected.entry(key.class.map(Class::as_u64)).or_default().push(key.seq);
                }
                3 if !queue.waiting.is_empty() => {
                    let key = *queue.waiting.keys().nth(random.usize(..queue.waiting.len())).unwrap();
                    queue.remove(&key);
                    expected.get_mut(&key.class.map(Class::as_u64)).unwrap().retain(|seq| *seq != key.seq);
                }
                _ => {
                    let first = queue.waiting.keys().next().copied();
                    if let (Some(key), Some((class, _))) = (first, queue.pop()) {
                        assert_eq!(expected.get_mut(&class).unwrap().remove(0), key.seq);
                    }
                }
            }
        }
        assert_eq!(queue.waiting.len(), expected.values().map(Vec::len).sum::<usize>());
    });
}

#[test]
fn a_key_is_as_small_as_promised() {
    assert_eq!(size_of::<FairKey>(), 64);
}
