//! The oracle: a plain vector that is polled round-robin must see the same ends as the set.

use super::*;
use regatta_sim::Rng;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How a task ended, for comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ended {
    Output(u32),
    Panicked,
    TimedOut,
    Removed,
}

/// What a task does when it is polled; the script changes it from outside. Both sides' futures read the same plan.
#[derive(Clone, Copy)]
struct Plan {
    /// Ends at the next poll.
    ready: bool,
    /// Panics at the next poll.
    panics: bool,
    /// Panics when it is dropped.
    panics_in_drop: bool,
    /// Wakes itself in each poll.
    restless: bool,
}

/// One side's future of a task.
struct Toy {
    id: u32,
    plan: Rc<Cell<Plan>>,
    log: Rc<Log>,
}

/// What one side's futures have gone through.
#[derive(Default)]
struct Log {
    polls: Cell<usize>,
    wakes: Cell<usize>,
    drops: RefCell<BTreeMap<u32, usize>>,
    /// All wakers that a task was ever polled with, for late wakes too.
    wakers: RefCell<BTreeMap<u32, Waker>>,
}

impl Log {
    fn wake(&self, id: u32) {
        // Taken out first: a waker may run anything.
        let waker = self.wakers.borrow().get(&id).cloned();
        if let Some(waker) = waker {
            self.wakes.set(self.wakes.get() + 1);
            waker.wake();
        }
    }
}

impl Future for Toy {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        self.log.polls.set(self.log.polls.get() + 1);
        self.log.wakers.borrow_mut().insert(self.id, cx.waker().clone());
        let plan = self.plan.get();
        if plan.restless {
            self.log.wake(self.id);
        }
        assert!(!plan.panics, "as planned");
        if plan.ready { Poll::Ready(self.id * 10) } else { Poll::Pending }
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        *self.log.drops.borrow_mut().entry(self.id).or_default() += 1;
        assert!(!self.plan.get().panics_in_drop, "as planned");
    }
}

/// The plain vector.
#[derive(Default)]
struct Reference {
    tasks: Vec<(u32, Pin<Box<Toy>>, Time)>,
    log: Rc<Log>,
}

impl Reference {
    fn poll(&mut self, index: usize) -> Option<(u32, Ended)> {
        let (id, task, _) = &mut self.tasks[index];
        let mut cx = Context::from_waker(Waker::noop());
        let ended = match contain(|| task.as_mut().poll(&mut cx)) {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(output)) => Ended::Output(output),
            Err(_) => Ended::Panicked,
        };
        let id = *id;
        self.drop_at(index);
        Some((id, ended))
    }

    fn drop_at(&mut self, index: usize) {
        let task = self.tasks.remove(index);
        contain_drop(|| drop(task));
    }

    /// Polls all of them, one after the other.
    fn round(&mut self) -> BTreeSet<(u32, Ended)> {
        let mut ends = BTreeSet::new();
        let mut index = 0;
        while index < self.tasks.len() {
            match self.poll(index) {
                Some(end) => assert!(ends.insert(end)),
                None => index += 1,
            }
        }
        ends
    }
}

/// Both sides, and what the script knows of the tasks.
struct Script {
    random: Rng,
    now: Time,
    set: TaskSet<Toy, u32>,
    log: Rc<Log>,
    driver: Arc<Driver>,
    ids: BTreeMap<u32, SlotId>,
    reference: Reference,
    plans: Vec<Rc<Cell<Plan>>>,
    /// Those woken since the last pass, still alive: the driver must know.
    owed: BTreeSet<u32>,
    ends: BTreeMap<u32, Ended>,
}

impl Script {
    fn new(seed: u64) -> Self {
        let set = TaskSet::new();
        let driver = Driver::registered_with(&set);
        Self {
            random: Rng::with_seed(seed),
            now: nanos(0),
            set,
            log: Rc::default(),
            driver,
            ids: BTreeMap::new(),
            reference: Reference::default(),
            plans: Vec::new(),
            owed: BTreeSet::new(),
            ends: BTreeMap::new(),
        }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.random.u32(0..one_in) == 0
    }

    fn any_alive(&mut self) -> Option<u32> {
        let alive: Vec<_> = self.ids.keys().copied().collect();
        (!alive.is_empty()).then(|| alive[self.random.usize(..alive.len())])
    }

    fn step(&mut self) {
        match self.random.u32(0..12) {
            0..=2 => self.insert(),
            3 | 4 => self.change_and_wake(|plan| plan.ready = true),
            5 => self.change_and_wake(|plan| plan.panics = true),
            6 => self.change_and_wake(|plan| plan.restless = !plan.restless),
            7 => self.late_wake(),
            8 => self.remove(),
            9 => self.let_time_pass(),
            _ => self.pass(),
        }
        assert_eq!(self.set.len(), self.reference.tasks.len());
        assert_eq!(
            self.set.tenants().map(|(_, id)| *id).collect::<BTreeSet<_>>(),
            self.ids.keys().copied().collect()
        );
        if !self.owed.is_empty() {
            assert!(self.driver.wakes() > 0, "tasks {:?} were woken and the driver wasn't", self.owed);
        }
        let inserts = self.plans.len();
        let (polls, wakes) = (self.log.polls.get(), self.log.wakes.get());
        assert!(polls <= wakes + inserts + 1, "{polls} polls for {wakes} wakes and {inserts} inserts");
    }

    fn end(&mut self, id: u32, ended: Ended) {
        self.ids.remove(&id);
        self.owed.remove(&id);
        assert_eq!(self.ends.insert(id, ended), None, "task {id} has ended twice");
    }

    fn insert(&mut self) {
        let id = u32::try_from(self.plans.len()).expect("a short script");
        let plan = Rc::new(Cell::new(Plan {
            ready: self.chance(4),
            panics: self.chance(10),
            panics_in_drop: self.chance(6),
            restless: self.chance(6),
        }));
        let deadline = if self.chance(2) { self.now + self.some_time() } else { Time::MAX };
        let toy = |log: &Rc<Log>| Toy { id, plan: plan.clone(), log: log.clone() };
        let slot = self.set.insert(toy(&self.log), id, deadline);
        self.ids.insert(id, slot);
        self.reference.tasks.push((id, Box::pin(toy(&self.reference.log)), deadline));
        self.plans.push(plan.clone());
        let ended = self.poll_set(slot);
        assert_eq!(ended, self.reference.poll(self.reference.tasks.len() - 1));
        if let Some((id, ended)) = ended {
            self.end(id, ended);
        } else if plan.get().restless {
            self.owed.insert(id);
        }
    }

    fn poll_set(&mut self, slot: SlotId) -> Option<(u32, Ended)> {
        match self.set.poll(slot)? {
            (id, End::Output(output)) => Some((id, Ended::Output(output))),
            (id, End::Panicked(_)) => Some((id, Ended::Panicked)),
            (id, end) => panic!("a poll can't end task {id} as {end:?}"),
        }
    }

    /// Changes come with a wake, as with every honest future.
    fn change_and_wake(&mut self, change: impl FnOnce(&mut Plan)) {
        let Some(id) = self.any_alive() else { return };
        let cell = &self.plans[id as usize];
        let mut plan = cell.get();
        change(&mut plan);
        cell.set(plan);
        self.log.wake(id);
        self.owed.insert(id);
    }

    /// Wakes anybody, ended or not, changing nothing.
    fn late_wake(&mut self) {
        if self.plans.is_empty() {
            return;
        }
        let id = self.random.u32(0..u32::try_from(self.plans.len()).expect("a short script"));
        self.log.wake(id);
        if self.ids.contains_key(&id) {
            self.owed.insert(id);
        }
    }

    fn remove(&mut self) {
        let Some(id) = self.any_alive() else { return };
        assert_eq!(self.set.remove(self.ids[&id]), Some(id));
        self.drop_from_reference(id);
        self.end(id, Ended::Removed);
    }

    fn drop_from_reference(&mut self, id: u32) {
        let index = self.reference.tasks.iter().position(|task| task.0 == id).expect("both have it");
        self.reference.drop_at(index);
    }

    fn some_time(&mut self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.random.u64(0..20))
    }

    /// Fires what is due, and no more. A task that is woken but unpolled gets its poll first.
    fn let_time_pass(&mut self) {
        self.now = self.now + self.some_time();
        let earliest = self.reference.tasks.iter().map(|task| task.2).min().filter(|at| *at < Time::MAX);
        assert_eq!(self.set.next_deadline(), earliest);
        let mut last = Time::ZERO;
        while let Some(slot) = self.set.next_due(self.now) {
            let id = *self.set.tenant_mut(slot).expect("only live tasks are due");
            let index = self.reference.tasks.iter().position(|task| task.0 == id).expect("both have it");
            let due = self.reference.tasks[index].2;
            assert!(last <= due && due <= self.now, "task {id}, due at {due:?}, fired at {:?}", self.now);
            last = due;
            let was_woken = self.set.take_wake(slot);
            assert!(was_woken || !self.owed.contains(&id), "task {id} was woken and gets no poll");
            if was_woken {
                let ended = self.poll_set(slot);
                assert_eq!(ended, self.reference.poll(index));
                if let Some((id, ended)) = ended {
                    self.end(id, ended);
                    continue;
                }
                if self.plans[id as usize].get().restless {
                    self.owed.insert(id);
                }
            }
            assert_eq!(self.set.remove(slot), Some(id));
            self.drop_from_reference(id);
            self.end(id, Ended::TimedOut);
        }
        assert!(self.reference.tasks.iter().all(|task| task.2 > self.now), "somebody due was forgotten");
    }

    /// One pass of a driver against one round through the vector.
    fn pass(&mut self) {
        self.driver = Driver::registered_with(&self.set);
        self.owed.clear();
        self.set.refill();
        let mut ends = BTreeSet::new();
        let mut polled = HashSet::new();
        while let Some(slot) = self.set.next_woken() {
            assert!(polled.insert(slot), "polled twice in a pass");
            if let Some(end) = self.poll_set(slot) {
                assert!(ends.insert(end));
            } else {
                let id = *self.set.tenant_mut(slot).expect("it goes on");
                if self.plans[id as usize].get().restless {
                    self.owed.insert(id);
                }
            }
        }
        assert_eq!(ends, self.reference.round());
        for (id, ended) in ends {
            self.end(id, ended);
        }
    }

    /// The set goes, with whatever it holds, and the wakers stay.
    fn finish(mut self) {
        self.pass();
        let live = self.ids.len();
        drop(self.set);
        drop(self.reference.tasks.drain(..).map(|task| contain_drop(|| drop(task))).collect::<Vec<_>>());
        for id in 0..u32::try_from(self.plans.len()).expect("a short script") {
            self.log.wake(id);
        }
        assert_eq!(self.ends.len() + live, self.plans.len(), "each has one end, or was there at the end");
        for (side, log) in [("set", &self.log), ("vector", &self.reference.log)] {
            let drops = log.drops.borrow();
            assert_eq!(drops.len(), self.plans.len(), "{side}: a task was not dropped");
            assert!(drops.values().all(|drops| *drops == 1), "{side}: a task was dropped twice");
        }
    }
}

#[test]
fn oracle_the_set_ends_what_a_plain_vector_ends() {
    let seeds = std::env::var("REGATTA_SEEDS").map_or(50, |n| n.parse().expect("REGATTA_SEEDS is a number"));
    // Thousands of planned panics would drown the output.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref() != Some(&"as planned") {
            hook(info);
        }
    }));
    for seed in 0..seeds {
        let run = std::panic::catch_unwind(|| {
            let mut script = Script::new(seed);
            for _ in 0..400 {
                script.step();
            }
            script.finish();
        });
        if let Err(panic) = run {
            eprintln!("seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
    println!("oracle the_set_ends_what_a_plain_vector_ends: {seeds} seeds");
}
