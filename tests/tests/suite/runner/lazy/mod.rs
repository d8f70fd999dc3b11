//! The faces over an iterator: `try_map`, `race`, `stream`, `for_each_sync`; strategies and observers for all of them.

mod faces;
mod for_each_sync;
mod observers;
mod race;
mod stops;
mod strategies;
mod stream;
mod try_map;
mod typing;

use std::fmt;

/// Panics when it is dropped, unless a panic is on its way already.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the drop panicked");
        }
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bomb")
    }
}

/// How a task, or a run that is one result, failed.
fn failed<T: fmt::Debug, E: fmt::Display>(result: Result<T, E>) -> String {
    result.expect_err("it has no value").to_string()
}
