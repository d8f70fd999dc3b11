//! The ratios to reach, of the project's design.

use super::bounds::BOUND;
use super::ours::{GCRA, KEYED_GCRA, UNCLOCKED};
use super::peers::{GOVERNOR_STD, RECLOSER};
use super::{OWN, RETRY, THREE};

/// The least ratio of `face` against `peer`, if one was set.
///
/// Only where both read the same clock, or none: governor's own clock reads the processor's counter, and recloser reads no
/// clock while it is closed. A single look at std's clock costs more than either of them in all.
pub(super) fn against(face: &str, kind: &str, peer: &str) -> Option<f64> {
    let goal = match (face, kind, peer) {
        (GCRA, _, GOVERNOR_STD) => 1.0 / 1.5,
        (KEYED_GCRA, _, GOVERNOR_STD) => 1.0,
        (UNCLOCKED, _, RECLOSER) => 1.0,
        // Times of one machine are read against the bound of the same run: 5 ns where it takes 1.1, and 15 for three where
        // it takes 1.7.
        (_, RETRY | OWN, BOUND) => 1.1 / 5.0,
        (_, THREE, BOUND) => 1.7 / 15.0,
        _ => return None,
    };
    Some(goal)
}
