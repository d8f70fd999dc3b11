//! How many seeds, and running them.

use crate::Watchdog;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The seeds to run: `default` of them, as many as `REGATTA_SEEDS` says, or the one that `REGATTA_SEED` names.
///
/// # Panics
///
/// If one of the variables is set and isn't a number.
pub fn seeds(default: u64) -> Range<u64> {
    match variable("REGATTA_SEED") {
        Some(seed) => seed..seed.saturating_add(1),
        None => 0..variable("REGATTA_SEEDS").unwrap_or(default),
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: must be a number")))
}

/// Runs `check` for each seed and prints how many there were; a failure is reported with its seed.
///
/// # Panics
///
/// With the panic of the first check that fails.
pub fn oracle(name: &str, default: u64, mut check: impl FnMut(u64)) {
    let watchdog = Watchdog::new();
    let seeds = seeds(default);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        watchdog.progress();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(seed))) {
            eprintln!("oracle {name}: seed {seed} failed; REGATTA_SEED={seed} runs it alone");
            resume_unwind(panic);
        }
    }
    println!("oracle {name}: {count} seeds");
}
