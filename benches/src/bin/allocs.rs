//! Counts the allocations of our subjects: `allocs GROUP TASKS` prints a JSON object of allocations per task.

#![forbid(unsafe_code)]

use regatta_benches::{Allocations, GROUPS, measure};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::error::Error;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (group, tasks) = args.next().zip(args.next()).ok_or("usage: allocs GROUP TASKS")?;
    let tasks: u64 = tasks.parse()?;
    let group = GROUPS.iter().find(|known| known.name == group).ok_or("no such group")?;
    let runtime = measure::runtime();
    let mut counted = Allocations::new();
    for subject in (group.ours)() {
        // Once for what is made only once.
        (subject.run)(&runtime, tasks);
        let region = Region::new(ALLOCATOR);
        (subject.run)(&runtime, tasks);
        let change = region.change();
        let count = change.allocations + change.reallocations;
        counted.insert(subject.name(), count as f64 / tasks as f64);
    }
    println!("{}", serde_json::to_string(&counted)?);
    Ok(())
}
