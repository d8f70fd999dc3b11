//! A random run: tasks, limit, times, stop rule, cancel.

use regatta_tests::Rng;
use std::time::Duration;

/// Half a millisecond. All that a program times lies on even ticks, the cancel alone on odd ones, so that no two
/// things happen at once whose order is left open.
pub(super) type Tick = u64;

pub(super) const fn time(ticks: Tick) -> Duration {
    Duration::from_micros(500 * ticks)
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) tasks: Vec<Task>,
    /// `None`: no limit.
    pub(super) limit: Option<usize>,
    pub(super) timeout: Option<Tick>,
    pub(super) deadline: Option<Tick>,
    pub(super) task_timeout: Option<Tick>,
    pub(super) attempt_timeout: Option<Tick>,
    pub(super) stop: Stop,
    /// When, and how long the grace is; at 0 it comes before the run.
    pub(super) cancel: Option<(Tick, Tick)>,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    /// What each attempt does; further attempts do what the last one does.
    pub(super) attempts: Vec<Attempt>,
    /// The pause, and how many retries there are; `None` for a task that can't be made again.
    pub(super) retry: Option<(Tick, u32)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) takes: Tick,
    pub(super) end: End,
    /// How often it lets others go first as it starts, if it takes any time.
    pub(super) yields: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Ok,
    Err,
    Panic,
    Hang,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    Never,
    FirstError,
    Failures(usize),
    FirstOk,
}

impl Program {
    pub(super) fn random(random: &mut Rng) -> Self {
        let tasks: Vec<_> = (0..random.usize(0..12)).map(|_| Task::random(random)).collect();
        let mut program = Self {
            tasks,
            limit: sometimes(random, 6).then(|| random.usize(1..5)),
            timeout: sometimes(random, 3).then(|| even(random, 30)),
            deadline: sometimes(random, 2).then(|| even(random, 30)),
            task_timeout: sometimes(random, 3).then(|| 2 + even(random, 15)),
            attempt_timeout: sometimes(random, 3).then(|| 2 + even(random, 10)),
            stop: match random.u8(0..8) {
                0 => Stop::FirstError,
                1 => Stop::Failures(random.usize(1..5)),
                2 => Stop::FirstOk,
                _ => Stop::Never,
            },
            cancel: sometimes(random, 2).then(|| {
                let at = if sometimes(random, 1) { 0 } else { even(random, 20) + 1 };
                (at, if random.bool() { 0 } else { even(random, 10) })
            }),
        };
        if program.may_hang() && program.timeout.is_none() {
            program.timeout = Some(even(random, 30));
        }
        program
    }

    /// The same, as far as `map` can do it.
    pub(super) fn without_retries(mut self) -> Self {
        self.attempt_timeout = None;
        for task in &mut self.tasks {
            task.retry = None;
        }
        if self.may_hang() && self.timeout.is_none() {
            self.timeout = Some(40);
        }
        self
    }

    fn may_hang(&self) -> bool {
        let patient = self.task_timeout.is_none() && self.attempt_timeout.is_none();
        let hangs = |task: &Task| task.attempts.iter().any(|attempt| attempt.end == End::Hang);
        patient && self.deadline.is_none() && self.tasks.iter().any(hangs)
    }
}

impl Task {
    fn random(random: &mut Rng) -> Self {
        let retry = sometimes(random, 3).then(|| (even(random, 6), random.u32(0..4)));
        let attempts = (0..random.usize(1..4)).map(|_| Attempt::random(random)).collect();
        Self { attempts, retry }
    }

    /// What attempt `number`, counted from 1, does.
    pub(super) fn attempt(&self, number: u32) -> Attempt {
        self.attempts[(number as usize).min(self.attempts.len()) - 1]
    }
}

impl Attempt {
    fn random(random: &mut Rng) -> Self {
        let takes = match random.u8(0..8) {
            0..3 => 0,
            7 => 20 + even(random, 20),
            _ => even(random, 8),
        };
        let end = match random.u8(0..10) {
            0..5 => End::Ok,
            5..8 => End::Err,
            8 => End::Panic,
            _ => End::Hang,
        };
        Self { takes, end, yields: random.u32(0..3) }
    }
}

/// True in so many of ten cases.
fn sometimes(random: &mut Rng, tenths: u8) -> bool {
    random.u8(0..10) < tenths
}

/// An even number of ticks, below twice `bound`.
fn even(random: &mut Rng, bound: u64) -> Tick {
    2 * random.u64(0..bound)
}
