//! The faces over an iterator.

use super::face::NoHand;
use super::job::Job;
use super::site::Site;
use super::{configure, tick};
use crate::runner::oracle::program::{Program, Tick};
use crate::runner::support::how;
use regatta_tests::Sim;

/// Indices, and how their tasks ended.
type Read = Vec<(usize, String)>;

/// How each task ended.
pub(in super::super) fn map(sim: &Sim, program: &Program) -> Vec<String> {
    let site = Site::new(sim, program);
    let task = |plan| Job::<NoHand>::new(&site, None, plan, 1);
    let map = regatta::map(0..program.plans.len(), program.limit.unwrap_or(1000), task);
    let map = configure!(map.expect("it is not zero"), sim, &site);
    let results = sim.run(map).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    results.iter().map(how).collect()
}

/// How each task ended that was started, and whether all were.
pub(in super::super) fn for_each(sim: &Sim, program: &Program) -> (Read, bool) {
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
    let each = configure!(each.expect("it is not zero"), sim, &site);
    let read = sim.run(each).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    site.assert_clean();
    read
}

/// What a body has read that ends after `count` results, what could still be read then, and when all was over.
pub(in super::super) fn for_each_of(sim: &Sim, program: &Program, count: usize) -> (Read, Read, Tick) {
    let site = Site::new(sim, program);
    let task = |plan| Job::<NoHand>::new(&site, None, plan, 1);
    let each =
        regatta::for_each(0..program.plans.len(), program.limit.unwrap_or(1000), task, async |mut done| {
            let mut read = Vec::new();
            while read.len() < count
                && let Some((index, result)) = done.next_indexed().await
            {
                read.push((index, how(&result)));
            }
            (read, done)
        });
    let each = configure!(each.expect("it is not zero"), sim, &site);
    let (read, mut done) = sim.run(each).unwrap_or_else(|deadlock| panic!("{deadlock}"));
    let elapsed = tick(site.clock.now());
    site.assert_clean();
    let rest = sim.run(async {
        let mut rest = Vec::new();
        while let Some((index, result)) = done.next_indexed().await {
            rest.push((index, how(&result)));
        }
        rest
    });
    (read, rest.unwrap_or_else(|deadlock| panic!("{deadlock}")), elapsed)
}
