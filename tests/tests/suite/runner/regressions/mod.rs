//! What once went wrong in runs, one story each.

mod busy;
mod displays;
mod drops;
mod duplicates;
mod grace;
mod handles;
mod iterators;
mod known_mistakes;
mod late_retries;
mod lazily;
mod observers;
mod orders;
mod panics;
mod payloads;
mod results;
mod scopes;
mod spawned;
mod strategies;
mod wakers;
mod zero_limits;

use std::panic::resume_unwind;
use std::thread;

/// Panics when it is dropped, unless a panic is on its way already.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            resume_unwind(Box::new("a bomb"));
        }
    }
}
