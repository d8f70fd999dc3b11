//! What the bench and the allocation counter share: the groups of subjects, how they are measured, and how it is told.

#![forbid(unsafe_code)]

pub mod measure;
pub mod options;
pub mod queue;
pub mod row;
pub mod runner;
pub mod strategies;
mod work;

use measure::Subject;
use options::Scale;
use row::Row;
use serde::{Deserialize, Serialize};
use std::io;

/// One bench: subjects that do the same work, and the rows made of their times.
pub struct Group {
    /// By which it is asked for.
    pub name: &'static str,
    /// What the numbers of its table stand for.
    pub about: &'static str,
    /// Of what a round does so many.
    pub unit: &'static str,
    /// Measures everything once.
    pub rows: fn(Scale, &Allocations) -> io::Result<Vec<Row>>,
    /// The subjects of ours, for counting their allocations.
    pub ours: fn() -> Vec<Subject>,
}

/// All groups.
pub const GROUPS: &[Group] = &[runner::GROUP, strategies::GROUP, queue::GROUP];

/// What is allocated for each task, by the name of the subject.
pub type Allocations = std::collections::HashMap<String, Allocated>;

/// What is allocated for each task, whether it is kept or given back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Allocated {
    /// How often memory is asked for.
    pub times: f64,
    /// How much of it.
    pub bytes: f64,
}
