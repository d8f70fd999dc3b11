//! `LogLines`: what happens to tasks, as plain lines of text.

use crate::text::one_line;
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
/// To standard error; no name; a progress line at most every 2 s of real time, and a last one when the run is over;
/// failures and retries always.
///
/// Each part can be silenced: [`every(Duration::MAX)`](LogLines::every) leaves the progress lines out,
/// [`without_failures`](LogLines::without_failures) the others. Tasks that the run never started have no lines of their
/// own, which could be millions: the progress lines count them, and where those are silenced, one line at the end.
///
/// A line stays a line whatever stands in a key or an error: line breaks are escaped. A line that can't be written is
/// dropped: a full disk must not end the run.
///
/// # Several runs
///
/// Give each run its own, with a [`name`](LogLines::named) to tell them apart; each line is written at once, so that
/// they don't mix. Or share one among them, in an `Arc`: then the figures are those of all, and so must be the
/// [`total`](LogLines::total).
///
/// # Examples
///
/// ```
/// # use regatta_core::{Event, EventKind, Observer, Time};
/// use regatta_engine::LogLines;
///
/// let lines = LogLines::stderr().named("night load").total(2);
/// // night load: "user2": failed: no route
/// // night load: 2 of 2 done, 1 not ok
/// # let ended = |error| EventKind::Finished { attempts: 1, state: "failed", error };
/// # lines.on_event(&Event::new(0, &"user1", Time::ZERO, ended(None)));
/// # lines.on_event(&Event::new(1, &"user2", Time::ZERO, ended(Some("no route"))));
/// ```
pub struct LogLines {
    out: Mutex<Lines>,
    every: Duration,
    failures: bool,
}

struct Lines {
    out: Box<dyn Write + Send>,
    /// What each line begins with.
    prefix: String,
    last: Instant,
    /// Something has ended since the last progress line.
    news: bool,
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
        let lines = Lines {
            out: Box::new(out),
            prefix: String::new(),
            last: Instant::now(),
            news: false,
            total: None,
            finished: 0,
            failed: 0,
            never: 0,
        };
        Self { out: Mutex::new(lines), every: Duration::from_secs(2), failures: true }
    }

    /// Each line begins with this name, to tell runs apart.
    #[must_use]
    pub fn named(self, name: impl AsRef<str>) -> Self {
        self.lock().prefix = format!("{}: ", one_line(name.as_ref()));
        self
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

    /// No lines for failures and retries, nor for what never started.
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
            // A run that is stopped may have millions of these; they are counted.
            EventKind::Finished { attempts: 0, state: "not started", .. } => None,
            EventKind::Finished { error: Some(error), state, .. } if self.failures => {
                Some(format!("{:?}: {state}: {error}", event.name))
            }
            _ => None,
        };
        let mut lines = self.lock();
        if let Some(line) = line {
            lines.write(&line);
        }
        match event.kind {
            EventKind::Finished { attempts: 0, .. } => lines.never += 1,
            EventKind::Finished { error, .. } => {
                lines.finished += 1;
                lines.failed += usize::from(error.is_some());
            }
            _ => return,
        }
        lines.news = true;
        let over = lines.total == Some(lines.finished + lines.never);
        if self.every < Duration::MAX && (over || lines.last.elapsed() >= self.every) {
            lines.progress();
        }
    }
}

/// The run is over, or was dropped: how far it came.
impl Drop for LogLines {
    fn drop(&mut self) {
        let lines = self.out.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.every < Duration::MAX {
            if lines.news {
                lines.progress();
            }
        } else if self.failures && lines.never > 0 {
            lines.write(&format!("{} never started", lines.never));
        }
    }
}

impl Lines {
    fn progress(&mut self) {
        (self.last, self.news) = (Instant::now(), false);
        let mut line = self.finished.to_string();
        if let Some(total) = self.total {
            line += &format!(" of {total}");
        }
        line += &format!(" done, {} not ok", self.failed);
        if self.never > 0 {
            line += &format!(", {} never started", self.never);
        }
        self.write(&line);
    }

    fn write(&mut self, line: &str) {
        // One write per line, so that lines of several runs don't mix.
        let line = format!("{}{}\n", self.prefix, one_line(line));
        let _ = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl fmt::Debug for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLines").field("every", &self.every).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
