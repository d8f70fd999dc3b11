//! `Watchdog`: a test that hangs fails with a message.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test may make no progress. Real time: this is about the machine, not about the story.
const PATIENCE: Duration = Duration::from_secs(30);

/// Watches a test from a thread of its own and ends the process, with a message, if the test makes no progress for
/// 30 s of real time. A thread that is stuck can't be stopped in a gentler way. Lets go when it is dropped.
pub struct Watchdog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    progress: u64,
    over: bool,
}

impl Watchdog {
    /// Watches the test that runs on this thread.
    pub fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let test = thread::current().name().unwrap_or("a test without a name").to_owned();
        let watched = shared.clone();
        thread::spawn(move || watched.watch(&test));
        Self(shared)
    }

    /// The test is alive.
    pub fn progress(&self) {
        self.0.lock().progress += 1;
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn watch(&self, test: &str) {
        let mut state = self.lock();
        let (mut seen, mut since) = (state.progress, Instant::now());
        while !state.over {
            let (guard, _) =
                self.changed.wait_timeout(state, PATIENCE / 10).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if state.progress != seen {
                (seen, since) = (state.progress, Instant::now());
            }
            if !state.over && since.elapsed() > PATIENCE {
                // Past the test harness, which would keep it back until the test ends.
                let message =
                    format!("\n{test}: no progress for {PATIENCE:?}: blocked, spinning, or not woken\n");
                let _ = std::io::stderr().write_all(message.as_bytes());
                std::process::exit(101);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
