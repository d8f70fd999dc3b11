//! `runner`: many small tasks, 64 at a time, each result kept. The tasks do nothing, so the time is all overhead.

mod goals;
mod ours;
mod peers;
mod python;

use crate::measure::medians;
use crate::options::Scale;
use crate::row::Row;
use crate::work::{Kind, Ready, Yield1};
use crate::{Allocations, Group};
use std::io;

/// The group.
pub const GROUP: Group = Group {
    name: "runner",
    about: "64 tasks at a time, each result kept; in block_on of a tokio current-thread runtime",
    unit: "tasks",
    rows,
    ours: || [ours::subjects::<Ready>(), ours::subjects::<Yield1>()].concat(),
};

const AT_ONCE: usize = 64;

fn rows(scale: Scale, allocations: &Allocations) -> io::Result<Vec<Row>> {
    let subjects = [
        ours::subjects::<Ready>(),
        peers::subjects::<Ready>(),
        ours::subjects::<Yield1>(),
        peers::subjects::<Yield1>(),
    ]
    .concat();
    let mut medians = medians(&subjects, scale);
    let mut peers = peers::FACES.to_vec();
    if let Some(times) = python::medians(scale)? {
        medians.extend(times);
        peers.push(python::FACE);
    }

    let row = |face, kind, ours_ns, peer, peer_ns| {
        let case = format!("{face}, {kind}");
        let allocs = allocations.get(&case).copied();
        Row::new(GROUP.name, case, ours_ns, peer, peer_ns).allocs(allocs)
    };
    let mut rows = Vec::new();
    for kind in [Ready::NAME, Yield1::NAME] {
        for face in ours::FACES {
            let ours_ns = medians[&(face, kind)];
            for &peer in &peers {
                let goal = goals::against(face, kind, peer);
                rows.push(row(face, kind, ours_ns, peer, medians[&(peer, kind)]).goal(goal));
            }
        }
    }
    for kind in [Ready::NAME, Yield1::NAME] {
        for (timed, face) in ours::TIMED {
            let without = medians[&(face, kind)];
            let goal = goals::timeout(without, medians[&(peers::BOUND, Ready::NAME)]);
            rows.push(row(timed, kind, medians[&(timed, kind)], "no timeout", without).goal(Some(goal)));
        }
    }
    Ok(rows)
}
