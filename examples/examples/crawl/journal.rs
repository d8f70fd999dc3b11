//! What the queue says of each attempt, put together.

use crate::check::{Answer, Attempt, Counts, Crawl, Ending, Pause, Told};
use crate::client::Failure;
use crate::url::Url;
use regatta::queue::{Done, Finished};
use regatta::{Event, EventKind, Observer, StopReason, TaskError, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Listens when the attempts of each job are started.
#[derive(Default)]
pub(crate) struct Journal(Mutex<BTreeMap<u64, Vec<Time>>>);

impl Observer for Journal {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Started { .. } = event.kind {
            let mut starts = self.0.lock().expect("nobody panics over the journal");
            starts.entry(event.id as u64).or_default().push(event.at);
        }
    }
}

impl Journal {
    pub(crate) fn report(
        &self,
        told: Vec<Done<Url, usize, Failure>>,
        finished: Finished<Url>,
        pauses: &[Pause],
        refused: &BTreeSet<String>,
    ) -> Crawl {
        let starts = self.0.lock().expect("nobody panics over the journal");
        let starts_of = |id: u64| starts.get(&id).map_or(&[][..], Vec::as_slice);
        let stats = finished.stats;
        Crawl {
            told: told.iter().map(|done| self::told(done, starts_of(done.id.number()))).collect(),
            left: finished.leftover.iter().map(|left| left.job.to_string()).collect(),
            refused: refused.clone(),
            pauses: pauses.to_vec(),
            counts: Counts {
                admitted: stats.admitted,
                ok: stats.ok,
                retries: stats.retries,
                not_started: stats.not_started,
                unsettled: stats.unsettled(),
            },
            stopped: !matches!(finished.stop, StopReason::Completed),
        }
    }
}

fn told(done: &Done<Url, usize, Failure>, starts: &[Time]) -> Told {
    let earlier = done.errors().iter().map(|attempt| ending(&attempt.error));
    let last = match &done.result {
        Ok(length) => Ending::Answer(Answer::Page { length: *length }),
        Err(error) => ending(error),
    };
    let attempts =
        earlier.chain([last]).zip(starts).map(|(ending, started)| Attempt { started: *started, ending });
    Told { url: done.job.to_string(), starts: done.attempts, attempts: attempts.collect() }
}

fn ending(error: &TaskError<Failure>) -> Ending {
    match error {
        TaskError::Failed(Failure::Status(status)) => Ending::Answer(Answer::Status(*status)),
        TaskError::Failed(Failure::TooMany { wait }) => Ending::Answer(Answer::TooMany { wait: *wait }),
        TaskError::TimedOut { .. } => Ending::TimedOut,
        TaskError::Cancelled => Ending::Cancelled,
        other => Ending::Other(other.to_string()),
    }
}
