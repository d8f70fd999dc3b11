//! `Deadlock`: nothing can go on.

use regatta_core::Time;
use std::fmt;
use std::time::Duration;

/// How many names a message lists before it only counts the rest.
const NAMES_SHOWN: usize = 20;

/// Nothing is ready and no timer is set, and the main future has not ended; returned by [`Sim::run`](crate::Sim::run).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Deadlock {
    /// The names of all tasks that wait: `main` first, then the spawned ones in the order of spawning.
    pub waiting: Vec<String>,
    /// When it was found.
    pub at: Time,
    /// The seed that leads there again.
    pub seed: u64,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_nanos(self.at.as_nanos());
        write!(
            f,
            "deadlock at {at:?} (seed {}): nothing is ready and no timer is set; waiting: ",
            self.seed
        )?;
        write!(f, "{}", Names(&self.waiting))?;
        f.write_str("; look for a missing wake, or for a wake that only another thread could give")
    }
}

impl std::error::Error for Deadlock {}

/// Names in a message, separated by commas; the first few of many.
pub(crate) struct Names<'a>(pub(crate) &'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(NAMES_SHOWN)];
        f.write_str(&shown.join(", "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
