//! The log of a simulation: counts always, the trace if wanted. Both come from the same notes, so they agree.

use crate::{Stats, TraceEntry, What};
use regatta_core::Time;
use std::collections::HashMap;
use std::sync::Arc;

/// Who a task is, in every note about it.
#[derive(Clone)]
pub(crate) struct Label {
    pub(crate) name: Arc<str>,
    /// Counts spawned tasks from 1; 0 is a main future.
    pub(crate) number: u64,
    /// Where the counts of this name are.
    row: usize,
}

pub(crate) struct Log {
    total: Stats,
    by_name: Vec<Stats>,
    rows: HashMap<Arc<str>, usize>,
    /// The time of the latest note.
    at: Time,
    trace: Option<Vec<TraceEntry>>,
}

impl Log {
    pub(crate) fn new(at: Time) -> Self {
        Self { total: Stats::default(), by_name: Vec::new(), rows: HashMap::new(), at, trace: None }
    }

    pub(crate) fn label(&mut self, name: Arc<str>, number: u64) -> Label {
        let row = *self.rows.entry(name.clone()).or_insert_with(|| {
            self.by_name.push(Stats::default());
            self.by_name.len() - 1
        });
        Label { name, number, row }
    }

    pub(crate) fn note(&mut self, at: Time, label: &Label, what: What) {
        self.total.count(what);
        self.by_name[label.row].count(what);
        let moved = std::mem::replace(&mut self.at, at) != at;
        let Some(trace) = &mut self.trace else { return };
        if moved {
            trace.push(TraceEntry { at, task: Arc::from("clock"), number: 0, what: What::TimeMoved });
        }
        trace.push(TraceEntry { at, task: label.name.clone(), number: label.number, what });
    }

    pub(crate) fn total(&self) -> Stats {
        self.total
    }

    pub(crate) fn named(&self, name: &str) -> Stats {
        self.rows.get(name).map_or_else(Stats::default, |row| self.by_name[*row])
    }

    pub(crate) fn record_trace(&mut self) {
        self.trace.get_or_insert_default();
    }

    pub(crate) fn trace(&self) -> Vec<TraceEntry> {
        self.trace.clone().unwrap_or_default()
    }
}
