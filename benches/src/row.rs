//! `Row`: one of our times beside one of a peer's.

use crate::Allocated;
use serde::Serialize;

/// One of our times beside one of a peer's.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The group.
    pub bench: &'static str,
    /// Our face and the kind of task.
    pub case: String,
    /// Of what the numbers are: `ns` per task, unless the case says otherwise.
    pub unit: &'static str,
    /// Our number.
    pub ours: f64,
    /// What it is compared with; `bound` is hand-written and does nothing but the work itself.
    pub peer: &'static str,
    /// The peer's number.
    pub theirs: f64,
    /// The peer's number by ours: above 1, ours is faster.
    pub ratio: f64,
    /// Allocations per task.
    pub ours_allocs: Option<f64>,
    /// Bytes that these ask for.
    pub ours_bytes: Option<f64>,
    /// The ratio to reach.
    pub goal: Option<f64>,
}

/// A row passes the gate at this part of its goal: a shared machine is no laboratory.
const ENOUGH: f64 = 0.75;

impl Row {
    /// Compares two times.
    pub fn new(bench: &'static str, case: String, ours: f64, peer: &'static str, theirs: f64) -> Self {
        let ratio = round(theirs / ours, 1000.0);
        let (ours, theirs) = (round(ours, 10.0), round(theirs, 10.0));
        Self {
            bench,
            case,
            unit: "ns",
            ours,
            peer,
            theirs,
            ratio,
            ours_allocs: None,
            ours_bytes: None,
            goal: None,
        }
    }

    /// With numbers that are no nanoseconds.
    #[must_use]
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// With a ratio to reach.
    #[must_use]
    pub fn goal(mut self, goal: Option<f64>) -> Self {
        self.goal = goal.map(|goal| round(goal, 1000.0));
        self
    }

    /// With what is allocated for each task.
    #[must_use]
    pub fn allocs(mut self, allocated: Option<Allocated>) -> Self {
        self.ours_allocs = allocated.map(|allocated| round(allocated.times, 1000.0));
        self.ours_bytes = allocated.map(|allocated| round(allocated.bytes, 10.0));
        self
    }

    /// The ratio as part of the goal.
    pub fn reached(&self) -> Option<f64> {
        self.goal.map(|goal| self.ratio / goal)
    }

    /// Whether the goal is missed by more than a shared machine explains.
    pub fn fails(&self) -> bool {
        self.reached().is_some_and(|reached| reached < ENOUGH)
    }
}

/// Of two runs, the better one for each row.
pub fn best(first: Vec<Row>, second: Vec<Row>) -> Vec<Row> {
    let part = |row: &Row| row.reached().unwrap_or(row.ratio);
    first.into_iter().zip(second).map(|(a, b)| if part(&b) > part(&a) { b } else { a }).collect()
}

/// The rows as a table for people.
pub fn table(rows: &[Row]) -> regatta::Table {
    let mut table =
        regatta::Table::new(["case", "ours", "allocs", "bytes", "peer", "theirs", "", "ratio", "goal", ""]);
    for column in [1, 2, 3, 5, 7, 8] {
        table.align_right(column);
    }
    for row in rows {
        let verdict = match row.reached() {
            None => "",
            Some(1.0..) => "reached",
            Some(ENOUGH..) => "near",
            Some(_) => "MISSED",
        };
        table.row([
            row.case.clone(),
            format!("{:.1}", row.ours),
            row.ours_allocs.map_or_else(String::new, |allocs| format!("{allocs:.2}")),
            row.ours_bytes.map_or_else(String::new, |bytes| format!("{bytes:.0}")),
            row.peer.to_owned(),
            format!("{:.1}", row.theirs),
            row.unit.to_owned(),
            format!("{:.2}", row.ratio),
            row.goal.map_or_else(String::new, |goal| format!("{goal:.2}")),
            verdict.to_owned(),
        ]);
    }
    table
}

fn round(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
