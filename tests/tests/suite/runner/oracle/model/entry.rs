//! `Entry`: a task of the model; `Running`: one attempt of it, step by step.

use crate::runner::oracle::program::{Attempt, Made, Plan, Program, Step, Tick};

pub(super) struct Entry<'a> {
    pub(super) plan: usize,
    pub(super) does: &'a Plan,
    pub(super) made: Made,
    pub(super) state: State,
    /// Somebody has cancelled it by its key.
    pub(super) is_asked: bool,
    /// It was told to stop, alone or with all.
    pub(super) is_told: bool,
    /// When its own grace is over.
    pub(super) stop_by: Option<Tick>,
    pub(super) how: Option<String>,
    pub(super) attempts: u32,
    pub(super) failures: Vec<String>,
    pub(super) queued: Tick,
    pub(super) started: Option<Tick>,
    pub(super) ended: Option<Tick>,
}

pub(super) enum State {
    Waiting,
    Running(Running),
    Pausing,
    Ended,
}

pub(super) struct Running {
    pub(super) began: Tick,
    steps: Vec<Step>,
    at: usize,
    /// When its sleep is over.
    until: Option<Tick>,
    has_yielded: bool,
    /// When it is polled next; it was woken for that before.
    pub(super) poll_at: Option<Tick>,
    /// What it does when it is told to stop, if it listens.
    last_steps: Vec<Step>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(program: &'a Program, plan: usize, now: Tick) -> Self {
        let does = &program.plans[plan];
        Self {
            plan,
            does,
            made: if program.kind.is_scope() { Made::Future } else { does.made },
            state: State::Waiting,
            is_asked: false,
            is_told: false,
            stop_by: None,
            how: None,
            attempts: 0,
            failures: Vec::new(),
            queued: now,
            started: None,
            ended: None,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, State::Ended)
    }

    pub(super) fn attempt(&mut self) -> Option<&mut Running> {
        match &mut self.state {
            State::Running(attempt) => Some(attempt),
            State::Waiting | State::Pausing | State::Ended => None,
        }
    }

    /// The next attempt begins; whether its factory makes it.
    pub(super) fn begin(&mut self, now: Tick) -> bool {
        self.attempts += 1;
        self.started.get_or_insert(now);
        let does = self.does.attempt(self.attempts);
        let listens = !matches!(self.made, Made::Future | Made::Retried { with_ctx: false, .. });
        self.state = State::Running(Running::new(does, listens, now));
        !does.stillborn || matches!(self.made, Made::Future)
    }

    /// The executor has refused the attempt that just began.
    pub(super) fn take_back(&mut self) {
        self.attempts -= 1;
        self.started = self.started.filter(|_| self.attempts > 0);
    }

    /// It is told to stop, and polled `lag` later, if it listens.
    pub(super) fn tell(&mut self, now: Tick, lag: Tick) {
        if !std::mem::replace(&mut self.is_told, true) {
            self.wake(now + lag);
        }
    }

    /// It is polled then to hear that it should stop, or earlier.
    pub(super) fn wake(&mut self, at: Tick) {
        if let Some(attempt) = self.attempt()
            && !attempt.last_steps.is_empty()
        {
            attempt.poll_at = Some(attempt.poll_at.unwrap_or(Tick::MAX).min(at));
        }
    }
}

impl Running {
    fn new(does: &Attempt, listens: bool, now: Tick) -> Self {
        Self {
            began: now,
            steps: does.steps(),
            at: 0,
            until: None,
            has_yielded: false,
            poll_at: None,
            last_steps: if listens { does.last_steps() } else { Vec::new() },
        }
    }

    /// What it does next in this poll; `None` if it has come to a pause.
    pub(super) fn step(&mut self, now: Tick, lag: Tick, told: bool) -> Option<Step> {
        loop {
            let pauses = match self.steps[self.at] {
                Step::Yield if !std::mem::replace(&mut self.has_yielded, true) => {
                    self.poll_at = Some(now + lag);
                    return None;
                }
                Step::Sleep(pause) => *self.until.get_or_insert(now + pause) > now,
                Step::End(crate::runner::oracle::program::End::Hang) => true,
                Step::Yield => false,
                step @ (Step::Do(_) | Step::End(_)) => {
                    self.at += 1;
                    self.poll_at = None;
                    return Some(step);
                }
            };
            if pauses && told && !self.last_steps.is_empty() {
                (self.steps, self.at, self.until) = (std::mem::take(&mut self.last_steps), 0, None);
            } else if pauses {
                self.poll_at = self.until.map(|until| until + lag);
                return None;
            } else {
                (self.at, self.until, self.has_yielded) = (self.at + 1, None, false);
            }
        }
    }
}
