//! What became of a program, as the model says it and as a run tells it.

use super::program::Tick;

/// What became of a program.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    /// In the order of adding; none for a scope.
    pub(super) tasks: Vec<TaskOutcome>,
    pub(super) completion: Completion,
    /// Why the run stopped, in the report's words, or what the body of a scope has returned.
    pub(super) stopped: String,
    pub(super) elapsed: Tick,
    /// What everybody has seen.
    pub(super) notes: Notes,
}

#[derive(PartialEq, Eq, Debug)]
pub(super) struct TaskOutcome {
    pub(super) key: usize,
    pub(super) how: String,
    pub(super) attempts: u32,
    /// How the attempts before the last one ended.
    pub(super) retried: Vec<String>,
    pub(super) queued: Tick,
    pub(super) started: Option<Tick>,
    /// Of those that were started.
    pub(super) ended: Option<Tick>,
}

/// The tasks that were started, in the order in which they ended.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Completion {
    /// Each with its key.
    ends: Vec<(Tick, usize)>,
    /// Moments at which the rules leave open who ended first.
    open: Vec<Tick>,
}

impl Completion {
    pub(super) fn push(&mut self, at: Tick, key: usize, beside: bool) {
        self.ends.push((at, key));
        if beside {
            self.open.push(at);
        }
    }

    /// Leaves open what `expected` leaves open.
    pub(super) fn forget_what_is_open(&mut self, expected: &Self) {
        self.open.clone_from(&expected.open);
        self.sort();
    }

    pub(super) fn sorted(mut self) -> Self {
        self.open.sort();
        self.open.dedup();
        self.sort();
        self
    }

    fn sort(&mut self) {
        for moment in self.ends.chunk_by_mut(|(at, _), (other, _)| at == other) {
            if self.open.contains(&moment[0].0) {
                moment.sort();
            }
        }
    }
}

/// What each actor did and saw, one after the other.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Notes(Vec<(Who, Tick, String)>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Who {
    Outside,
    Body,
    /// The task of this plan.
    Task(usize),
}

/// At the end of a text: the rules leave open what was seen.
pub(super) const ANYTHING: char = '?';

impl Notes {
    pub(super) fn push(&mut self, who: Who, at: Tick, text: String) {
        self.0.push((who, at, text));
    }

    /// Each actor's own in their order. Of those of a task at one moment there may be none: its executor may drop one
    /// attempt as the next one starts.
    pub(super) fn by_actor(mut self) -> Self {
        self.0.sort_by(|(who, at, text), (other, then, more)| {
            let order = who.cmp(other);
            let of_a_task = matches!(who, Who::Task(_));
            if of_a_task { order.then(at.cmp(then)).then(text.cmp(more)) } else { order }
        });
        self
    }

    /// Leaves open what `expected` leaves open.
    pub(super) fn forget_what_is_open(&mut self, expected: &Self) {
        for (mine, open) in self.0.iter_mut().zip(&expected.0) {
            if open.2.ends_with(ANYTHING) {
                mine.2.clone_from(&open.2);
            }
        }
    }
}
