//! `LogLines`: what happens to tasks, as plain lines of text.

use regatta_core::{Event, EventKind, Observer};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An observer that writes a line for each failure and each retry, and from time to time one that tells how far the
/// run is. For logs and pipes, where a progress bar would be noise.
///
/// # Defaults
///
/// To standard error; a progress line at most every 2 s of real time; failures and retries always.
///
/// A line that can't be written is dropped: a full disk must not end the run.
pub struct LogLines {
    out: Mutex<Lines>,
    every: Duration,
    failures: bool,
}

struct Lines {
    out: Box<dyn Write + Send>,
    last: Instant,
    total: Option<usize>,
    finished: usize,
    failed: usize,
    /// Have their outcome without ever having been started.
    never: usize,
}

impl LogLines {
    /// Lines on standard error.
    pub fn stderr() -> Self {
        Self::to(io::stderr())
    }

    /// Lines to `out`.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        let lines =
            Lines { out: Box::new(out), last: Instant::now(), total: None, finished: 0, failed: 0, never: 0 };
        Self { out: Mutex::new(lines), every: Duration::from_secs(2), failures: true }
    }

    /// Progress lines say "of `total`".
    #[must_use]
    pub fn total(self, total: usize) -> Self {
        self.lock().total = Some(total);
        self
    }

    /// A progress line at most this often; [`Duration::MAX`] for none.
    #[must_use]
    pub fn every(mut self, pause: Duration) -> Self {
        self.every = pause;
        self
    }

    /// No lines for failures and retries.
    #[must_use]
    pub fn without_failures(mut self) -> Self {
        self.failures = false;
        self
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for LogLines {
    fn on_event(&self, event: &Event<'_>) {
        // The key's `Debug` is user code: it runs before the lock is taken.
        let line = match event.kind {
            EventKind::Retrying { attempt, delay, error } if self.failures => {
                Some(format!("{:?}: attempt {attempt} failed, again in {delay:?}: {error}", event.name))
            }
            EventKind::Finished { error: Some(error), state, .. } if self.failures => {
                Some(format!("{:?}: {state}: {error}", event.name))
            }
            _ => None,
        };
        let mut lines = self.lock();
        if let Some(line) = line {
            lines.write(format_args!("{line}"));
        }
        match event.kind {
            EventKind::Finished { attempts: 0, .. } => lines.never += 1,
            EventKind::Finished { error, .. } => {
                lines.finished += 1;
                lines.failed += usize::from(error.is_some());
            }
            _ => return,
        }
        lines.progress(self.every);
    }
}

impl Lines {
    fn progress(&mut self, every: Duration) {
        let over = self.total == Some(self.finished + self.never);
        if self.last.elapsed() < every && !(over && every < Duration::MAX) {
            return;
        }
        self.last = Instant::now();
        let mut line = self.finished.to_string();
        if let Some(total) = self.total {
            line += &format!(" of {total}");
        }
        line += &format!(" done, {} not ok", self.failed);
        if self.never > 0 {
            line += &format!(", {} never started", self.never);
        }
        self.write(format_args!("{line}"));
    }

    fn write(&mut self, line: fmt::Arguments<'_>) {
        // One write per line, so that lines of several threads don't mix.
        let line = format!("{line}\n");
        let _ = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl fmt::Debug for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLines").field("every", &self.every).finish_non_exhaustive()
    }
}
