//! `Progress`: a progress bar on the terminal. Feature `progress`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regatta_core::{Event, EventKind, Observer};
use std::fmt;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An observer that draws a progress bar on standard error: how many tasks are done, how many are not ok, how long
/// the rest may take.
///
/// Draws nothing where standard error is no terminal; [`LogLines`](crate::LogLines) is for there. The bar vanishes when
/// the run is over or dropped. Tasks that the run never started leave it where the run stopped.
///
/// Two bars at once would draw over each other. Runs that go on at the same time share one, in an `Arc`, for the tasks
/// of all.
pub struct Progress {
    bar: ProgressBar,
    failed: AtomicUsize,
}

impl Progress {
    /// A bar for `total` tasks.
    ///
    /// # Panics
    ///
    /// Never: the template is fixed.
    pub fn new(total: usize) -> Self {
        Self::on(ProgressDrawTarget::stderr(), total)
    }

    fn on(target: ProgressDrawTarget, total: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} eta {eta} {msg}")
            .expect("the template is fixed and valid");
        bar.set_style(style.progress_chars("##-"));
        Self { bar, failed: AtomicUsize::new(0) }
    }

    /// Whether a bar would be seen: standard error is a terminal.
    pub fn is_visible() -> bool {
        std::io::stderr().is_terminal()
    }
}

impl Observer for Progress {
    fn on_event(&self, event: &Event<'_>) {
        let error = match event.kind {
            // Something to see before the first task ends.
            EventKind::Queued if self.bar.position() == 0 => return self.bar.tick(),
            // What never started was not done: the bar stays where the run stopped.
            EventKind::Finished { attempts: 1.., error, .. } => error,
            _ => return,
        };
        if error.is_some() {
            let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
            self.bar.set_message(format!("{failed} not ok"));
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("done", &self.bar.position()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
