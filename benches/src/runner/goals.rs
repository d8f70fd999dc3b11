//! The ratios to reach, of the project's design.

use super::peers::{BOUND, BUFFER_UNORDERED, BUFFERED_UNORDERED, JOIN_SET};
use super::{Kind, Ready, ours, python};

/// The least ratio of `face` against `peer`, if one was set.
pub(super) fn against(face: &str, kind: &str, peer: &str) -> Option<f64> {
    let ready = kind == Ready::NAME;
    let goal = match (face, peer, ready) {
        (ours::MAP, BOUND, true) => 1.0 / 1.5,
        (ours::MAP, BUFFER_UNORDERED, true) => 4.0,
        (ours::MAP, BUFFER_UNORDERED, false) => 5.0,
        (ours::MAP, BUFFERED_UNORDERED, true) => 3.5,
        (ours::MAP, BUFFERED_UNORDERED, false) => 2.2,
        (ours::MAP, JOIN_SET, true) => 12.0,
        (ours::MAP, JOIN_SET, false) => 8.0,
        (ours::RUNNER, BOUND, true) => 1.0 / 3.0,
        (ours::RUNNER | ours::FOR_EACH, BUFFER_UNORDERED, _) => 2.5,
        (ours::RUNNER | ours::FOR_EACH, JOIN_SET, _) => 8.0,
        (ours::RUNNER, python::FACE, _) => 40.0,
        _ => return None,
    };
    Some(goal)
}

/// A timeout on each task may cost 15 ns on a machine on which the bound takes 26 ns for a ready task: a time of one
/// machine is read against the bound of the same run.
pub(super) fn timeout(without: f64, bound: f64) -> f64 {
    without / (without + 15.0 * bound / 26.0)
}
