//! O11: random programs against a model that knows nothing of wakers, callers that poll, or stacks of halves.

use super::world::*;
use crate::batcher::{Failure, Repeat, WhenIdle};
use crate::laws;
use fastrand::Rng;
use regatta_core::Backoff;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What an item does to its batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Good,
    /// Refused, unambiguously.
    Poison,
    /// Nobody knows what came of it.
    Lost,
    /// The handler panics.
    Bug,
}

fn weight(item: u32) -> u64 {
    u64::from(item % 4)
}

fn kind(item: u32, kinds: [Kind; 4]) -> Kind {
    // Mixes the number, so that neighbours differ.
    kinds[(item.wrapping_mul(0x9E37_79B9) >> 28) as usize % 4]
}

/// The worst of a batch decides.
fn answer(items: &[u32], kinds: [Kind; 4]) -> Answer {
    let any = |wanted| items.iter().any(|item| kind(*item, kinds) == wanted);
    if any(Kind::Bug) {
        Answer::Panic
    } else if any(Kind::Lost) {
        Answer::Fail("lost")
    } else if any(Kind::Poison) {
        Answer::Fail("refused")
    } else {
        Answer::Fine
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Policy {
    All,
    Retry,
    OneByOne,
    Bisect,
}

/// What is left of a batch's calls: which items next, and what becomes of each item. Plain recursion.
fn expect(
    items: &[u32],
    policy: Policy,
    idempotent: bool,
    kinds: [Kind; 4],
    calls: &mut Vec<Vec<u32>>,
    results: &mut BTreeMap<u32, Result<u32, String>>,
) {
    calls.push(items.to_vec());
    let (error, clear) = match answer(items, kinds) {
        Answer::Fine => {
            results.extend(items.iter().map(|item| (*item, Ok(item + 1000))));
            return;
        }
        Answer::Fail(error) => (error.to_owned(), error == "refused"),
        Answer::Panic | Answer::TooMany(_) => ("panicked: a bug in the handler".to_owned(), false),
    };
    if clear || idempotent {
        let parts: Vec<&[u32]> = match policy {
            Policy::OneByOne if items.len() > 1 => items.chunks(1).collect(),
            Policy::Bisect if items.len() > 1 => {
                let (left, right) = items.split_at(items.len() / 2);
                vec![left, right]
            }
            Policy::All | Policy::Retry | Policy::OneByOne | Policy::Bisect => vec![],
        };
        for part in &parts {
            expect(part, policy, idempotent, kinds, calls, results);
        }
        if !parts.is_empty() {
            return;
        }
        // A `Backoff` doesn't retry panics.
        if policy == Policy::Retry && answer(items, kinds) != Answer::Panic {
            calls.extend([items.to_vec(), items.to_vec()]);
        }
    }
    results.extend(items.iter().map(|item| (*item, Err(error.clone()))));
}

/// The naive model of what waits: when it came, and whether it was flushed.
struct Model {
    size: usize,
    max: u64,
    linger: u64,
    in_flight: usize,
    idle: WhenIdle,
    waiting: Vec<(u32, u64, bool)>,
}

impl Model {
    /// What would go now, if there is room.
    fn next(&self, now: u64, running: usize) -> Option<Vec<u32>> {
        let mut batch = Vec::new();
        let mut total = 0;
        let mut full = false;
        for (item, _, _) in &self.waiting {
            if batch.len() == self.size || total + weight(*item) > self.max {
                full = true;
                break;
            }
            total += weight(*item);
            batch.push(*item);
        }
        full |= batch.len() == self.size || total == self.max;
        let (_, since, flushed) = *self.waiting.first()?;
        let idle = self.idle == WhenIdle::Send && running == 0;
        (full || flushed || idle || since + self.linger <= now).then_some(batch)
    }
}

/// A batch, as it is seen from outside.
struct Sent {
    items: Vec<u32>,
    /// The calls that must still come.
    calls: VecDeque<Vec<u32>>,
    /// The latest call, and when it was seen to be over.
    call: usize,
    over: Option<u64>,
}

impl Sent {
    fn is_finished(&self) -> bool {
        self.over.is_some() && self.calls.is_empty()
    }
}

struct World {
    desk: Desk,
    clock: Manual,
    model: Model,
    policy: Policy,
    idempotent: bool,
    kinds: [Kind; 4],
    pause: u64,
    tasks: BTreeMap<u32, Task<Got>>,
    /// Each with what it waits for.
    flushes: Vec<(BTreeSet<u32>, Task<()>)>,
    sent: Vec<Sent>,
    seen: usize,
    expected: BTreeMap<u32, Result<u32, String>>,
    ended: BTreeSet<u32>,
}

impl World {
    /// Looks at what has happened since the last look.
    fn look(&mut self) {
        let (now, desk) = (self.clock.now(), self.desk.clone());
        for sent in self.sent.iter_mut().filter(|sent| sent.over.is_none() && desk.is_over(sent.call)) {
            sent.over = Some(now);
        }
        let calls = desk.calls();
        for (number, call) in calls.iter().enumerate().skip(self.seen) {
            // None of the new ones is over yet.
            let running = desk.in_flight() - (calls.len() - number);
            assert!(running < self.model.in_flight, "too many at once");
            match self.sent.iter_mut().find(|sent| sent.items.contains(&call[0])) {
                Some(sent) => {
                    let over = sent.over.take().expect("one call at a time of each batch");
                    assert_eq!(sent.calls.pop_front().as_ref(), Some(call), "of {:?}", sent.items);
                    assert!(self.policy != Policy::Retry || now >= over + self.pause, "too early");
                    sent.call = number;
                }
                None => {
                    assert_eq!(self.model.next(now, running).as_ref(), Some(call), "at {now}");
                    self.model.waiting.drain(..call.len());
                    let mut calls = Vec::new();
                    let all = &mut self.expected;
                    expect(call, self.policy, self.idempotent, self.kinds, &mut calls, all);
                    let calls = calls.into_iter().skip(1).collect();
                    self.sent.push(Sent { items: call.clone(), calls, call: number, over: None });
                }
            }
        }
        self.seen = calls.len();
        for (item, task) in &mut self.tasks {
            if let Some(result) = task.output() {
                assert_eq!(plain(result), self.expected[item], "for {item}");
                assert!(self.ended.insert(*item), "{item} has two results");
            }
        }
        self.tasks.retain(|_, task| task.is_running());
        let mut flushes = std::mem::take(&mut self.flushes);
        flushes.retain_mut(|(waits, task)| {
            let done = task.output().is_some();
            assert!(!done || !self.waits_for(waits), "a flush was over too early");
            !done
        });
        self.flushes = flushes;
        assert!(self.clock.armed_most() <= 1, "more than one timer");
    }

    fn waits_for(&self, items: &BTreeSet<u32>) -> bool {
        self.model.waiting.iter().any(|(item, ..)| items.contains(item))
            || self
                .sent
                .iter()
                .any(|sent| !sent.is_finished() && sent.items.iter().any(|i| items.contains(i)))
    }

    /// Polls whoever is woken, in any order, until nobody is. Then all must be done that can be done.
    fn settle(&mut self, random: &mut Rng) {
        loop {
            let mut woken: Vec<u32> =
                self.tasks.iter().filter(|(_, task)| task.is_woken()).map(|(item, _)| *item).collect();
            random.shuffle(&mut woken);
            let flush = self.flushes.iter_mut().find(|(_, task)| task.is_woken());
            match (woken.first(), flush) {
                (Some(item), None) => self.tasks.get_mut(item).unwrap().poll(),
                (Some(item), Some(_)) if random.bool() => self.tasks.get_mut(item).unwrap().poll(),
                (_, Some((_, flush))) => flush.poll(),
                (None, None) => break,
            }
            self.look();
        }
        for (waits, _) in &self.flushes {
            assert!(self.waits_for(waits), "a flush waits for nothing");
        }
        if self.tasks.is_empty() && self.flushes.is_empty() {
            return;
        }
        let (now, running) = (self.clock.now(), self.desk.in_flight());
        assert_eq!(self.desk.answered(), 0, "an answer lies there, and somebody waits");
        if running < self.model.in_flight {
            assert_eq!(self.model.next(now, running), None, "could go at {now}");
            let delayed = self.sent.iter().filter(|sent| !sent.is_finished()).filter_map(|sent| sent.over);
            assert!(delayed.clone().all(|over| over + self.pause > now), "could be tried again");
            let wanted = delayed.count() + self.model.waiting.len() > 0;
            assert_eq!(self.clock.armed(), usize::from(wanted), "timers");
        }
    }

    fn answer(&self, call: usize) {
        self.desk.answer(call, answer(&self.desk.calls()[call], self.kinds));
    }
}

#[test]
fn random_programs_keep_sizes_weights_lingers_and_results() {
    laws::oracle("batcher", history);
}

fn history(random: &mut Rng) {
    let policy = [Policy::All, Policy::Retry, Policy::OneByOne, Policy::Bisect][random.usize(..4)];
    let idempotent = random.bool();
    let others = [Kind::Good, Kind::Poison, Kind::Lost, Kind::Bug];
    let kinds = [Kind::Good, Kind::Good, others[random.usize(..4)], others[random.usize(..4)]];
    let model = Model {
        size: random.usize(1..10),
        max: random.u64(3..12),
        linger: random.u64(0..15),
        in_flight: random.usize(1..4),
        idle: if random.bool() { WhenIdle::Send } else { WhenIdle::Linger },
        waiting: Vec::new(),
    };
    let pause = random.u64(0..6);
    let clear = || Repeat::unambiguous(|error: &&str| *error == "refused");
    let repeat = if idempotent { Repeat::Idempotent } else { clear() };
    let failure = match policy {
        Policy::All => Failure::All,
        Policy::Retry => Failure::retry(Backoff::constant(Duration::from_nanos(pause)).times(2), repeat),
        Policy::OneByOne => Failure::OneByOne(repeat),
        Policy::Bisect => Failure::Bisect(repeat),
    };
    let (desk, batcher, clock) = world();
    let batcher = batcher
        .size(model.size)
        .and_then(|batcher| batcher.weight(model.max, |item| weight(*item)))
        .and_then(|batcher| batcher.in_flight(model.in_flight))
        .unwrap()
        .linger(nanos(model.linger))
        .when_idle(model.idle)
        .on_failure(failure);
    let mut world = World {
        desk,
        clock,
        model,
        policy,
        idempotent,
        kinds,
        pause,
        tasks: BTreeMap::new(),
        flushes: Vec::new(),
        sent: Vec::new(),
        seen: 0,
        expected: BTreeMap::new(),
        ended: BTreeSet::new(),
    };
    let first = random.u32(..1000);
    let (mut next, mut cancelled) = (first, 0);
    let pick =
        |random: &mut Rng, items: Vec<u32>| (!items.is_empty()).then(|| items[random.usize(..items.len())]);
    for _ in 0..random.usize(1..150) {
        match random.u8(..20) {
            0..=7 => {
                world.model.waiting.push((next, world.clock.now(), false));
                world.tasks.insert(next, Task::begun(batcher.call(next)));
                next += 1;
            }
            8 => {
                world.model.waiting.iter_mut().for_each(|(_, _, flushed)| *flushed = true);
                let unfinished = world.sent.iter().filter(|sent| !sent.is_finished());
                let waits = unfinished.flat_map(|sent| &sent.items).copied();
                let waits = waits.chain(world.model.waiting.iter().map(|(item, ..)| *item)).collect();
                world.flushes.push((waits, Task::begun(batcher.flush())));
            }
            9 => {
                if random.bool() {
                    world.flushes.pop();
                }
            }
            10 | 11 => {
                if let Some(item) = pick(random, world.tasks.keys().copied().collect()) {
                    world.tasks.remove(&item);
                    world.model.waiting.retain(|(waits, ..)| *waits != item);
                    cancelled += 1;
                }
            }
            12 => {
                if let Some(item) = pick(random, world.tasks.keys().copied().collect()) {
                    world.tasks.get_mut(&item).unwrap().poll();
                }
            }
            13 => world.clock.advance(random.u64(..8)),
            14 | 15 => {
                let open = world.desk.open();
                if !open.is_empty() {
                    world.answer(open[random.usize(..open.len())]);
                }
            }
            16 => world.desk.open().into_iter().for_each(|open| world.desk.disturb(open)),
            _ => world.settle(random),
        }
        world.look();
    }
    // Nothing new comes, and everything goes on. What has lost all of its callers is found by a flush.
    let flush = random.bool().then(|| Task::begun(batcher.flush()));
    if let Some(flush) = flush {
        world.model.waiting.iter_mut().for_each(|(_, _, flushed)| *flushed = true);
        world.flushes.push(((first..next).collect(), flush));
        world.look();
    }
    for _ in 0..10_000 {
        world.settle(random);
        match world.desk.open().first() {
            Some(open) => world.answer(*open),
            None if world.clock.jump() => {}
            None => break,
        }
    }
    world.settle(random);
    assert_eq!((world.tasks.len(), world.flushes.len()), (0, 0), "they wait for ever");
    assert_eq!(world.ended.len() + cancelled, (next - first) as usize, "each has one result");
    assert!(batcher.is_empty());
    drop(batcher);
    assert_eq!((world.desk.in_flight(), world.clock.armed()), (0, 0), "dropped with the last clone");
}
