//! `Snapshot`: how far a run has come.

/// How many tasks of a run are where, at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Have not started yet.
    pub waiting: usize,
    /// Run.
    pub running: usize,
    /// Wait for their next attempt.
    pub retrying: usize,
    /// Have ended well.
    pub ok: usize,
    /// Have ended otherwise, or were never started and never will be.
    pub not_ok: usize,
}

impl Snapshot {
    /// All tasks.
    pub fn total(&self) -> usize {
        self.waiting + self.running + self.retrying + self.ended()
    }

    /// Those that have their outcome.
    pub fn ended(&self) -> usize {
        self.ok + self.not_ok
    }

    /// One more task waits.
    pub(crate) fn add(&mut self) {
        self.waiting += 1;
    }

    /// The only way in which the numbers change, so that they always add up.
    pub(crate) fn step(&mut self, from: Phase, to: Phase) {
        *self.of(from) -= 1;
        *self.of(to) += 1;
    }

    /// The run is over: what has no outcome of its own was dropped or never started.
    pub(crate) fn end(&mut self) {
        let Self { ok, not_ok, .. } = *self;
        *self = Self { ok, not_ok: not_ok + self.total() - ok - not_ok, ..Self::default() };
    }

    fn of(&mut self, phase: Phase) -> &mut usize {
        match phase {
            Phase::Waiting => &mut self.waiting,
            Phase::Running => &mut self.running,
            Phase::Retrying => &mut self.retrying,
            Phase::Ok => &mut self.ok,
            Phase::NotOk => &mut self.not_ok,
        }
    }
}

/// Where one task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Waiting,
    Running,
    Retrying,
    Ok,
    NotOk,
}

impl Phase {
    pub(crate) fn is_ended(self) -> bool {
        matches!(self, Self::Ok | Self::NotOk)
    }
}
