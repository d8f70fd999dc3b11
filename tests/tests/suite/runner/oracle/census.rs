//! `Census`: an observer that counts who runs.

use super::run::Site;
use regatta::{Event, EventKind, Observer};
use std::sync::{Arc, Mutex};

/// Checks at every event that no more run than may, and that each task goes its way: queued, started and perhaps
/// retried, finished once.
pub(super) struct Census {
    site: Arc<Site>,
    tasks: Mutex<Vec<Stage>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Added,
    Queued,
    Running(u32),
    Pausing(u32),
    Finished,
}

impl Census {
    pub(super) fn new(site: &Arc<Site>) -> Self {
        Self { site: site.clone(), tasks: Mutex::default() }
    }

    /// Each of so many keys was finished.
    pub(super) fn assert_over(&self, tasks: usize) {
        assert_eq!(*self.tasks.lock().unwrap(), vec![Stage::Finished; tasks]);
    }

    fn next(stage: Stage, kind: EventKind<'_>, is_picky: bool) -> Stage {
        match (stage, kind) {
            (Stage::Added, EventKind::Queued) => Stage::Queued,
            (Stage::Queued, EventKind::Started { attempt: 1 }) => Stage::Running(1),
            (Stage::Pausing(last), EventKind::Started { attempt }) if attempt == last + 1 => {
                Stage::Running(attempt)
            }
            (Stage::Running(now), EventKind::Retrying { attempt, .. }) if attempt == now => {
                Stage::Pausing(attempt)
            }
            (Stage::Queued, EventKind::Finished { attempts: 0, .. }) => Stage::Finished,
            (Stage::Running(last) | Stage::Pausing(last), EventKind::Finished { attempts, .. })
                if attempts == last =>
            {
                Stage::Finished
            }
            // Its executor has refused the last attempt.
            (Stage::Running(last), EventKind::Finished { attempts, .. })
                if is_picky && attempts + 1 == last =>
            {
                Stage::Finished
            }
            (stage, kind) => panic!("{kind:?} comes after {stage:?}"),
        }
    }
}

impl Observer for Census {
    fn on_event(&self, event: &Event<'_>) {
        let mut tasks = self.tasks.lock().unwrap();
        // A panic here is contained, and poisons the lock: `assert_over` tells it.
        if event.id >= tasks.len() {
            tasks.resize(event.id + 1, Stage::Added);
        }
        tasks[event.id] = Self::next(tasks[event.id], event.kind, self.site.program.refused.is_some());
        if !matches!(event.kind, EventKind::Started { .. }) {
            // A lowered limit stops nothing that runs.
            return;
        }
        let running = tasks.iter().filter(|stage| matches!(stage, Stage::Running(_))).count();
        assert!(running <= self.site.limit(), "{running} run at once");
    }
}
