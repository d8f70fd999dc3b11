//! `Spans`: a `tracing` span for each task of a run, and its events in it. Feature `tracing`.

use crate::contain::{contain_drop, contain_or};
use hashbrown::HashMap;
use regatta_core::{Event, EventKind};
use std::fmt::{self, Debug};
use std::time::Duration;
use tracing::{Level, Span, event, span};

/// The spans of the tasks of one run that have not ended.
///
/// What a subscriber hears, all of it with the target `regatta`:
///
/// | name | what | level | fields |
/// |---|---|---|---|
/// | `task` | span, from adding to the outcome | ERROR | `run` (if the run has a name), `key` (its `Debug`), `id` |
/// | `queued` | event | DEBUG | |
/// | `started` | event | DEBUG | `attempt` (1 is the first) |
/// | `retrying` | event | WARN | `attempt` (that failed), `delay` (the `Debug` of a `Duration`), `error` |
/// | `finished` | event | INFO if ok, else WARN | `state`, `attempts` (0 if it never started), `error` (if any) |
///
/// - An event's name is its message, too. `state` is `ok` or a failure's [`state`](regatta_core::TaskError::state),
///   `error` is the failure as text.
/// - The parent of a task's span is the span that is current where the task is added. The events' parent is the task's
///   span.
/// - A span's level only says which filters let it through: that of a task gets through all that let any event through,
///   so that also an error which the task's own code logs is seen with the task's key.
/// - Where a task's span is filtered out as it is added, or nobody has subscribed by then, nothing is told of the task.
///
/// Without a subscriber, adding a task costs the check that nobody listens, and nothing is kept. Otherwise memory is
/// O(tasks that have not ended). A panic of a subscriber, or in a key's `Debug`, costs what it would have told and
/// nothing else.
///
/// # Examples
///
/// ```
/// use regatta_core::{Event, EventKind, Time};
/// use regatta_engine::Spans;
///
/// let mut spans = Spans::new();
/// spans.open(0, &"user1", Some("night load"));
/// spans.span(0).in_scope(|| { /* poll the task */ });
/// let kind = EventKind::Finished { attempts: 1, state: "ok", error: None };
/// spans.tell(&Event::new(0, &"user1", Time::ZERO, kind));
/// assert!(spans.span(0).is_none());
/// ```
#[derive(Default)]
pub struct Spans {
    open: HashMap<usize, Span>,
}

impl Spans {
    /// No spans.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the span of the task with this number and key, in the span that is current here. `run` is the name of the
    /// run.
    pub fn open(&mut self, id: usize, key: &dyn Debug, run: Option<&str>) {
        let span = contain_or(Span::none(), || {
            // `ERROR`, so that it gets through wherever an event does.
            span!(target: "regatta", Level::ERROR, "task", run, key = ?key, id)
        });
        if span.is_disabled() {
            return;
        }
        if let Some(former) = self.open.insert(id, span) {
            contain_drop(|| drop(former));
        }
    }

    /// The span of the task with this number, to poll the task in; [`Span::none`] if it has ended or nobody listens.
    ///
    /// The span is closed when the task has ended and all clones are dropped.
    pub fn span(&self, id: usize) -> Span {
        match self.open.get(&id) {
            Some(span) => contain_or(Span::none(), || span.clone()),
            None => Span::none(),
        }
    }

    /// Whether nobody listens, or all tasks have ended: then an event need not be made.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Tells what happened, in the task's span, and lets go of the span if the task has its outcome.
    pub fn tell(&mut self, event: &Event<'_>) {
        let Some(span) = self.open.get(&event.id) else { return };
        contain_or((), || emit(span, event.kind));
        if let EventKind::Finished { .. } = event.kind {
            let over = self.open.remove(&event.id);
            contain_drop(|| drop(over));
        }
    }
}

fn emit(span: &Span, kind: EventKind<'_>) {
    match kind {
        EventKind::Queued => {
            event!(name: "queued", target: "regatta", parent: span, Level::DEBUG, "queued");
        }
        EventKind::Started { attempt } => {
            event!(name: "started", target: "regatta", parent: span, Level::DEBUG, attempt, "started");
        }
        EventKind::Retrying { attempt, delay, error } => retrying(span, attempt, delay, error),
        EventKind::Finished { attempts, state: state @ "ok", error } => {
            event!(name: "finished", target: "regatta", parent: span, Level::INFO, state, attempts, error, "finished");
        }
        EventKind::Finished { attempts, state, error } => {
            event!(name: "finished", target: "regatta", parent: span, Level::WARN, state, attempts, error, "finished");
        }
        _ => {}
    }
}

fn retrying(span: &Span, attempt: u32, delay: Duration, error: &str) {
    event!(
        name: "retrying",
        target: "regatta",
        parent: span,
        Level::WARN,
        attempt,
        delay = ?delay,
        error,
        "retrying"
    );
}

impl Drop for Spans {
    fn drop(&mut self) {
        for (_, span) in self.open.drain() {
            contain_drop(|| drop(span));
        }
    }
}

impl Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("open", &self.open.len()).finish()
    }
}

#[cfg(test)]
mod tests;
