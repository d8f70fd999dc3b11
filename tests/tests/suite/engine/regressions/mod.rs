//! What once went wrong in the engine, one story each.

mod sources;
mod spawned;
mod strategies;

use super::toy::PLANNED;
use std::panic::resume_unwind;
use std::thread;

/// Panics when it is dropped, unless a panic is on its way already.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            resume_unwind(Box::new(PLANNED));
        }
    }
}

/// Panics with a payload that panics as well, when it is dropped.
fn panic_with_a_bomb() -> ! {
    resume_unwind(Box::new(Bomb))
}
