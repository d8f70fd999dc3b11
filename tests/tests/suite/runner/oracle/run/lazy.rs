//! The faces over an iterator.

use super::configure;
use super::face::NoHand;
use super::job::Job;
use super::site::Site;
use crate::runner::oracle::program::Program;
use crate::runner::support::how;
use regatta_tests::Sim;

/// How each task ended.
pub(in super::super) fn map(sim: &Sim, program: &Program) -> Vec<String> {
    let site = Site::new(sim, program);
    let task = |plan| Job::<NoHand>::new(&site, None, plan, 1);
    let map = regatta::map(0..program.plans.len(), program.limit.unwrap_or(1000), task);
    let map = configure!(map.expect("it is not zero"), sim, program);
    let results = sim.run(map).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    results.iter().map(how).collect()
}

/// How each task ended that was started, and whether all were.
pub(in super::super) fn for_each(sim: &Sim, program: &Program) -> (Vec<(usize, String)>, bool) {
    let site = Site::new(sim, program);
    let task = |plan| Job::<NoHand>::new(&site, None, plan, 1);
    let each =
        regatta::for_each(0..program.plans.len(), program.limit.unwrap_or(1000), task, async |mut done| {
            let mut read = Vec::new();
            while let Some((index, result)) = done.next_indexed().await {
                read.push((index, how(&result)));
            }
            read.sort();
            (read, done.is_complete())
        });
    let each = configure!(each.expect("it is not zero"), sim, program);
    let read = sim.run(each).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    read
}
