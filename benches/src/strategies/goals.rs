//! The ratios to reach, of the project's design.

use super::bounds::BOUND;
use super::peers::{GOVERNOR, GOVERNOR_STD};
use super::{OWN, RATE, THREE};

/// The least ratio of `face` against `peer`, if one was set.
pub(super) fn against(_face: &str, kind: &str, peer: &str) -> Option<f64> {
    let goal = match (kind, peer) {
        (RATE, GOVERNOR | GOVERNOR_STD) => 1.0 / 1.5,
        (OWN, BOUND) => 1.0 / 5.0,
        (THREE, BOUND) => 1.0 / 15.0,
        _ => return None,
    };
    Some(goal)
}
