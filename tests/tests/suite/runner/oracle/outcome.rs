//! What became of a program, as the model says it and as a run tells it.

use super::program::Tick;

/// What became of a program.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) tasks: Vec<TaskOutcome>,
    /// Why the run stopped, in the report's words.
    pub(super) stopped: String,
    pub(super) elapsed: Tick,
}

#[derive(PartialEq, Eq, Debug)]
pub(super) struct TaskOutcome {
    pub(super) how: String,
    pub(super) attempts: u32,
    /// How the attempts before the last one ended.
    pub(super) retried: Vec<String>,
    pub(super) started: Option<Tick>,
    pub(super) ended: Option<Tick>,
}
