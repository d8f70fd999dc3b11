//! `Options`: what may be said of one job.

use crate::Key;
use regatta_core::{Class, Request, Time};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// What may be said of one job when it is pushed.
///
/// # Defaults
///
/// Priority 0, cost 1, no class, no key, no delay, no metadata; a key that is taken refuses the job.
///
/// ```
/// use regatta_core::Class;
/// use regatta_queue::{OnDuplicate, Options};
/// use std::time::Duration;
///
/// let options = Options::new()
///     .priority(5)
///     .class(Class::of("example.org"))
///     .key("example.org/index")
///     .on_duplicate(OnDuplicate::Join)
///     .delay(Duration::from_secs(3));
/// # let _ = options;
/// ```
#[derive(Clone, Default, Debug)]
#[must_use = "options change nothing until a job is pushed with them"]
pub struct Options {
    pub(crate) request: Request,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What most jobs have nothing of.
#[derive(Clone, Default, Debug)]
pub(crate) struct Rare {
    pub(crate) key: Option<Key>,
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) start: Start,
}

pub(crate) type Metadata = Arc<dyn Any + Send + Sync>;

/// When a job may start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Start {
    #[default]
    Now,
    After(Duration),
    At(Time),
}

/// What becomes of a job whose [key](Options::key) another one has that has no end yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// It is refused, with the id of the other one.
    #[default]
    Reject,
    /// The other one stands for both: the job is dropped, and the push gives the other one's id. For a ticket, use
    /// [`submit_or_join`](crate::Queue::submit_or_join), which shares the result.
    Join,
    /// It takes the other one's place, if that has not been started: that one ends as
    /// [`NotStarted`](regatta_core::TaskError::NotStarted). Beside one that was started it is a job of its own, which
    /// has the key from then on.
    Replace,
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Higher is more urgent: before the door of a full queue always, inside it if its
    /// [discipline](crate::Builder::discipline) looks at priorities.
    pub fn priority(mut self, priority: i32) -> Self {
        self.request = self.request.priority(priority);
        self
    }

    /// How much of a strategy's limits the job uses up.
    pub fn cost(mut self, cost: u32) -> Self {
        self.request = self.request.cost(cost);
        self
    }

    /// The host, tenant or user that it belongs to, for [limits per class](crate::Builder::class_limit) and strategies
    /// that look at classes.
    pub fn class(mut self, class: Class) -> Self {
        self.request = self.request.class(class);
        self
    }

    /// A name for the job. While it has no end, no other job of the queue has the same; see
    /// [`on_duplicate`](Self::on_duplicate).
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.rare().key = Some(key.into());
        self
    }

    /// What to do if the key is taken.
    pub fn on_duplicate(mut self, policy: OnDuplicate) -> Self {
        self.rare().on_duplicate = policy;
        self
    }

    /// It starts after this time at the earliest; until then it has its place in the queue.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.rare().start = Start::After(delay);
        self
    }

    /// It starts at this instant at the earliest.
    pub fn at(mut self, time: Time) -> Self {
        self.rare().start = Start::At(time);
        self
    }

    /// Anything that is to go with it: the handler finds it in its context, and who reads the result in that.
    pub fn metadata(mut self, metadata: impl Any + Send + Sync) -> Self {
        self.rare().metadata = Some(Arc::new(metadata));
        self
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn take_key(&mut self) -> (Option<Key>, OnDuplicate) {
        match &mut self.rare {
            Some(rare) => (rare.key.take(), rare.on_duplicate),
            None => (None, OnDuplicate::Reject),
        }
    }
}
