//! What must happen, one thing after the other; written from the rules that users are told.

mod acts;
mod body;
mod ends;
mod entry;
mod ties;
mod times;

use super::outcome::{Completion, Notes, Outcome, TaskOutcome, Who};
use super::program::{Program, Step, Stop, Tick};
use body::Body;
use entry::{Entry, State};

/// What becomes of a task that the executor does not take.
const REFUSED: &str = "not started: the executor could not spawn it";

pub(super) struct Model<'a> {
    program: &'a Program,
    now: Tick,
    /// In the order of adding.
    entries: Vec<Entry<'a>>,
    /// Tasks between two attempts, by due time, those of equal time in the order of their failures.
    pauses: Vec<(Tick, usize)>,
    /// Due times of those that failed at this moment without an order among them.
    unordered: Vec<Tick>,
    /// What an executor has not dropped yet: when it will have, and whose it is.
    stopping: Vec<(Tick, usize)>,
    limit: Option<usize>,
    /// How many acts from outside are done.
    outside: usize,
    body: Option<Body<'a>>,
    ok: usize,
    failed: usize,
    phase: Phase,
    /// When something was last done through a handle.
    acted_at: Option<Tick>,
    /// When the run's token was last cancelled by one of those who act.
    token_at: Option<Tick>,
    /// Somebody has told the run to stop.
    is_stop_asked: bool,
    /// Something was ordered since the last look: it comes before further starts.
    is_ordered: bool,
    /// How often all went on at this moment.
    rounds: u32,
    /// How many tasks the executor was given.
    spawns: usize,
    completion: Completion,
    is_over: bool,
    /// Two things met in one moment, and which of them comes first is left open.
    is_open_ended: bool,
    notes: Notes,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Open,
    /// Cancelled: nothing starts, what runs may go on until then.
    Grace(Tick),
    Closed(Reason),
}

#[derive(Clone, Copy, PartialEq)]
enum Reason {
    Stopped,
    TimedOut,
    Cancelled,
}

impl<'a> Model<'a> {
    /// `None` if the rules leave open what happens.
    pub(super) fn run(program: &'a Program) -> Option<Outcome> {
        let mut model = Self {
            program,
            now: 0,
            entries: Vec::new(),
            pauses: Vec::new(),
            unordered: Vec::new(),
            stopping: Vec::new(),
            limit: program.limit,
            outside: 0,
            body: program.kind.is_scope().then(|| Body::new(&program.body)),
            ok: 0,
            failed: 0,
            phase: Phase::Open,
            acted_at: None,
            is_stop_asked: program.cancel == Some(0),
            token_at: None,
            is_ordered: false,
            rounds: 0,
            spawns: 0,
            completion: Completion::default(),
            is_over: false,
            is_open_ended: false,
            notes: Notes::default(),
        };
        for plan in 0..program.first {
            model.entries.push(Entry::new(program, plan, 0));
        }
        loop {
            model.moment();
            if model.is_over || model.is_open_ended {
                break;
            }
            let next = model.next_event().expect("something happens, or the run is over");
            if next > model.now {
                model.now = next;
                model.rounds = 0;
                model.unordered.clear();
                model.note_ties();
            }
        }
        if model.is_open_ended {
            return None;
        }
        Some(model.outcome())
    }

    /// What happens at this moment, up to where time could pass.
    fn moment(&mut self) {
        self.gone();
        self.act_from_outside();
        self.go_on_with_the_body();
        self.complete();
        self.expire();
        self.note_equal_pauses();
        self.stop();
        self.is_ordered = false;
        self.start();
        if !self.program.kind.is_spawned() {
            self.unordered.clear();
        }
        self.stop();
        if self.go_on_with_the_body() || self.is_ordered {
            self.rounds += 1;
            // Otherwise they start and end each other for ever.
            self.is_open_ended |= self.rounds > 1000;
            if !self.is_open_ended {
                return self.moment();
            }
        }
        self.is_over = self.nothing_is_left();
    }

    /// What goes on by itself at this moment, and ends perhaps.
    fn complete(&mut self) {
        for index in 0..self.entries.len() {
            let polled = self.entries[index].attempt().and_then(|attempt| attempt.poll_at);
            if polled.is_some_and(|at| at <= self.now) {
                self.poll(index);
            }
        }
    }

    /// One poll of a task. If it tells itself to stop, it hears of that in the next one.
    fn poll(&mut self, index: usize) {
        let (now, lag) = (self.now, self.program.lag);
        let told = self.entries[index].is_told;
        loop {
            let Some(attempt) = self.entries[index].attempt() else { return };
            match attempt.step(now, lag, told) {
                None if told == self.entries[index].is_told => return,
                None => {
                    self.entries[index].wake(now + lag);
                    return;
                }
                Some(Step::Do(act)) => {
                    let who = Who::Task(self.entries[index].plan);
                    self.act(who, act);
                }
                Some(Step::End(end)) => {
                    self.note_of(index, "ended");
                    self.finish(index, end);
                    return;
                }
                Some(Step::Yield | Step::Sleep(_)) => unreachable!("these are pauses"),
            }
        }
    }

    /// Then those whose own time is up. Completion came first.
    fn expire(&mut self) {
        for index in 0..self.entries.len() {
            if self.entries[index].attempt().is_none() || self.own_deadline(index) > self.now {
                continue;
            }
            let of_the_task = self.task_deadline(index) <= self.now;
            let after = if of_the_task { self.program.task_timeout } else { self.program.attempt_timeout };
            self.remove(index);
            self.fail(index, ends::timed_out(after.unwrap_or_default()), true, true);
        }
        if self.is_open() {
            // So has a retry that found no slot in time; once the run stops, none is waited for.
            let late = |pause: &(Tick, usize)| self.task_deadline(pause.1) <= self.now;
            let (late, in_time): (Vec<_>, Vec<_>) = self.pauses.iter().copied().partition(late);
            self.pauses = in_time;
            for (_, index) in late {
                self.last_failure_stands(index);
            }
        }
    }

    /// Last, what may start now: retries that are due, then tasks in the order of adding. One that is ready at once
    /// ends before the next one starts, and what it has ordered holds for that one.
    fn start(&mut self) {
        while self.occupied() < self.limit.unwrap_or(usize::MAX) {
            if !self.is_open() || self.is_ordered {
                return;
            }
            let index = match self.pauses.first().copied() {
                Some((due, index)) if due <= self.now => {
                    self.pauses.remove(0);
                    index
                }
                _ => match self.first_waiting() {
                    Some(index) => index,
                    None => return,
                },
            };
            let is_born = self.entries[index].begin(self.now);
            if is_born && !self.spawns_one() {
                self.entries[index].take_back();
                self.fail(index, REFUSED.into(), false, false);
            } else if is_born {
                self.note_of(index, "started");
                self.poll(index);
            } else {
                self.finish(index, super::program::End::Panic);
            }
        }
    }

    /// Whether the executor takes one more task.
    fn spawns_one(&mut self) -> bool {
        self.spawns += 1;
        !self.program.refused.is_some_and(|every| self.spawns.is_multiple_of(every))
    }

    fn first_waiting(&self) -> Option<usize> {
        self.entries.iter().position(|entry| matches!(entry.state, State::Waiting))
    }

    /// Slots that are taken.
    fn occupied(&self) -> usize {
        self.running() + self.stopping.len()
    }

    fn running(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry.state, State::Running(_))).count()
    }

    fn is_rule_met(&self) -> bool {
        match self.program.stop {
            Stop::Never => false,
            Stop::FirstError => self.failed >= 1,
            Stop::Failures(count) => self.failed >= count,
            Stop::FirstOk => self.ok >= 1,
        }
    }

    /// Whether more may start.
    fn is_open(&self) -> bool {
        let cancelled = self.program.cancel.is_some_and(|at| self.now >= at);
        let stops = cancelled || self.is_stop_asked || self.is_rule_met();
        self.phase == Phase::Open && !stops && !self.is_over
    }

    /// Whether anything has no outcome yet.
    fn is_unfinished(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.returned.is_none())
            || self.entries.iter().any(Entry::is_alive)
    }

    fn nothing_is_left(&self) -> bool {
        let waits = self.first_waiting().is_some() || !self.pauses.is_empty();
        let goes_on = self.body.as_ref().is_some_and(|body| body.returned.is_none());
        self.occupied() == 0 && !(waits && self.is_open()) && !goes_on
    }

    fn note_of(&mut self, index: usize, text: &str) {
        let plan = self.entries[index].plan;
        self.notes.push(Who::Task(plan), self.now, text.into());
    }

    fn outcome(mut self) -> Outcome {
        let elapsed = self.now;
        for (_, index) in std::mem::take(&mut self.pauses) {
            self.last_failure_stands(index);
        }
        self.act_after_the_end();
        let (stopped, never) = self.words();
        let stopped = match &self.body {
            Some(body) => format!("{:?}", body.returned),
            None => stopped.into(),
        };
        let entries = if self.body.is_some() { Vec::new() } else { self.entries };
        let completion = if self.body.is_some() { Completion::default() } else { self.completion.sorted() };
        let tasks = entries.into_iter().map(|entry| TaskOutcome {
            key: self.program.plans[entry.plan].key,
            how: entry.how.unwrap_or_else(|| format!("not started: {never}")),
            attempts: entry.attempts,
            retried: entry.failures,
            queued: entry.queued,
            started: entry.started,
            ended: entry.started.and(entry.ended),
        });
        Outcome { tasks: tasks.collect(), completion, stopped, elapsed, notes: self.notes.by_actor() }
    }
}
