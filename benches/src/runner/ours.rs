//! Our subjects, by their public faces.

use super::{AT_ONCE, Kind};
use crate::measure::Subject;
use regatta::{Runner, for_each, map};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) const MAP: &str = "map";
pub(super) const RUNNER: &str = "Runner";
pub(super) const FOR_EACH: &str = "for_each";
pub(super) const FACES: [&str; 3] = [MAP, RUNNER, FOR_EACH];

const TIMED_MAP: &str = "map + 10 s per task";
const TIMED_RUNNER: &str = "Runner + 10 s per task";
/// Faces with a timeout on each task, and the same without.
pub(super) const TIMED: [(&str, &str); 2] = [(TIMED_MAP, MAP), (TIMED_RUNNER, RUNNER)];

const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn subjects<W: Kind>() -> Vec<Subject> {
    let subject = |face, run| Subject { face, kind: W::NAME, run };
    vec![
        subject(MAP, mapped::<W, false>),
        subject(RUNNER, batch::<W, false>),
        subject(FOR_EACH, each::<W>),
        subject(TIMED_MAP, mapped::<W, true>),
        subject(TIMED_RUNNER, batch::<W, true>),
    ]
}

/// Tasks made from keys as they start; results in a vector.
fn mapped<W: Kind, const TIMED: bool>(runtime: &Runtime, tasks: u64) {
    let results = runtime.block_on(async {
        let mut mapped = map(0..tasks, AT_ONCE, W::task).expect("64 is a limit");
        if TIMED {
            mapped = mapped.task_timeout(TIMEOUT);
        }
        mapped.await
    });
    assert!(black_box(&results).len() as u64 == tasks && results.iter().all(Result::is_ok));
}

/// Tasks boxed and added under their keys, then run; a report. Adding counts.
fn batch<W: Kind, const TIMED: bool>(runtime: &Runtime, tasks: u64) {
    let report = runtime.block_on(async {
        let mut runner = Runner::new().limit(AT_ONCE).expect("64 is a limit");
        if TIMED {
            runner = runner.task_timeout(TIMEOUT);
        }
        for key in 0..tasks {
            runner.add(key, W::task(key)).expect("each key comes once");
        }
        runner.run().await
    });
    assert!(black_box(&report).len() as u64 == tasks && report.is_ok());
}

/// Tasks made from keys as they start; a body that puts each result into a table.
fn each<W: Kind>(runtime: &Runtime, tasks: u64) {
    let results = runtime.block_on(async {
        let body = async |mut done: regatta::Results<u64, ()>| {
            let mut results = HashMap::with_capacity(tasks as usize);
            while let Some((index, result)) = done.next_indexed().await {
                results.insert(index as u64, result);
            }
            results
        };
        for_each(0..tasks, AT_ONCE, W::task, body).expect("64 is a limit").await
    });
    assert_eq!(black_box(&results).len() as u64, tasks);
}
