//! A random run: tasks, limit, times, stop rule, cancels, and who does what to it from where.

mod body;
mod draw;
mod plan;

pub(super) use body::{BodyStep, body};
pub(super) use draw::Draw;
pub(super) use plan::{Act, Attempt, End, Made, Plan, Step};

use regatta_tests::Rng;
use std::time::Duration;

/// A microsecond.
pub(super) type Tick = u64;

pub(super) const MILLI: Tick = 1000;

pub(super) const fn time(ticks: Tick) -> Duration {
    Duration::from_micros(ticks)
}

/// What is run, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// In place, without a handle. Many things happen at the same moment: what the rules say about that is tried here.
    Ties,
    /// In place, changed on the way. In this and all other kinds no two causes meet in one moment.
    InPlace,
    Local,
    /// Tasks on the executor.
    Spawned,
    /// And the driver too.
    Started,
    Scope,
    ScopeLocal,
}

impl Kind {
    pub(super) fn is_spawned(self) -> bool {
        matches!(self, Self::Spawned | Self::Started)
    }

    /// Tasks that end at one moment do so in any order.
    pub(super) fn has_no_order(self) -> bool {
        self == Self::Ties || self.is_spawned()
    }

    pub(super) fn is_scope(self) -> bool {
        matches!(self, Self::Scope | Self::ScopeLocal)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) kind: Kind,
    pub(super) plans: Vec<Plan>,
    /// So many are added before the run; the others come on the way, if at all.
    pub(super) first: usize,
    /// `None`: no limit.
    pub(super) limit: Option<usize>,
    pub(super) timeout: Option<Tick>,
    pub(super) deadline: Option<Tick>,
    pub(super) task_timeout: Option<Tick>,
    pub(super) attempt_timeout: Option<Tick>,
    pub(super) stop: Stop,
    /// When the run's token is cancelled; at 0 before the run.
    pub(super) cancel: Option<Tick>,
    pub(super) grace: Tick,
    /// What somebody outside does with a handle, and when.
    pub(super) outside: Vec<(Tick, Act)>,
    /// What the body of a scope does.
    pub(super) body: Vec<BodyStep>,
    /// How long the executor takes to come to a task that was woken.
    pub(super) lag: Tick,
    /// Whether somebody listens to the run's events.
    pub(super) observed: bool,
    /// The executor refuses every so-manieth task.
    pub(super) refused: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    Never,
    FirstError,
    Failures(usize),
    FirstOk,
}

impl Program {
    pub(super) fn random(random: &mut Rng, kind: Kind) -> Self {
        let mut draw = Draw::new(random, kind);
        let count = if kind == Kind::Ties { draw.below(12) } else { 1 + draw.below(9) };
        let grace = if draw.sometimes(5) { 0 } else { draw.pause(10) };
        let stop = match draw.below(10) {
            0 => Stop::FirstError,
            1 | 2 => Stop::Failures(1 + draw.below(4)),
            3 => Stop::FirstOk,
            _ => Stop::Never,
        };
        let lag = if kind.is_spawned() && draw.sometimes(5) { draw.pause(2) } else { 0 };
        draw.instants = !kind.is_spawned() || matches!(stop, Stop::Never);
        draw.late = lag > 0;
        // On an executor, first polls come when they come.
        draw.early = kind != Kind::Ties && !kind.is_spawned() && draw.sometimes(5);
        let plans: Vec<_> = (0..count).map(|key| Plan::random(&mut draw, key, count)).collect();
        let first = if kind == Kind::Ties { count } else { draw.below(count + 1) };
        let limit_tenths = if kind.is_scope() { 10 } else { 7 };
        let mut program = Self {
            kind,
            plans,
            first,
            limit: draw.sometimes(limit_tenths).then(|| 1 + draw.below(4)),
            timeout: draw.sometimes(3).then(|| draw.pause(30)),
            deadline: draw.sometimes(2).then(|| draw.pause(30)),
            task_timeout: draw.sometimes(3).then(|| draw.patience(15)),
            attempt_timeout: (!kind.is_scope() && draw.sometimes(3)).then(|| draw.patience(10)),
            stop,
            cancel: draw.sometimes(2).then(|| draw.apart(20)),
            grace,
            outside: draw.outside(count),
            body: Vec::new(),
            lag,
            observed: draw.sometimes(6),
            refused: (kind.is_spawned() && draw.instants && draw.sometimes(2)).then(|| 1 + draw.below(5)),
        };
        if kind.is_scope() {
            program.first = 0;
            program.body = body(&mut draw, count);
        }
        if !matches!(stop, Stop::Never) || draw.early {
            // Whether a task whose time is up at once goes before the rule that is met at once, or before one that has
            // just been added, is left open.
            program.task_timeout = program.task_timeout.map(|timeout| timeout.max(MILLI));
            program.attempt_timeout = program.attempt_timeout.map(|timeout| timeout.max(MILLI));
        }
        // In a scope, two tasks may spawn each other for ever.
        let is_endless = program.may_hang() || kind.is_scope();
        if is_endless && program.timeout.is_none() {
            program.timeout = Some(draw.pause(60));
        }
        program
    }

    /// The same, as far as a face over an iterator can do it.
    pub(super) fn plain(mut self) -> Self {
        self.attempt_timeout = None;
        for plan in &mut self.plans {
            plan.made = Made::Future;
        }
        if self.may_hang() && self.timeout.is_none() {
            self.timeout = Some(20 * MILLI);
        }
        self
    }

    fn may_hang(&self) -> bool {
        let patient = self.task_timeout.is_none() && self.attempt_timeout.is_none();
        patient && self.deadline.is_none() && self.plans.iter().any(Plan::may_hang)
    }
}
