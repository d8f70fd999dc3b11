//! The ratios to reach, of the project's design.

use super::bounds::BOUND;
use super::peers::{GOVERNOR, GOVERNOR_STD, RECLOSER};
use super::{BREAKER, OWN, RATE, THREE};

/// The least ratio of `face` against `peer`, if one was set.
pub(super) fn against(_face: &str, kind: &str, peer: &str) -> Option<f64> {
    let goal = match (kind, peer) {
        (RATE, GOVERNOR | GOVERNOR_STD) => 1.0 / 1.5,
        (BREAKER, RECLOSER) => 1.0,
        // 5 and 15 ns on a machine on which the bounds take 1.1 and 2.3: a time of one machine is read against the bound
        // of the same run.
        (OWN, BOUND) => 1.1 / 5.0,
        (THREE, BOUND) => 2.3 / 15.0,
        _ => return None,
    };
    Some(goal)
}
