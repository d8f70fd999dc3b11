//! `Program`: a queue, what is pushed to it and what else is done to it, drawn at random.

use regatta::queue::{OnDuplicate, Results};
use regatta_tests::Rng;

/// Milliseconds of virtual time.
pub(super) type Tick = u64;

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) place: Place,
    pub(super) workers: usize,
    pub(super) capacity: usize,
    pub(super) growth: Option<usize>,
    pub(super) results: Results,
    pub(super) order: Order,
    pub(super) class_limit: Option<usize>,
    pub(super) retries: u32,
    /// Before each retry.
    pub(super) pause: Tick,
    pub(super) attempt_timeout: Option<Tick>,
    pub(super) task_timeout: Option<Tick>,
    pub(super) idle_timeout: Option<Tick>,
    pub(super) max_failures: Option<usize>,
    pub(super) grace: Tick,
    pub(super) rule: Rule,
    pub(super) is_observed: bool,
    pub(super) plans: Vec<Plan>,
    pub(super) producers: Vec<Vec<Step>>,
    pub(super) reader: Reading,
    pub(super) acts: Vec<(Tick, Act)>,
    /// When the gate is opened for good, the pause is over, and the queue is closed.
    pub(super) horizon: Tick,
}

/// Who drives the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Alone,
    /// In place, with the producers as its body.
    WithBody,
    Spawned,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Fifo,
    Priority,
    Lifo,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    None,
    Concurrency(usize),
    /// So many in so much time.
    Rate(u32, Tick),
    /// The same for each class.
    Keyed(u32, Tick),
    Gate,
}

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) script: Script,
    /// How long each attempt takes.
    pub(super) time: Tick,
    pub(super) class: Option<u64>,
    pub(super) priority: i32,
    pub(super) key: Option<(u64, OnDuplicate)>,
    pub(super) delay: Tick,
    /// Only a handler pushes it.
    pub(super) is_child: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Script {
    Ok,
    /// So many attempts fail first.
    Fails(u32),
    FailsAlways,
    Panics,
    /// Before there is a future.
    PanicsEarly,
    Hangs,
    /// Hangs until it is asked to stop, and then fails.
    Listens,
    /// Its first attempt pushes these.
    Pushes(Vec<usize>),
}

/// What becomes of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ticketing {
    Awaited,
    Dropped,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Sleep(Tick),
    TryPush(usize),
    /// Gives up after so long.
    Push(usize, Option<Tick>),
    Submit(usize, Option<Tick>, Ticketing),
    SubmitOrJoin(usize, Option<Tick>, Ticketing),
    /// Holds the place for so long, and gives it back if there is no job for it.
    Reserve(Option<usize>, Option<Tick>, Tick),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    All,
    /// Takes so long over each.
    Slow(Tick),
    /// Only from the horizon on.
    Late,
    /// Is dropped then.
    Drops(Tick),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    Pause,
    Resume,
    Workers(usize),
    Capacity(usize),
    Cancel(usize),
    Raise(usize, i32),
    ShutGate,
    OpenGate,
    Stop,
    Close,
}

impl Program {
    pub(super) fn random(random: &mut Rng) -> Self {
        let horizon = 400;
        let classes = random.bool();
        let keys = random.u8(..3) == 0;
        let priorities = random.bool();
        let delays = random.u8(..3) == 0;
        let rough = random.u8(..3) == 0;
        let (mut plans, mut children) = (Vec::new(), Vec::new());
        for _ in 0..random.usize(1..16) {
            let script = script(random, rough, plans.len(), &mut children);
            let plan = Plan {
                script,
                time: random.u64(..20) * 3 * random.u64(..2),
                class: (classes && random.bool()).then(|| random.u64(..3)),
                priority: if priorities { random.i32(-2..3) } else { 0 },
                key: (keys && random.bool()).then(|| (random.u64(..3), policy(random))),
                delay: if delays && random.bool() { random.u64(1..80) } else { 0 },
                is_child: false,
            };
            plans.push(plan);
        }
        for (parent, count) in children {
            let first = plans.len();
            for _ in 0..count {
                let mut child = plans[random.usize(..first)].clone();
                (child.script, child.is_child) = (Script::Fails(random.u32(..3)), true);
                plans.push(child);
            }
            plans[parent].script = Script::Pushes((first..plans.len()).collect());
        }
        let mut producers = vec![Vec::new(); random.usize(1..4)];
        for plan in (0..plans.len()).filter(|plan| !plans[*plan].is_child) {
            let producer = random.usize(..producers.len());
            let steps = &mut producers[producer];
            if random.u8(..4) == 0 {
                steps.push(Step::Sleep(random.u64(1..60)));
            }
            steps.push(step(random, plan));
        }
        let retries = if random.bool() { random.u32(1..4) } else { 0 };
        let timed = random.u8(..3) == 0;
        let hangs = plans.iter().any(|plan| matches!(plan.script, Script::Hangs | Script::Listens));
        let acts = random.usize(..6) * random.usize(..2);
        let mut acts: Vec<_> =
            (0..acts).map(|_| (random.u64(..horizon / 2), act(random, plans.len()))).collect();
        acts.sort_by_key(|(at, _)| *at);
        Self {
            place: *random.choice(&[Place::Alone, Place::WithBody, Place::Spawned]).expect("three"),
            workers: random.usize(1..7),
            capacity: random.usize(1..9),
            growth: (random.u8(..3) == 0).then(|| random.usize(..3)),
            results: match random.u8(..5) {
                0 | 1 => Results::Collect,
                2 | 3 => Results::Bounded(random.usize(1..4)),
                _ => Results::Discard,
            },
            order: *random.choice(&[Order::Fifo, Order::Fifo, Order::Priority, Order::Lifo]).expect("four"),
            class_limit: (classes && random.bool()).then(|| random.usize(1..3)),
            retries,
            pause: random.u64(..30),
            attempt_timeout: (timed && random.bool()).then(|| random.u64(1..60)),
            task_timeout: (timed && random.bool() || hangs && random.bool()).then(|| random.u64(1..120)),
            idle_timeout: (random.u8(..8) == 0).then(|| random.u64(1..120)),
            max_failures: (random.u8(..6) == 0).then(|| random.usize(1..4)),
            grace: random.u64(..30) * random.u64(..2),
            rule: match random.u8(..8) {
                0..3 => Rule::None,
                3 => Rule::Concurrency(random.usize(1..4)),
                4 => Rule::Rate(random.u32(1..4), random.u64(1..50)),
                5 | 6 => Rule::Keyed(random.u32(1..3), random.u64(1..50)),
                _ => Rule::Gate,
            },
            is_observed: random.bool(),
            plans,
            producers,
            reader: match random.u8(..6) {
                0..3 => Reading::All,
                3 => Reading::Slow(random.u64(1..30)),
                4 => Reading::Late,
                _ => Reading::Drops(random.u64(..100)),
            },
            acts,
            horizon,
        }
    }

    /// Whether its run may end before everything that was admitted was tried to the end.
    pub(super) fn may_stop(&self) -> bool {
        let stops = self.acts.iter().any(|(_, act)| *act == Act::Stop);
        stops || self.max_failures.is_some() || self.idle_timeout.is_some() || self.hangs()
    }

    /// Whether somebody has to stop the run in the end.
    pub(super) fn hangs(&self) -> bool {
        let hangs = |plan: &Plan| matches!(plan.script, Script::Hangs | Script::Listens);
        self.plans.iter().any(hangs) && self.attempt_timeout.is_none() && self.task_timeout.is_none()
    }

    pub(super) fn cancels(&self, plan: usize) -> bool {
        self.acts.iter().any(|(_, act)| *act == Act::Cancel(plan))
    }

    pub(super) fn is_timed(&self) -> bool {
        self.attempt_timeout.is_some() || self.task_timeout.is_some()
    }
}

fn script(random: &mut Rng, rough: bool, index: usize, children: &mut Vec<(usize, usize)>) -> Script {
    match random.u8(..12) {
        0..4 => Script::Ok,
        4..7 => Script::Fails(random.u32(1..4)),
        7 => Script::FailsAlways,
        8 if rough => Script::Panics,
        9 if rough => Script::PanicsEarly,
        10 if rough => Script::Hangs,
        11 if rough => Script::Listens,
        8 | 9 => {
            children.push((index, random.usize(1..4)));
            Script::Ok
        }
        _ => Script::Ok,
    }
}

fn policy(random: &mut Rng) -> OnDuplicate {
    *random.choice(&[OnDuplicate::Reject, OnDuplicate::Join, OnDuplicate::Replace]).expect("three")
}

fn step(random: &mut Rng, plan: usize) -> Step {
    let patience = (random.u8(..4) == 0).then(|| random.u64(..40));
    let ticket = if random.u8(..4) == 0 { Ticketing::Dropped } else { Ticketing::Awaited };
    match random.u8(..10) {
        0..4 => Step::Push(plan, patience),
        4 => Step::TryPush(plan),
        5 | 6 => Step::Submit(plan, patience, ticket),
        7 => Step::SubmitOrJoin(plan, patience, ticket),
        _ => {
            let hold = random.u64(..20) * random.u64(..2);
            Step::Reserve((random.u8(..5) > 0).then_some(plan), patience, hold)
        }
    }
}

fn act(random: &mut Rng, plans: usize) -> Act {
    match random.u8(..20) {
        0..3 => Act::Pause,
        3..6 => Act::Resume,
        6..8 => Act::Workers(random.usize(1..7)),
        8 => Act::Capacity(random.usize(1..9)),
        9..13 => Act::Cancel(random.usize(..plans)),
        13..16 => Act::Raise(random.usize(..plans), random.i32(-2..5)),
        16 => Act::ShutGate,
        17 => Act::OpenGate,
        18 => Act::Stop,
        _ => Act::Close,
    }
}
