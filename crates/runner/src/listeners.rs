//! `Listeners`: who hears of a run's tasks, and how their errors read.

use regatta_core::{EventKind, Observer, TaskError, Time};
use regatta_engine::{Observers, contain_or};
use std::fmt;
use std::time::Duration;

/// The observers of a run, and the spans of its tasks.
pub(crate) struct Listeners<E> {
    /// How an error looks in an event; set with the first listener, which is what asks for `E: Display`.
    text: Option<Text<E>>,
    observers: Observers,
    #[cfg(feature = "tracing")]
    spans: Option<regatta_engine::Spans>,
}

/// The error's `Display` is user code.
type Text<E> = fn(&TaskError<E>) -> String;

impl<E> Listeners<E> {
    pub(crate) fn new() -> Self {
        Self {
            text: None,
            observers: Observers::new(),
            #[cfg(feature = "tracing")]
            spans: None,
        }
    }

    pub(crate) fn add(&mut self, observer: impl Observer + 'static)
    where
        E: fmt::Display,
    {
        self.text = Some(ToString::to_string);
        self.observers.add(observer);
    }

    /// From now on, a span is opened for each task.
    #[cfg(feature = "tracing")]
    pub(crate) fn trace(&mut self)
    where
        E: fmt::Display,
    {
        self.text = Some(ToString::to_string);
        self.spans.get_or_insert_default();
    }

    /// The span of a task.
    #[cfg(feature = "tracing")]
    pub(crate) fn span(&self, id: usize) -> tracing::Span {
        self.spans.as_ref().map_or_else(tracing::Span::none, |spans| spans.span(id))
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

    /// An attempt has failed, and there is another after `delay`.
    #[inline]
    pub(crate) fn retrying(
        &mut self,
        id: usize,
        key: &dyn fmt::Debug,
        now: Time,
        (attempt, delay): (u32, Duration),
        error: &TaskError<E>,
    ) {
        if self.is_any() {
            let error = self.read(error).unwrap_or_default();
            self.tell(id, key, now, EventKind::Retrying { attempt, delay, error: &error });
        }
    }

    /// A task has its outcome. `attempts` is 0 if it was never started.
    #[inline]
    pub(crate) fn finished<T>(
        &mut self,
        id: usize,
        key: &dyn fmt::Debug,
        now: Time,
        attempts: u32,
        result: &Result<T, TaskError<E>>,
    ) {
        if self.is_any() {
            self.tell_finished(id, key, now, attempts, result.as_ref().err());
        }
    }

    #[cold]
    fn tell_finished(
        &mut self,
        id: usize,
        key: &dyn fmt::Debug,
        now: Time,
        attempts: u32,
        error: Option<&TaskError<E>>,
    ) {
        let text = error.and_then(|error| self.read(error));
        let state = error.map_or("ok", TaskError::state);
        self.tell(id, key, now, EventKind::Finished { attempts, state, error: text.as_deref() });
    }

    fn read(&self, error: &TaskError<E>) -> Option<String> {
        let text = self.text?;
        Some(contain_or(None, || Some(text(error))).unwrap_or_else(|| String::from("(its Display panicked)")))
    }
}
