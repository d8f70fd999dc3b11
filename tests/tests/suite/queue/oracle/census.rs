//! `Census`: an observer that follows each job from its admission to its end.

use super::site::Site;
use regatta::{Event, EventKind, Observer};
use std::sync::{Arc, Mutex, Weak};

pub(super) struct Census {
    site: Weak<Site>,
    jobs: Mutex<Vec<Stage>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Unknown,
    Queued,
    Running(u32),
    Pausing(u32),
    Finished,
}

impl Census {
    pub(super) fn new(site: &Arc<Site>) -> Self {
        Self { site: Arc::downgrade(site), jobs: Mutex::default() }
    }
}

impl Observer for Census {
    fn on_event(&self, event: &Event<'_>) {
        let Some(site) = self.site.upgrade() else { return };
        let mut jobs = self.jobs.lock().unwrap();
        if event.id >= jobs.len() {
            jobs.resize(event.id + 1, Stage::Unknown);
        }
        let stage = jobs[event.id];
        let next = match (stage, event.kind) {
            (Stage::Unknown, EventKind::Queued) => Some(Stage::Queued),
            (Stage::Queued, EventKind::Started { attempt: 1 }) => Some(Stage::Running(1)),
            (Stage::Pausing(last), EventKind::Started { attempt }) if attempt == last + 1 => {
                Some(Stage::Running(attempt))
            }
            (Stage::Running(now), EventKind::Retrying { attempt, .. }) if attempt == now => {
                Some(Stage::Pausing(now))
            }
            (Stage::Queued, EventKind::Finished { attempts: 0, .. }) => Some(Stage::Finished),
            (Stage::Running(last) | Stage::Pausing(last), EventKind::Finished { attempts, .. })
                if attempts == last =>
            {
                Some(Stage::Finished)
            }
            _ => None,
        };
        site.demand(next.is_some(), || format!("job #{}: {:?} comes after {stage:?}", event.id, event.kind));
        jobs[event.id] = next.unwrap_or(Stage::Finished);
        drop(jobs);
        site.look();
    }
}
