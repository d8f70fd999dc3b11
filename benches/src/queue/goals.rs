//! The ratios to reach, of the project's design.

use super::bounds::MUTEXES;
use super::peers::ASYNC_CHANNEL;
use super::{TOKIO, WALL, ours};

/// The least ratio of `face` against `peer`, if one was set.
///
/// Times of one machine are read against the two mutexes of the same run: 150 ns for a job in place, and 350 for one on
/// two threads, where they take 60.
pub(super) fn against(face: &str, kind: &str, peer: &str, unit: &str) -> Option<f64> {
    let goal = match (face, peer) {
        (ours::IN_PLACE | ours::RETRIED, MUTEXES) if kind == TOKIO => 60.0 / 150.0,
        (ours::IN_PLACE | ours::RETRIED, ASYNC_CHANNEL) => 1.0,
        (ours::SPAWNED, MUTEXES) if unit == WALL => 60.0 / 350.0,
        _ => return None,
    };
    Some(goal)
}
