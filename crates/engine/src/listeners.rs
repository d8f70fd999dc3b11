//! `Listeners`: who hears of a run's tasks, and how their errors read.

use crate::contain::contain_or;
use crate::observers::Observers;
#[cfg(feature = "tracing")]
use regatta_core::Event;
use regatta_core::{EventKind, Observer, TaskError, Time};
use std::fmt;
use std::time::Duration;

/// Who hears of a run's tasks, and how their errors read: its [`Observers`] and, with the feature `tracing`, the spans of
/// its tasks. A part of a [`Source`](crate::Source).
///
/// Without a listener, a call costs a look whether there is one. One that panics hears nothing more; an error whose
/// `Display` panics reads as such. Drop it after everything that its listeners could hear of.
pub struct Listeners<E> {
    /// How an error looks in an event; set with the first listener, which is what asks for `E: Display`.
    text: Option<Text<E>>,
    observers: Observers,
    #[cfg(feature = "tracing")]
    spans: Option<crate::Spans>,
}

/// The error's `Display` is user code.
type Text<E> = fn(&TaskError<E>) -> String;

impl<E> Listeners<E> {
    /// Nobody listens.
    pub fn new() -> Self {
        Self {
            text: None,
            observers: Observers::new(),
            #[cfg(feature = "tracing")]
            spans: None,
        }
    }

    /// One more listener.
    pub fn add(&mut self, observer: impl Observer + 'static)
    where
        E: fmt::Display,
    {
        self.text = Some(ToString::to_string);
        self.observers.add(observer);
    }

    /// From now on, a span is opened for each task.
    #[cfg(feature = "tracing")]
    pub fn trace(&mut self)
    where
        E: fmt::Display,
    {
        self.text = Some(ToString::to_string);
        self.spans.get_or_insert_default();
    }

    /// The span of a task; one that is disabled if there are none.
    #[cfg(feature = "tracing")]
    pub fn span(&self, id: usize) -> tracing::Span {
        self.spans.as_ref().map_or_else(tracing::Span::none, |spans| spans.span(id))
    }

    /// Whether anybody listens: if not, an event need not be made.
    #[inline]
    pub fn is_any(&self) -> bool {
        #[cfg(feature = "tracing")]
        if self.spans.as_ref().is_some_and(|spans| !spans.is_empty()) {
            return true;
        }
        !self.observers.is_empty()
    }

    /// A task has been added: opens its span, if there are spans.
    #[cfg(feature = "tracing")]
    #[inline]
    pub fn open(&mut self, id: usize, key: &dyn fmt::Debug, run: Option<&str>) {
        if let Some(spans) = &mut self.spans {
            spans.open(id, key, run);
        }
    }

    /// Tells everybody.
    #[inline]
    pub fn tell(&mut self, id: usize, key: &dyn fmt::Debug, now: Time, kind: EventKind<'_>) {
        #[cfg(feature = "tracing")]
        if let Some(spans) = &mut self.spans {
            spans.tell(&Event::new(id, key, now, kind));
        }
        if !self.observers.is_empty() {
            self.observers.tell(id, key, now, kind);
        }
    }

    /// The attempt of this number has failed, and there is another after the pause: `(attempt, delay)`.
    #[inline]
    pub fn retrying(
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
    pub fn finished<T>(
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

impl<E> Default for Listeners<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Listeners<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.observers).finish()
    }
}
