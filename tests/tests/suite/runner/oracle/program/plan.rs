//! `Plan`: what one task of a program does.

use super::{Draw, Kind, Tick};

#[derive(Clone, Debug)]
pub(in super::super) struct Plan {
    pub(in super::super) key: usize,
    pub(in super::super) made: Made,
    /// What each attempt does; further attempts do what the last one does.
    attempts: Vec<Attempt>,
}

/// How it is added. In a scope it can only come as a future.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Made {
    Future,
    /// From a factory that is told when to stop.
    Once,
    Retried {
        with_ctx: bool,
        pause: Tick,
        times: u32,
    },
}

#[derive(Clone, Debug)]
pub(in super::super) struct Attempt {
    /// How often it lets others go first as it starts, if it takes any time.
    yields: u32,
    /// What it does to the run, each after a pause.
    acts: Vec<(Tick, Act)>,
    takes: Tick,
    end: End,
    /// What it does when it is told to stop: how long it takes, and how it ends then.
    pub(in super::super) clean_up: Option<(Tick, End)>,
    /// It panics when it is dropped.
    pub(in super::super) panics_in_drop: bool,
    /// Its factory panics.
    pub(in super::super) stillborn: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum End {
    Ok,
    Err,
    Panic,
    Hang,
}

/// What can be done with a handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Act {
    /// Adds the plan with this number.
    Add(usize),
    /// Cancels the task with this key.
    Cancel(usize),
    Limit(Option<usize>),
    Stop,
    /// Cancels the token of the run.
    Token,
    /// Asks how far the run is.
    Look,
}

/// What an attempt does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Step {
    Yield,
    Sleep(Tick),
    Do(Act),
    End(End),
}

impl Plan {
    pub(super) fn random(draw: &mut Draw<'_>, number: usize, count: usize) -> Self {
        let made = match draw.below(10) {
            0..5 => Made::Future,
            5 | 6 if draw.kind != Kind::Ties => Made::Once,
            _ => Made::Retried {
                with_ctx: draw.kind != Kind::Ties && draw.sometimes(5),
                pause: if !draw.kind.is_spawned() && draw.sometimes(1) { 0 } else { draw.pause(6) },
                times: u32::try_from(draw.below(4)).expect("small"),
            },
        };
        // In a scope a key may come again.
        let key = if draw.kind.is_scope() { draw.below(1 + number) } else { number };
        let attempts = (0..1 + draw.below(3)).map(|_| Attempt::random(draw, count)).collect();
        Self { key, made, attempts }
    }

    /// What attempt `number`, counted from 1, does.
    pub(in super::super) fn attempt(&self, number: u32) -> &Attempt {
        &self.attempts[(number as usize).min(self.attempts.len()) - 1]
    }

    /// Its first attempt never fails with an error, and drops well.
    pub(in super::super) fn is_sound(&self) -> bool {
        self.attempts[0].end != End::Err && !self.attempts[0].panics_in_drop
    }

    pub(super) fn may_hang(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.end == End::Hang)
    }
}

impl Attempt {
    fn random(draw: &mut Draw<'_>, count: usize) -> Self {
        let acts = if draw.kind == Kind::Ties || draw.sometimes(5) { 0 } else { draw.below(3) };
        let mut acts: Vec<_> = (0..acts).map(|_| (draw.pause(5), draw.act(count))).collect();
        if let Some((pause, _)) = acts.get_mut(1)
            && draw.sometimes(3)
        {
            *pause = 0;
        }
        let is_hasty = draw.early && !acts.is_empty() && draw.sometimes(5);
        if is_hasty {
            // In its first poll, while others wait to be started.
            acts[0].0 = 0;
        }
        let mut takes = match draw.below(8) {
            0..3 => 0,
            7 => 20_000 + draw.pause(20),
            _ => draw.pause(8),
        };
        // Whether it ends before it is heard of that it cancelled itself is nobody's business.
        let cancels_itself =
            acts.iter().any(|(_, act)| matches!(act, Act::Stop | Act::Token | Act::Cancel(_)));
        // Two that add each other, each gone at once, would do so for ever.
        let adds_at_once = is_hasty && acts.iter().any(|(_, act)| matches!(act, Act::Add(_)));
        if takes == 0 && (cancels_itself || adds_at_once || (acts.is_empty() && !draw.instants)) {
            takes = draw.pause(8);
        }
        let end = match draw.below(20) {
            0..10 => End::Ok,
            10..16 => End::Err,
            16 | 17 => End::Panic,
            _ => End::Hang,
        };
        let clean_up = draw.sometimes(5).then(|| {
            let takes = if draw.instants && draw.sometimes(2) { 0 } else { draw.pause(10) };
            (takes, if draw.sometimes(5) { End::Ok } else { End::Err })
        });
        Self {
            yields: if draw.late || is_hasty { 0 } else { u32::try_from(draw.below(3)).expect("small") },
            acts,
            takes,
            end,
            clean_up,
            panics_in_drop: draw.sometimes(1),
            stillborn: draw.instants && draw.sometimes(1),
        }
    }

    /// What it does, step by step.
    pub(in super::super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.takes > 0 || !self.acts.is_empty() {
            steps.extend((0..self.yields).map(|_| Step::Yield));
        }
        for (pause, act) in &self.acts {
            steps.extend([Step::Sleep(*pause), Step::Do(*act)]);
        }
        if self.takes > 0 {
            steps.push(Step::Sleep(self.takes));
        }
        steps.push(Step::End(self.end));
        steps
    }

    /// What it does once it was told to stop.
    pub(in super::super) fn last_steps(&self) -> Vec<Step> {
        let Some((takes, end)) = self.clean_up else { return Vec::new() };
        let sleep = (takes > 0).then_some(Step::Sleep(takes));
        sleep.into_iter().chain([Step::End(end)]).collect()
    }
}
