//! `Ledger`: where each job is and what happens to it next. Pure: it is told the time, takes no lock, and leaves what
//! would run foreign code as errands for whoever holds the lock.

mod admit;
mod entry;
mod late;
mod settle;
mod slots;
mod start;
mod stop;
#[cfg(test)]
mod tests;

pub(crate) use admit::{Admission, Origin};
pub use entry::JobState;
pub(crate) use entry::{Entry, Joined, Phase, Replies};
pub(crate) use settle::{Again, Chance};
pub(crate) use start::{Claim, Start};

use crate::door::Door;
use crate::errand::{Errand, Errands};
use crate::finished::{Finished, Leftover};
use crate::order::Line;
use crate::watchers::Watchers;
use crate::{Done, Key, Results, Stats};
use regatta_core::{Class, Kick, Time};
use regatta_engine::{Course, Retrying, Waits};
use slots::Slots;
use std::collections::{HashMap, VecDeque};
use std::task::Waker;
use std::time::Duration;

/// Everything that a queue knows.
pub(crate) struct Ledger<J, R, E> {
    pub(crate) entries: Slots<J, R, E>,
    line: Box<dyn Line>,
    /// Jobs that wait for a time.
    waits: Waits,
    /// When jobs that wait for another attempt must have ended.
    late: Retrying<(usize, u64)>,
    names: HashMap<Key, usize>,
    seq: u64,
    pub(crate) stats: Stats,

    pub(crate) rules: Rules,
    /// Of each class that runs, how many. Kept only where there is a limit.
    classes: HashMap<Class, usize>,
    /// Jobs may be on shelves: some have classes, their results are bounded, or the strategy has refused one.
    has_shelves: bool,
    /// Some job had a class.
    has_classes: bool,
    pub(crate) door: Door,
    /// Places that were given to pushes which have not used them yet.
    pub(crate) reserved: usize,
    /// Jobs that were taken and may have to go back: their places are not free yet.
    claimed: usize,

    pub(crate) results: VecDeque<Done<J, R, E>>,
    /// Running jobs whose results will need a place.
    owed: usize,
    pub(crate) reader: Reader,

    pub(crate) course: Course,
    pub(crate) state: RunState,
    pub(crate) closed: bool,
    paused: bool,
    idle_since: Option<Time>,
    /// When running jobs that were cancelled must have ended.
    ends: Retrying<(usize, u64)>,
    /// Running jobs were told that the run stops.
    pub(crate) told: bool,
    /// When what runs must have ended, if somebody has stopped the run.
    pub(crate) stop_due: Option<Time>,
    /// Nothing will start any more in this run.
    is_wound_up: bool,
    staff: Vec<Worker>,
    /// How many workers an executor has, and who makes them.
    pub(crate) crew: usize,
    /// Workers without work, the latest last.
    idle: Vec<usize>,
    /// The worker that wakes at the next time that counts: one for all.
    keeper: Option<usize>,

    /// Who waits until everything is settled.
    pub(crate) watchers: Watchers,
    /// Jobs that this run will never start.
    leftover: Vec<Leftover<J>>,
    /// What is left of a run that ended elsewhere.
    pub(crate) finished: Option<Finished<J>>,
    /// To be done once the lock is released.
    pub(crate) errands: Errands<J, R, E>,
    /// Whether somebody listens to what happens, and what they have not heard yet.
    pub(crate) heard: bool,
    pub(crate) notes: VecDeque<Note>,
}

/// What was set up by the builder.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) workers: usize,
    pub(crate) capacity: usize,
    pub(crate) growth: usize,
    pub(crate) class_limit: Option<usize>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) results: Results,
}

/// Whether an engine runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RunState {
    /// Not yet, or not at the moment.
    Still,
    Running,
    /// It is over.
    Over,
}

#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) waker: Option<Waker>,
    pub(crate) is_gone: bool,
}

/// An engine that takes jobs from here.
struct Worker {
    kick: Kick,
    is_idle: bool,
    orders: VecDeque<Order>,
    /// Its last job, if the order has not been told that it was started.
    claimed: Option<usize>,
}

/// What a worker is to do.
#[derive(Clone, Copy)]
enum Order {
    /// To end this job, if it still runs: slots are used again.
    Cancel {
        slot: usize,
        seq: u64,
    },
    CancelAll,
}

/// Something that observers are to hear of.
pub(crate) struct Note {
    pub(crate) id: crate::JobId,
    pub(crate) key: Option<Key>,
    pub(crate) at: Time,
    pub(crate) kind: NoteKind,
}

pub(crate) enum NoteKind {
    Queued,
    Started { attempt: u32 },
    Retrying { attempt: u32, delay: Duration, error: String },
    Finished { attempts: u32, state: &'static str, error: Option<String> },
}

impl<J, R, E> Ledger<J, R, E> {
    pub(crate) fn new(rules: Rules, line: Box<dyn Line>, course: Course, paused: bool) -> Self {
        Self {
            entries: Slots::new(),
            line,
            waits: Waits::new(),
            late: Retrying::new(),
            names: HashMap::new(),
            seq: 0,
            stats: Stats::default(),
            classes: HashMap::new(),
            has_shelves: matches!(rules.results, Results::Bounded(_)),
            has_classes: false,
            rules,
            door: Door::default(),
            reserved: 0,
            claimed: 0,
            results: VecDeque::new(),
            owed: 0,
            reader: Reader::default(),
            course,
            state: RunState::Still,
            closed: false,
            paused,
            idle_since: None,
            ends: Retrying::new(),
            told: false,
            stop_due: None,
            is_wound_up: false,
            staff: Vec::new(),
            crew: 0,
            idle: Vec::new(),
            watchers: Watchers::default(),
            leftover: Vec::new(),
            keeper: None,
            finished: None,
            errands: Errands::new(),
            heard: false,
            notes: VecDeque::new(),
        }
    }

    /// The counts.
    pub(crate) fn counts(&self) -> Stats {
        Stats { blocked: self.door.len(), unread: self.results.len(), ..self.stats }
    }

    /// Moves a job from one state to another. The only place where states are counted.
    #[inline]
    fn shift(&mut self, slot: usize, to: Phase) {
        let from = std::mem::replace(&mut self.entries[slot].phase, to);
        *self.count(from) -= 1;
        *self.count(to) += 1;
    }

    #[inline]
    fn count(&mut self, phase: Phase) -> &mut usize {
        match phase {
            Phase::Pending => &mut self.stats.pending,
            Phase::Delayed => &mut self.stats.delayed,
            Phase::Running { .. } => &mut self.stats.running,
            Phase::Stopping { .. } => &mut self.stats.stopping,
        }
    }

    /// Whether everything that was admitted has its end.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// After this nothing is taken from the queue.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    pub(crate) fn resume(&mut self) {
        self.paused = false;
        self.call_everybody();
    }

    pub(crate) fn set_workers(&mut self, workers: usize) {
        self.rules.workers = workers;
        self.call_everybody();
    }

    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.rules.capacity = capacity;
        self.serve_door();
    }

    /// No more from outside.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.empty_door();
        self.call_everybody();
    }

    /// A new engine takes jobs.
    pub(crate) fn hire(&mut self) -> usize {
        self.staff.push(Worker {
            kick: Kick::none(),
            is_idle: false,
            orders: VecDeque::new(),
            claimed: None,
        });
        self.staff.len() - 1
    }

    pub(crate) fn attach(&mut self, worker: usize, kick: Kick) {
        self.staff[worker].kick = kick;
    }

    /// The worker finds nothing to do: it is called for the next job.
    #[inline]
    pub(crate) fn wait(&mut self, worker: usize) {
        if !std::mem::replace(&mut self.staff[worker].is_idle, true) {
            self.idle.push(worker);
        }
    }

    #[inline]
    fn busy(&mut self, worker: usize) {
        if std::mem::replace(&mut self.staff[worker].is_idle, false) {
            self.idle.retain(|idle| *idle != worker);
        }
    }

    /// There is a job more to start.
    #[inline]
    fn call_one(&mut self) {
        if let Some(worker) = self.idle.pop() {
            let worker = &mut self.staff[worker];
            worker.is_idle = false;
            self.errands.push(Errand::Kick(worker.kick.clone()));
        }
    }

    /// Something has changed that concerns every worker.
    pub(crate) fn call_everybody(&mut self) {
        self.idle.clear();
        for worker in &mut self.staff {
            worker.is_idle = false;
            self.errands.push(Errand::Kick(worker.kick.clone()));
        }
    }

    /// Everybody who waits for the end of something looks again.
    fn call_watchers(&mut self) {
        self.errands.extend(self.watchers.drain().map(Errand::Wake));
        self.errands.extend(self.reader.waker.take().map(Errand::Wake));
    }

    /// Whether no result will come in this run.
    pub(crate) fn is_through(&self) -> bool {
        self.is_wound_up || self.state == RunState::Over
    }

    /// A result was read: there is room for another.
    pub(crate) fn was_read(&mut self) {
        if let Results::Bounded(_) = self.rules.results {
            self.call_one();
        }
    }

    fn note(&mut self, slot: usize, at: Time, kind: NoteKind) {
        if self.heard {
            let entry = &self.entries[slot];
            let key = entry.about.as_ref().and_then(|about| about.key.clone());
            self.notes.push_back(Note { id: entry.id(slot), key, at, kind });
        }
    }

    /// Counts every job where it is; for tests of the invariant.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut counted = Stats { ..self.stats };
        (counted.pending, counted.delayed, counted.running, counted.stopping) = (0, 0, 0, 0);
        for (_, entry) in self.entries.iter() {
            *match entry.phase {
                Phase::Pending => &mut counted.pending,
                Phase::Delayed => &mut counted.delayed,
                Phase::Running { .. } => &mut counted.running,
                Phase::Stopping { .. } => &mut counted.stopping,
            } += 1;
        }
        assert_eq!(counted, self.stats, "the counts are those of the jobs");
        assert_eq!(counted.unsettled() + counted.settled, counted.admitted, "no job is lost: {counted:?}");
    }
}
