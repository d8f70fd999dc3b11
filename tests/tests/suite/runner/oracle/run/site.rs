//! `Site`: where a program is run, and who keeps notes of it.

use super::tick;
use crate::runner::oracle::outcome::{Notes, Who};
use crate::runner::oracle::program::Program;
use regatta::{CancelToken, Clock};
use regatta_tests::Sim;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(in super::super) struct Site {
    pub(in super::super) program: Program,
    pub(super) clock: Arc<dyn Clock>,
    /// The run is cancelled with it.
    pub(super) token: CancelToken,
    notes: Mutex<Notes>,
    wrong: Mutex<Vec<String>>,
    limit: AtomicUsize,
    /// Attempts that have begun and are not gone.
    alive: AtomicUsize,
    jobs_made: AtomicUsize,
    jobs_gone: AtomicUsize,
}

impl Site {
    pub(super) fn new(sim: &Sim, program: &Program) -> Arc<Self> {
        Arc::new(Self {
            program: program.clone(),
            clock: sim.clock(),
            token: CancelToken::new(),
            notes: Mutex::default(),
            wrong: Mutex::default(),
            limit: AtomicUsize::new(program.limit.unwrap_or(usize::MAX)),
            alive: AtomicUsize::new(0),
            jobs_made: AtomicUsize::new(0),
            jobs_gone: AtomicUsize::new(0),
        })
    }

    pub(super) fn note(&self, who: Who, text: String) {
        let at = tick(self.clock.now());
        self.notes.lock().unwrap().push(who, at, text);
    }

    /// To be told before the run is.
    pub(super) fn set_limit(&self, limit: Option<usize>) {
        self.limit.store(limit.unwrap_or(usize::MAX), Ordering::SeqCst);
    }

    pub(in super::super) fn limit(&self) -> usize {
        self.limit.load(Ordering::SeqCst)
    }

    pub(super) fn made(&self) {
        self.jobs_made.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn gone(&self) {
        self.jobs_gone.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn begun(&self) {
        let alive = self.alive.fetch_add(1, Ordering::SeqCst) + 1;
        if alive > self.limit() {
            self.wrong.lock().unwrap().push(format!("{alive} run at once"));
        }
    }

    pub(super) fn ended(&self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }

    /// The run has ended: it must have left nothing behind.
    pub(super) fn assert_clean(&self) {
        let [made, gone] = [&self.jobs_made, &self.jobs_gone].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(made, gone, "so many tasks were made and so many dropped");
        assert_eq!(*self.wrong.lock().unwrap(), Vec::<String>::new());
    }

    pub(super) fn notes(&self) -> Notes {
        std::mem::take(&mut *self.notes.lock().unwrap()).by_actor()
    }
}
