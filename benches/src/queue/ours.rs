//! Our subjects, by their public faces.

use crate::measure::Subject;

// TODO: the faces of the queue.
pub(super) const IN_PLACE: &str = "in place";
pub(super) const RETRIED: &str = "in place, retries, priority";
pub(super) const SPAWNED: &str = "spawned";

pub(super) fn subjects() -> Vec<Subject> {
    Vec::new()
}

pub(super) fn spawned() -> Vec<Subject> {
    Vec::new()
}
