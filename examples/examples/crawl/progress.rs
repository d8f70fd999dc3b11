//! How far it is: one line that changes on a terminal, a line per second elsewhere.

use crate::crawler::Pages;
use regatta::{Clock, SystemClock};
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

/// Says how far the queue is, from time to time, and never ends; dropped, it takes its line away.
pub(crate) async fn show<T>(queue: &Pages) -> T {
    let line = Line { is_terminal: stderr().is_terminal() };
    let pause = Duration::from_millis(if line.is_terminal { 100 } else { 1000 });
    loop {
        SystemClock.sleep_until(SystemClock.now() + pause).await;
        let now = queue.stats();
        line.say(&format!(
            "{} of {} pages done; {} on their way, {} waiting, {} to be tried again; {} retries",
            now.settled, now.admitted, now.running, now.pending, now.delayed, now.retries
        ));
    }
}

struct Line {
    is_terminal: bool,
}

impl Line {
    fn say(&self, text: &str) {
        let told = if self.is_terminal {
            // Back to its beginning, and away with the rest.
            write!(stderr(), "\r{text}\x1b[K")
        } else {
            writeln!(stderr(), "{text}")
        };
        // Without standard error there is nobody to tell.
        let _ = told;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_terminal {
            self.say("");
        }
    }
}
