//! `Finished`: a run of a queue that is over.

use crate::options::Metadata;
use crate::{JobId, Key, Stats};
use regatta_engine::StopReason;
use std::fmt;
use std::sync::Arc;

/// A run that is over.
#[must_use = "it holds the jobs that never ran"]
pub struct Finished<J> {
    /// Why it stopped.
    pub stop: StopReason,
    /// The counts at its end.
    pub stats: Stats,
    /// The jobs that were never started, in the order of their admission.
    pub leftover: Vec<Leftover<J>>,
}

/// A job that was never started, as its run is over.
pub struct Leftover<J> {
    /// Its number.
    pub id: JobId,
    /// The key that it was pushed with.
    pub key: Option<Key>,
    /// The job itself.
    pub job: Arc<J>,
    pub(crate) metadata: Option<Metadata>,
}

impl<J> Leftover<J> {
    /// The metadata that it was pushed with, if it is of this type.
    pub fn metadata<T: 'static>(&self) -> Option<&T> {
        self.metadata.as_ref()?.downcast_ref()
    }
}

impl<J: fmt::Debug> fmt::Debug for Leftover<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leftover").field("id", &self.id).field("job", &self.job).finish_non_exhaustive()
    }
}

impl<J: fmt::Debug> fmt::Debug for Finished<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("stop", &self.stop)
            .field("stats", &self.stats)
            .field("leftover", &self.leftover)
            .finish()
    }
}
