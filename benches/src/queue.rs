//! `queue`: many small jobs through eight workers, each result received. The handlers do nothing, so the time is all
//! overhead.

mod bounds;
mod goals;
mod ours;
mod peers;
mod python;
mod worlds;

use crate::measure::{Medians, Subject, Timer, medians, medians_by};
use crate::options::Scale;
use crate::row::Row;
use crate::{Allocations, Group};
use std::io;

/// The group.
pub const GROUP: Group = Group {
    name: "queue",
    about: "8 workers, room for 1,024 jobs that wait, each result received",
    unit: "jobs",
    rows,
    ours: || [ours::subjects(), ours::spawned()].concat(),
};

const WORKERS: usize = 8;
const CAPACITY: usize = 1024;

/// Handlers that are ready at once, on one thread.
const TOKIO: &str = "tokio";
const SMOL: &str = "smol";
/// Handlers that wake themselves once, on one thread.
const TOKIO_YIELD: &str = "tokio, yield1";
/// Ready at once again, on two threads, the caller on one of them.
const TOKIO_TWO: &str = "tokio, two threads";
const SMOL_TWO: &str = "smol, two threads";

fn rows(scale: Scale, allocations: &Allocations) -> io::Result<Vec<Row>> {
    let ours = ours::subjects();
    let mut peers = [bounds::subjects(), peers::subjects()].concat();
    let mut medians = medians(&[ours.clone(), peers.clone()].concat(), scale);
    if let Some(times) = python::medians(scale)? {
        peers.extend(times.keys().map(|(face, kind)| Subject { face, kind, run: |_, _| () }));
        medians.extend(times);
    }
    let mut rows = compare(&ours, &peers, &medians, "ns", allocations);

    let ours = ours::spawned();
    let peers = [bounds::beside_two_threads(), peers::on_two_threads()].concat();
    let both = medians_by([Timer::Wall, Timer::Processors], &[ours.clone(), peers.clone()].concat(), scale);
    for (medians, unit) in both.iter().zip([WALL, CPU]) {
        rows.extend(compare(&ours, &peers, medians, unit, allocations));
    }
    Ok(rows)
}

/// The time that passes, and the processor time of both threads.
const WALL: &str = "ns wall";
const CPU: &str = "ns cpu";

fn compare(
    ours: &[Subject],
    peers: &[Subject],
    medians: &Medians,
    unit: &'static str,
    allocations: &Allocations,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for mine in ours {
        for peer in peers.iter().filter(|peer| peer.kind == mine.kind) {
            let [ours_ns, peer_ns] = [mine, peer].map(|subject| medians[&(subject.face, subject.kind)]);
            let row = Row::new(GROUP.name, mine.name(), ours_ns, peer.face, peer_ns).unit(unit);
            let goal = goals::against(mine.face, mine.kind, peer.face, unit);
            rows.push(row.allocs(allocations.get(&mine.name()).copied()).goal(goal));
        }
    }
    rows
}
