//! `Stats`: how many jobs are where.

/// How many jobs are where, and how those that have an end came to it. At every moment
/// `pending + delayed + running + stopping + settled == admitted`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Were taken in.
    pub admitted: usize,
    /// Wait for a worker.
    pub pending: usize,
    /// Wait for a time: for their delay, or for the pause before their next attempt.
    pub delayed: usize,
    /// Run.
    pub running: usize,
    /// Have their outcome, but still run elsewhere.
    pub stopping: usize,
    /// Have their end.
    pub settled: usize,

    /// Of those that have their outcome: succeeded.
    pub ok: usize,
    /// Returned an error, and were not to be retried.
    pub failed: usize,
    /// Panicked.
    pub panicked: usize,
    /// Were stopped because their time, or the run's, was up.
    pub timed_out: usize,
    /// Were stopped on request.
    pub cancelled: usize,
    /// Never started.
    pub not_started: usize,
    /// Were refused by the strategy for good.
    pub rejected: usize,

    /// Attempts that were made again.
    pub retries: usize,
    /// Jobs that handlers have pushed beyond the capacity.
    pub grown: usize,
    /// Pushes that wait for a place.
    pub blocked: usize,
    /// Results that nobody has read yet.
    pub unread: usize,
}

impl Stats {
    /// Jobs that have no end yet.
    pub fn unsettled(&self) -> usize {
        self.pending + self.delayed + self.running + self.stopping
    }
}
