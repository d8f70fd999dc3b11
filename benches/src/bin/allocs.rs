//! Counts the allocations of our subjects: `allocs GROUP TASKS` prints a JSON object of what is allocated per
//! task.

#![forbid(unsafe_code)]

use regatta_benches::{Allocated, Allocations, GROUPS, measure};
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
        let per_task = |count: usize| count as f64 / tasks as f64;
        let times = per_task(change.allocations + change.reallocations);
        // A reallocation that grows counts with what it adds.
        let bytes = per_task(change.bytes_allocated);
        counted.insert(subject.name(), Allocated { times, bytes });
    }
    println!("{}", serde_json::to_string(&counted)?);
    Ok(())
}
