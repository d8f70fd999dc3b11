//! `strategies`: what it costs to ask for leave, and to give it back. What is asked for is always there, but for the
//! waiters.

mod bounds;
mod goals;
mod ours;
mod peers;
mod threads;
mod waiters;

use crate::measure::{Subject, medians};
use crate::options::Scale;
use crate::row::Row;
use crate::{Allocations, Group};
use std::hint::black_box;
use std::io;

/// The group.
pub const GROUP: Group = Group {
    name: "strategies",
    about: "leave to start, and the finish; on one thread, uncontended, always admitted",
    unit: "operations",
    rows,
    ours: ours::subjects,
};

/// A rate, shared.
const RATE: &str = "rate";
/// A number at once, shared.
const AT_ONCE: &str = "at once";
/// A rate for each of a thousand classes, shared.
const KEYED: &str = "rate of 1,000 classes";
/// A breaker that stays closed.
const BREAKER: &str = "closed";
/// Through `&mut`: neither lock nor clock.
const OWN: &str = "own";
/// Around an operation that succeeds.
const RETRY: &str = "always ok";
/// Three at once through `&mut`.
const THREE: &str = "three, own";

const CLASSES: u64 = 1_000;

/// A class, in no order that memory could like.
fn class_of(time: u64) -> u64 {
    time.wrapping_mul(0x9E37_79B9_7F4A_7C15) % CLASSES
}

/// Does `operation` so many times. It gets a different number each time, which the compiler can't foresee.
#[inline(always)]
fn repeat(times: u64, mut operation: impl FnMut(u64)) {
    for time in 0..times {
        operation(black_box(time));
    }
}

fn rows(scale: Scale, allocations: &Allocations) -> io::Result<Vec<Row>> {
    let ours = ours::subjects();
    let peers = [bounds::subjects(), peers::subjects()].concat();
    let medians = medians(&[ours.clone(), peers.clone()].concat(), scale);
    let mut rows = Vec::new();
    for Subject { face, kind, .. } in ours {
        let case = format!("{face}, {kind}");
        for peer in peers.iter().filter(|peer| peer.kind == kind) {
            let (mine, theirs) = (medians[&(face, kind)], medians[&(peer.face, kind)]);
            let row = Row::new(GROUP.name, case.clone(), mine, peer.face, theirs);
            rows.push(
                row.allocs(allocations.get(&case).copied()).goal(goals::against(face, kind, peer.face)),
            );
        }
    }
    rows.extend(waiters::rows(scale));
    rows.extend(threads::rows(scale));
    Ok(rows)
}
