//! `Site`: where a program is run, and what is known there without asking the queue.

use super::program::{Order, Program, Tick};
use regatta::queue::{Done, JobId, Queue, Stats};
use regatta::strategies::Gate;
use regatta::{Clock, Time};
use regatta_tests::{ManualClock, Sim};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) type Jobs = Queue<usize, usize, String>;
pub(super) type Ended = Done<usize, usize, String>;

pub(super) struct Site {
    pub(super) program: Program,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gate: Gate,
    queue: Mutex<Option<Jobs>>,
    facts: Mutex<Facts>,
}

/// What is known. Nothing of the queue is called while this is locked.
pub(super) struct Facts {
    pub(super) jobs: Vec<Job>,
    /// Attempts that have begun and are not gone.
    pub(super) alive: usize,
    pub(super) workers: usize,
    pub(super) capacity: usize,
    /// The largest that there was.
    pub(super) capacity_max: usize,
    pub(super) is_paused: bool,
    pub(super) is_stop_asked: bool,
    pub(super) is_over: bool,
    pub(super) is_reader_gone: bool,
    /// Somebody waits for a result.
    pub(super) is_reading: bool,
    /// Pushes that wait before the door: their priority, and their number.
    pub(super) line: Vec<(i32, u64)>,
    pub(super) guests: u64,
    /// When some job was last seen that had no end.
    pub(super) busy: Tick,
    /// Pushes that were let in and have not come in yet.
    pub(super) let_in: usize,
    /// Places in somebody's hands.
    pub(super) held: usize,
    pub(super) starts: Vec<(Tick, Option<u64>)>,
    pub(super) notes: Vec<(Tick, String)>,
    wrong: Vec<String>,
}

/// What is known of a job, by the index of its plan.
#[derive(Default)]
pub(super) struct Job {
    pub(super) id: Option<JobId>,
    /// Another job stands for it.
    pub(super) joined: Option<JobId>,
    pub(super) admitted: Tick,
    pub(super) is_grown: bool,
    pub(super) has_ticket: bool,
    pub(super) priority: i32,
    pub(super) is_cancelled: bool,
    pub(super) attempts: Vec<Attempt>,
    /// What the readers got.
    pub(super) read: Vec<Ended>,
    /// What its ticket got.
    pub(super) told: Vec<Ended>,
    pub(super) is_ticket_dropped: bool,
    pub(super) left_over: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Attempt {
    pub(super) started: Tick,
    pub(super) ended: Option<(Tick, How)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum How {
    Ok,
    Failed(String),
    Panicked,
    Dropped,
}

impl Site {
    pub(super) fn new(sim: &Sim, program: &Program) -> Arc<Self> {
        let jobs = program.plans.iter().map(|plan| Job { priority: plan.priority, ..Job::default() });
        let facts = Facts {
            jobs: jobs.collect(),
            alive: 0,
            workers: program.workers,
            capacity: program.capacity,
            capacity_max: program.capacity,
            is_paused: false,
            is_stop_asked: false,
            is_over: false,
            is_reader_gone: false,
            is_reading: false,
            line: Vec::new(),
            guests: 0,
            busy: 0,
            let_in: 0,
            held: 0,
            starts: Vec::new(),
            notes: Vec::new(),
            wrong: Vec::new(),
        };
        Arc::new(Self {
            program: program.clone(),
            clock: sim.clock(),
            gate: Gate::new(),
            queue: Mutex::new(None),
            facts: Mutex::new(facts),
        })
    }

    /// The queue that is looked at from here on.
    pub(super) fn open(&self, queue: &Jobs) {
        *self.queue.lock().unwrap() = Some(queue.clone());
    }

    /// Nobody may keep the queue alive that it would keep alive itself.
    pub(super) fn shut(&self) {
        let queue = self.queue.lock().unwrap().take();
        drop(queue);
    }

    pub(super) fn queue(&self) -> Jobs {
        self.queue.lock().unwrap().clone().expect("it was opened")
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Tick {
        tick(self.clock.now())
    }

    pub(super) async fn sleep(&self, ticks: Tick) {
        self.clock.sleep_until(self.clock.now() + Duration::from_millis(ticks)).await;
    }

    pub(super) fn note(&self, text: String) {
        let now = self.now();
        self.facts().notes.push((now, text));
    }

    /// Something that must be so.
    pub(super) fn demand(&self, is_so: bool, what: impl FnOnce() -> String) {
        if !is_so {
            let now = self.now();
            self.facts().wrong.push(format!("at {now}: {}", what()));
        }
    }

    /// The counts, which always add up.
    pub(super) fn look(&self) -> Stats {
        let stats = self.queue().stats();
        let Stats { pending, delayed, running, stopping, settled, admitted, .. } = stats;
        self.demand(pending + delayed + running + stopping + settled == admitted, || {
            format!("jobs are lost: {stats:?}")
        });
        let ends = [stats.ok, stats.failed, stats.panicked, stats.timed_out, stats.cancelled];
        let ends = ends.iter().sum::<usize>() + stats.not_started + stats.rejected;
        if stats.unsettled() > 0 {
            let now = self.now();
            self.facts().busy = now;
        }
        self.demand(ends == settled + stopping, || format!("ends don't add up: {stats:?}"));
        stats
    }

    pub(super) fn assert_right(&self) {
        let facts = self.facts();
        // One thing leads to another.
        let first = &facts.wrong[..facts.wrong.len().min(5)];
        assert!(first.is_empty(), "{first:#?}\n{:#?}", facts.notes);
    }

    /// Where a job stands among those that wait: the least is first.
    pub(super) fn rank(&self, job: &Job) -> Option<(i64, i64)> {
        let seq = i64::try_from(job.id?.number()).expect("few");
        Some(match self.program.order {
            Order::Fifo => (0, seq),
            Order::Priority => (-i64::from(job.priority), seq),
            Order::Lifo => (0, -seq),
        })
    }
}

impl Facts {
    pub(super) fn plan(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == Some(id))
    }
}

pub(super) fn instant(ticks: Tick) -> Time {
    if ticks == Tick::MAX { Time::MAX } else { ManualClock::START + Duration::from_millis(ticks) }
}

pub(super) fn tick(time: Time) -> Tick {
    Tick::try_from(time.since(ManualClock::START).as_millis()).expect("short")
}
