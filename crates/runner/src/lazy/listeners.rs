//! `Listeners`: tells the observers of a lazy run what happens to its items.

use regatta_core::{EventKind, Observer, TaskError, Time};
use regatta_engine::{Observers, contain_or};
use std::fmt;

/// The observers of a run, and how they read its errors. An item's id is its index, and so is its name.
pub(crate) struct Listeners<E> {
    observers: Observers,
    /// How an error looks in an event; set with the first observer, which is what asks for `E: Display`.
    text: Option<Text<E>>,
}

/// The error's `Display` is user code.
type Text<E> = fn(&TaskError<E>) -> String;

impl<E> Listeners<E> {
    pub(crate) fn none() -> Self {
        Self { observers: Observers::new(), text: None }
    }

    pub(crate) fn add(&mut self, observer: impl Observer + 'static)
    where
        E: fmt::Display,
    {
        self.text = Some(ToString::to_string);
        self.observers.add(observer);
    }

    /// Whether nobody listens.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.observers.is_empty()
    }

    /// An item was pulled.
    pub(crate) fn queued(&mut self, index: usize, now: Time) {
        self.observers.tell(index, &index, now, EventKind::Queued);
    }

    /// An item was pulled, and its task is being made.
    #[cold]
    #[inline(never)]
    pub(crate) fn started(&mut self, index: usize, now: Time) {
        self.queued(index, now);
        self.observers.tell(index, &index, now, EventKind::Started { attempt: 1 });
    }

    /// It has its result. `attempts` is 0 if it was never started.
    pub(crate) fn finished<T>(
        &mut self,
        index: usize,
        now: Time,
        attempts: u32,
        result: &Result<T, TaskError<E>>,
    ) {
        let error = result.as_ref().err();
        let text = error.and_then(|error| self.read(error));
        let state = error.map_or("ok", TaskError::state);
        let kind = EventKind::Finished { attempts, state, error: text.as_deref() };
        self.observers.tell(index, &index, now, kind);
    }

    fn read(&self, error: &TaskError<E>) -> Option<String> {
        let text = self.text?;
        Some(contain_or(None, || Some(text(error))).unwrap_or_else(|| String::from("(its Display panicked)")))
    }
}
