//! `Listeners`: who hears of a run's tasks, and how their errors read.

use regatta_core::{EventKind, TaskError, Time};
use regatta_engine::{Observers, TaskReport, contain_or};
use std::fmt;

/// The observers of a run, and the spans of its tasks.
pub(crate) struct Listeners<E> {
    /// How an error looks in an event; set with the first listener, which is what asks for `E: Display`.
    pub(crate) text: Option<Text<E>>,
    pub(crate) observers: Observers,
    #[cfg(feature = "tracing")]
    pub(crate) spans: Option<regatta_engine::Spans>,
}

/// The error's `Display` is user code.
pub(crate) type Text<E> = fn(&TaskError<E>) -> String;

impl<E> Listeners<E> {
    pub(crate) fn new() -> Self {
        Self {
            text: None,
            observers: Observers::new(),
            #[cfg(feature = "tracing")]
            spans: None,
        }
    }

    /// Whether anybody listens: if not, an event need not be made.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        #[cfg(feature = "tracing")]
        if self.spans.as_ref().is_some_and(|spans| !spans.is_empty()) {
            return true;
        }
        !self.observers.is_empty()
    }

    /// A task has been added.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(crate) fn open(&mut self, id: usize, key: &dyn fmt::Debug, run: Option<&str>) {
        if let Some(spans) = &mut self.spans {
            spans.open(id, key, run);
        }
    }

    #[inline]
    pub(crate) fn tell(&mut self, id: usize, key: &dyn fmt::Debug, now: Time, kind: EventKind<'_>) {
        #[cfg(feature = "tracing")]
        if let Some(spans) = &mut self.spans {
            spans.tell(&regatta_core::Event::new(id, key, now, kind));
        }
        if !self.observers.is_empty() {
            self.observers.tell(id, key, now, kind);
        }
    }

    pub(crate) fn retrying<K: fmt::Debug, T>(
        &mut self,
        id: usize,
        now: Time,
        due: Time,
        task: &TaskReport<K, T, E>,
        error: &TaskError<E>,
    ) {
        if self.is_any() {
            let error = self.read(error).unwrap_or_default();
            let kind = EventKind::Retrying { attempt: task.attempts(), delay: due.since(now), error: &error };
            self.tell(id, task.key(), now, kind);
        }
    }

    pub(crate) fn finished<K: fmt::Debug, T>(&mut self, id: usize, now: Time, task: &TaskReport<K, T, E>) {
        let error = task.result().as_ref().err().and_then(|error| self.read(error));
        let kind =
            EventKind::Finished { attempts: task.attempts(), state: task.state(), error: error.as_deref() };
        self.tell(id, task.key(), now, kind);
    }

    fn read(&self, error: &TaskError<E>) -> Option<String> {
        let text = self.text?;
        Some(contain_or(None, || Some(text(error))).unwrap_or_else(|| String::from("(its Display panicked)")))
    }
}
