//! How things fail: a task ([`TaskError`]), a panic ([`Panic`]), a setting ([`ConfigError`]).

use crate::Readiness;
use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// How a task ended without a value. `E` is the task's own error type and passes through untouched.
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError<E> {
    /// The task returned this error.
    Failed(E),
    /// The task panicked.
    Panicked(Panic),
    /// The task was stopped because its time was up.
    TimedOut {
        /// The budget that was used up.
        after: Duration,
    },
    /// The task was stopped on request, or its executor dropped it.
    Cancelled,
    /// The task was never started.
    NotStarted(NotStarted),
    /// A strategy refused the task for good.
    Rejected(Rejection),
    /// A task that this one depends on did not succeed.
    Skipped(Box<Skipped>),
}

/// Because of which tasks another one was skipped.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// The task whose failure is at the root.
    pub cause: String,
    /// The direct dependency through which the failure arrived.
    pub via: String,
}

impl Skipped {
    /// Skipped because of `cause`, which arrived through `via`.
    pub fn new(cause: impl Into<String>, via: impl Into<String>) -> Self {
        Self { cause: cause.into(), via: via.into() }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, via } = self;
        write!(f, "{cause} did not succeed")?;
        if cause == via { Ok(()) } else { write!(f, " (by way of {via})") }
    }
}

impl<E> TaskError<E> {
    /// The task's own error, if that is how it ended.
    pub fn failure(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Panicked(_)
            | Self::TimedOut { .. }
            | Self::Cancelled
            | Self::NotStarted(_)
            | Self::Rejected(_)
            | Self::Skipped(_) => None,
        }
    }

    /// One word for tables and logs: `failed`, `panicked`, `timed out`, `cancelled`, `not started`, `rejected`,
    /// `skipped`.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut { .. } => "timed out",
            Self::Cancelled => "cancelled",
            Self::NotStarted(_) => "not started",
            Self::Rejected(_) => "rejected",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Changes the type of the task's own error and nothing else.
    pub fn map<U>(self, f: impl FnOnce(E) -> U) -> TaskError<U> {
        match self {
            Self::Failed(error) => TaskError::Failed(f(error)),
            Self::Panicked(panic) => TaskError::Panicked(panic),
            Self::TimedOut { after } => TaskError::TimedOut { after },
            Self::Cancelled => TaskError::Cancelled,
            Self::NotStarted(why) => TaskError::NotStarted(why),
            Self::Rejected(why) => TaskError::Rejected(why),
            Self::Skipped(why) => TaskError::Skipped(why),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(panic) => write!(f, "panicked: {panic}"),
            Self::TimedOut { after } => write!(f, "timed out after {after:?}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::NotStarted(why) => write!(f, "not started: {why}"),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for TaskError<E> {}

/// What a panic left behind: its message, and the payload for those who want to raise it again.
pub struct Panic(Box<PanicParts>);

/// Boxed, so that the rare case doesn't make every result of every task larger.
struct PanicParts {
    message: Cow<'static, str>,
    // Only to make `Panic` (and with it `TaskError`) `Sync`: it is never locked for longer than a move.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    /// Wraps what `std::panic::catch_unwind` caught.
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            Cow::Borrowed(*text)
        } else if let Some(text) = payload.downcast_ref::<String>() {
            Cow::Owned(text.clone())
        } else {
            Cow::Borrowed("a payload that is not text")
        };
        Self(Box::new(PanicParts { message, payload: Mutex::new(payload) }))
    }

    /// The text given to `panic!`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The payload, as `std::thread::Result` would carry it.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on panicking with the same payload, without running the panic hook again.
    ///
    /// # Panics
    ///
    /// Always; that is what it is for.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message()).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// Why a task never started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// The task, or its whole run, was cancelled first.
    #[error("it was cancelled first")]
    Cancelled,
    /// The run's own time was up first.
    #[error("the run's time was up")]
    TimedOut,
    /// A stop rule ended the run first.
    #[error("the run was stopped by its stop rule")]
    Stopped,
    /// The executor refused the task (it panicked while spawning: no runtime there?).
    #[error("the executor could not spawn it")]
    Spawn,
    /// The source of tasks panicked first.
    #[error("the source of tasks panicked")]
    Source,
}

/// Why a strategy refuses a request for good: waiting would not help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request costs more than the strategy can ever give at once.
    #[error("it costs {cost}, and at most {max} can ever be given at once")]
    TooCostly {
        /// What the request costs.
        cost: u32,
        /// The most that is given at once.
        max: u32,
    },
    /// A breaker is open and set to fail fast.
    #[error("the breaker is open")]
    Open,
    /// The limiter was closed.
    #[error("the limiter is closed")]
    Closed,
    /// It could not be admitted before its deadline.
    #[error("it could not be admitted before its deadline")]
    TooLate,
    /// The strategy panicked, and is not asked again.
    #[error("the strategy panicked")]
    Panicked,
}

impl From<Rejection> for Readiness {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// A setting that was refused when it was made: which one, the value, and the rule that it breaks.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{field} = {value}: {rule}")]
pub struct ConfigError {
    /// The setting's name.
    pub field: &'static str,
    /// The refused value, as text.
    pub value: String,
    /// The rule, as a sentence fragment: "must be at least 1".
    pub rule: &'static str,
}

impl ConfigError {
    /// An error for `field`, which can't be `value` because of `rule`.
    pub fn new(field: &'static str, value: impl fmt::Display, rule: &'static str) -> Self {
        Self { field, value: value.to_string(), rule }
    }
}
