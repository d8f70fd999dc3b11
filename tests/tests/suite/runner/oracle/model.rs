//! What must happen, one thing after the other; written from the rules that users are told.

mod times;

use super::outcome::{Outcome, TaskOutcome};
use super::program::{Attempt, End, Program, Stop, Tick, time};

pub(super) struct Model<'a> {
    program: &'a Program,
    now: Tick,
    tasks: Vec<Task>,
    /// The first task that has not been started.
    fresh: usize,
    /// Tasks between two attempts, by due time, those of equal time in the order of their failures.
    pauses: Vec<(Tick, usize)>,
    /// Due times of those that failed at this moment without an order among them.
    unordered: Vec<Tick>,
    /// Two of those are due at the same time: which goes first is left open.
    is_open_ended: bool,
    ok: usize,
    failed: usize,
    phase: Phase,
}

#[derive(Default)]
struct Task {
    running: Option<Attempt>,
    /// When the running attempt began.
    attempt_began: Tick,
    how: Option<String>,
    attempts: u32,
    failures: Vec<String>,
    started: Option<Tick>,
    ended: Option<Tick>,
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
        let tasks = program.tasks.iter().map(|_| Task::default()).collect();
        let (pauses, phase) = (Vec::new(), Phase::Open);
        let unordered = Vec::new();
        let is_open_ended = false;
        let mut model = Self {
            program,
            now: 0,
            tasks,
            fresh: 0,
            pauses,
            unordered,
            is_open_ended,
            ok: 0,
            failed: 0,
            phase,
        };
        loop {
            model.complete();
            model.expire();
            model.note_ties();
            model.stop();
            model.start();
            model.unordered.clear();
            model.stop();
            if model.is_over() {
                return (!model.is_open_ended).then(|| model.outcome());
            }
            model.now = model.next_event().expect("something happens, or the run is over");
        }
    }

    /// All that end by themselves at this moment.
    fn complete(&mut self) {
        for index in 0..self.tasks.len() {
            let Some(attempt) = self.tasks[index].running else { continue };
            if attempt.end != End::Hang && self.tasks[index].attempt_began + attempt.takes == self.now {
                self.finish(index, attempt.end);
            }
        }
    }

    /// Then those whose own time is up. Completion came first.
    fn expire(&mut self) {
        for index in 0..self.tasks.len() {
            if self.tasks[index].running.is_none() || self.own_deadline(index) > self.now {
                continue;
            }
            let of_the_task = self.task_deadline(index) <= self.now;
            let after = if of_the_task { self.program.task_timeout } else { self.program.attempt_timeout };
            self.fail(index, timed_out(after.unwrap_or_default()), true);
        }
    }

    /// All that has failed so far at this moment, has failed at once.
    fn note_ties(&mut self) {
        self.unordered.sort();
        self.is_open_ended |= self.unordered.windows(2).any(|dues| dues[0] == dues[1]);
    }

    /// Then the run itself: its stop rule, its time, the cancel, in this order.
    fn stop(&mut self) {
        if self.tasks.iter().all(|task| task.how.is_some()) {
            return;
        }
        if self.is_rule_met() && !matches!(self.phase, Phase::Closed(_)) {
            self.close(Reason::Stopped);
        }
        if self.phase == Phase::Open {
            if self.now >= self.end() {
                self.close(Reason::TimedOut);
            } else if let Some((at, grace)) = self.program.cancel
                && self.now >= at
            {
                self.phase = Phase::Grace(self.end().min(self.now + grace));
            }
        }
        if let Phase::Grace(until) = self.phase
            && self.now >= until
        {
            self.close(Reason::Cancelled);
        }
    }

    fn close(&mut self, reason: Reason) {
        self.phase = Phase::Closed(reason);
        for index in 0..self.tasks.len() {
            if self.tasks[index].running.is_some() {
                let how = match reason {
                    Reason::TimedOut => timed_out(self.end()),
                    Reason::Stopped | Reason::Cancelled => "cancelled".into(),
                };
                self.fail(index, how, false);
            }
        }
    }

    /// Last, what may start now: retries that are due, then tasks in the order of adding. One that is ready at once
    /// ends before the next one starts.
    fn start(&mut self) {
        while self.running() < self.program.limit.unwrap_or(usize::MAX) {
            while self.is_open()
                && let Some((due, index)) = self.pauses.first().copied()
                && due <= self.now
                && self.task_deadline(index) <= self.now
            {
                // It found no slot in time.
                self.pauses.remove(0);
                self.last_failure_stands(index);
            }
            if !self.is_open() {
                return;
            }
            let index = match self.pauses.first().copied() {
                Some((due, index)) if due <= self.now => {
                    self.pauses.remove(0);
                    index
                }
                _ if self.fresh < self.tasks.len() => {
                    self.fresh += 1;
                    self.fresh - 1
                }
                _ => return,
            };
            let task = &mut self.tasks[index];
            task.attempts += 1;
            task.started.get_or_insert(self.now);
            task.attempt_began = self.now;
            let attempt = self.program.tasks[index].attempt(task.attempts);
            task.running = Some(attempt);
            if attempt.takes == 0 && attempt.end != End::Hang {
                self.finish(index, attempt.end);
            }
        }
    }

    fn finish(&mut self, index: usize, end: End) {
        match end {
            End::Ok => {
                self.tasks[index].running = None;
                self.settle(index, "ok ()".into());
            }
            End::Err => self.fail(index, format!("failed: attempt {}", self.tasks[index].attempts), true),
            End::Panic => self.fail(index, "panicked: overboard".into(), false),
            End::Hang => unreachable!("it doesn't end"),
        }
    }

    fn fail(&mut self, index: usize, how: String, may_retry: bool) {
        self.tasks[index].running = None;
        self.tasks[index].failures.push(how);
        let retries_left = |(_, times): &(Tick, u32)| self.tasks[index].attempts <= *times;
        let retry = self.program.tasks[index].retry.filter(retries_left);
        let due = retry.map_or(Tick::MAX, |(pause, _)| self.now + pause);
        let in_time = self.now < self.task_deadline(index) && due < self.task_deadline(index).min(self.end());
        if may_retry && self.is_open() && in_time && due < Tick::MAX {
            let place = self.pauses.partition_point(|(other, _)| *other <= due);
            self.pauses.insert(place, (due, index));
            self.unordered.push(due);
        } else {
            self.last_failure_stands(index);
        }
    }

    fn last_failure_stands(&mut self, index: usize) {
        let how = self.tasks[index].failures.pop().expect("it has failed");
        self.settle(index, how);
    }

    fn settle(&mut self, index: usize, how: String) {
        *if how.starts_with("ok") { &mut self.ok } else { &mut self.failed } += 1;
        self.tasks[index].how = Some(how);
        self.tasks[index].ended = Some(self.now);
    }

    fn is_rule_met(&self) -> bool {
        match self.program.stop {
            Stop::Never => false,
            Stop::FirstError => self.failed >= 1,
            Stop::Failures(count) => self.failed >= count,
            Stop::FirstOk => self.ok >= 1,
        }
    }

    fn is_open(&self) -> bool {
        let cancelled = self.program.cancel.is_some_and(|(at, _)| self.now >= at);
        self.phase == Phase::Open && !cancelled && !self.is_rule_met()
    }

    fn is_over(&self) -> bool {
        let waits = self.fresh < self.tasks.len() || !self.pauses.is_empty();
        self.running() == 0 && !(waits && self.is_open())
    }

    fn running(&self) -> usize {
        self.tasks.iter().filter(|task| task.running.is_some()).count()
    }

    fn outcome(mut self) -> Outcome {
        for (_, index) in std::mem::take(&mut self.pauses) {
            self.last_failure_stands(index);
        }
        let reason = match self.phase {
            Phase::Closed(reason) => Some(reason),
            Phase::Grace(_) => Some(Reason::Cancelled),
            Phase::Open => self.is_rule_met().then_some(Reason::Stopped),
        };
        let (stopped, never) = match reason {
            None => ("completed", "nobody is left"),
            Some(Reason::Stopped) => ("stopped by its stop rule", "the run was stopped by its stop rule"),
            Some(Reason::TimedOut) => ("stopped by its timeout", "the run's time was up"),
            Some(Reason::Cancelled) => ("cancelled", "it was cancelled first"),
        };
        let tasks = self.tasks.into_iter().map(|task| TaskOutcome {
            how: task.how.unwrap_or_else(|| format!("not started: {never}")),
            attempts: task.attempts,
            retried: task.failures,
            started: task.started,
            ended: task.ended,
        });
        Outcome { tasks: tasks.collect(), stopped: stopped.into(), elapsed: self.now }
    }
}

fn timed_out(after: Tick) -> String {
    format!("timed out after {:?}", time(after))
}
