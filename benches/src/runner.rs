//! `runner`: many small tasks, 64 at a time, each result kept. The tasks do nothing, so the time is all overhead.

mod goals;
mod ours;
mod peers;
mod python;

use crate::measure::medians;
use crate::options::Scale;
use crate::row::Row;
use crate::{Allocations, Group};
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::io;
use std::task::Poll;

/// The group.
pub const GROUP: Group = Group {
    name: "runner",
    about: "64 tasks at a time, each result kept; in block_on of a tokio current-thread runtime",
    unit: "tasks",
    rows,
    ours: || [ours::subjects::<Ready>(), ours::subjects::<Yield1>()].concat(),
};

const AT_ONCE: usize = 64;

/// A kind of task. All are one async function that could wait, as real ones could; the compiler can't tell them apart.
trait Kind: 'static {
    const NAME: &'static str;
    const YIELDS: u32;

    fn task(key: u64) -> impl Future<Output = Result<u64, ()>> + Send + 'static {
        task(key, black_box(Self::YIELDS))
    }
}

/// Ready at its first poll.
struct Ready;

impl Kind for Ready {
    const NAME: &'static str = "ready";
    const YIELDS: u32 = 0;
}

/// Wakes itself, and is ready at its second poll.
struct Yield1;

impl Kind for Yield1 {
    const NAME: &'static str = "yield1";
    const YIELDS: u32 = 1;
}

async fn task(key: u64, yields: u32) -> Result<u64, ()> {
    for _ in 0..yields {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    Ok(key)
}

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
