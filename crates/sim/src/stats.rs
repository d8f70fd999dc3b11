//! `Stats`: how often something happened.

use crate::What;

/// Counts of what happened to tasks: to all of them ([`Sim::stats`](crate::Sim::stats)) or to those of one name
/// ([`Sim::task_stats`](crate::Sim::task_stats)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Polls, those of main futures included.
    pub polls: u64,
    /// Calls of wakers, also those that found their task ready already, for as long as the task lives.
    pub wakes: u64,
    /// Futures of spawned tasks that were dropped, whether they had ended or not.
    pub drops: u64,
    /// Tasks that were spawned; a main future is not.
    pub spawned: u64,
}

impl Stats {
    /// What has come on top of `earlier`.
    ///
    /// ```
    /// # let sim = regatta_sim::Sim::new(1);
    /// let before = sim.stats();
    /// sim.run(async {}).expect("it doesn't wait");
    /// assert_eq!(sim.stats().since(before).polls, 1);
    /// ```
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            polls: self.polls.saturating_sub(earlier.polls),
            wakes: self.wakes.saturating_sub(earlier.wakes),
            drops: self.drops.saturating_sub(earlier.drops),
            spawned: self.spawned.saturating_sub(earlier.spawned),
        }
    }

    pub(crate) fn count(&mut self, what: What) {
        match what {
            What::Polled => self.polls += 1,
            What::Woken => self.wakes += 1,
            What::Dropped => self.drops += 1,
            What::Spawned => self.spawned += 1,
            What::Ended | What::Panicked | What::TimeMoved => {}
        }
    }
}
