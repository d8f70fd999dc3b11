//! `Course`: how a run goes, from its first poll to its stop: its time, its stop rule, its cancellation.

use crate::report::StopReason;
use crate::source::{Control, End};
use regatta_core::{CancelToken, ConfigError, NotStarted, Outcome, Panic, TaskError, Time};
use std::num::NonZeroUsize;
use std::time::Duration;

/// When a run stops before all its tasks have ended: nothing more starts, and what runs is cancelled, at once and without
/// the run's grace.
///
/// All that ended at the same moment counts first, so a run may report more failures than it takes to stop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum StopOn {
    /// It collects everything.
    #[default]
    Never,
    /// At the first task that does not succeed.
    FirstError,
    /// At the so many-th task that does not succeed; see [`StopOn::failures`].
    Failures(NonZeroUsize),
    /// At the first task that succeeds.
    FirstOk,
}

impl StopOn {
    /// At the `count`-th task that does not succeed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if `count` is zero.
    pub fn failures(count: usize) -> Result<Self, ConfigError> {
        NonZeroUsize::new(count)
            .map(Self::Failures)
            .ok_or_else(|| ConfigError::new("failures", count, "must be at least 1"))
    }

    #[inline]
    fn is_met(self, ok: usize, failed: usize) -> bool {
        match self {
            Self::Never => false,
            Self::FirstError => failed >= 1,
            Self::Failures(count) => failed >= count.get(),
            Self::FirstOk => ok >= 1,
        }
    }
}

/// The times and rules of a run.
///
/// # Defaults
///
/// No timeout, no deadline, no time for a task or an attempt, [`StopOn::Never`], no grace, no token.
#[derive(Clone, Debug)]
pub struct CourseSettings {
    /// How long the run may take, from its first pass.
    pub timeout: Duration,
    /// When the run ends at the latest; the earlier of the two counts.
    pub deadline: Time,
    /// How long a task may take, from its first start, over all its attempts. Its source holds it to that.
    pub task_timeout: Option<Duration>,
    /// How long an attempt may take. Its source holds it to that.
    pub attempt_timeout: Option<Duration>,
    /// When it stops before all its tasks have ended.
    pub stop_on: StopOn,
    /// How long what runs may go on after a cancel.
    pub grace: Duration,
    /// Looked at before each start: the driver's own eye on it sees only what happened between two passes.
    pub cancel: Option<CancelToken>,
}

impl Default for CourseSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::MAX,
            deadline: Time::MAX,
            task_timeout: None,
            attempt_timeout: None,
            stop_on: StopOn::Never,
            grace: Duration::ZERO,
            cancel: None,
        }
    }
}

/// How a run goes, from its first pass to its stop: its time, its stop rule, its cancellation. A part of a
/// [`Source`](crate::Source).
///
/// It is a pure state: fed with the time and with what happened, it says what the engine should do, whether more may
/// start, what the end of a task means, and in the end why the run stopped. Each call costs O(1).
///
/// ```
/// use regatta_core::Time;
/// use regatta_engine::{Control, Course, StopReason};
/// use std::time::Duration;
///
/// let mut course = Course::new();
/// course.settings.timeout = Duration::from_secs(10);
/// let (begin, end) = (Time::ZERO, Time::ZERO + Duration::from_secs(10));
/// assert_eq!(course.control(begin, true, Time::MAX), Some(Control::WakeAt(end)));
/// assert_eq!(course.control(end, true, Time::MAX), Some(Control::CancelAll));
/// assert!(!course.is_open());
/// course.left_over();
/// assert!(matches!(course.reason(), StopReason::TimedOut));
/// ```
#[derive(Debug)]
pub struct Course {
    /// To be changed before the first pass.
    pub settings: CourseSettings,
    began: Option<Time>,
    phase: Phase,
    cancel_asked: bool,
    ok: usize,
    failed: usize,
    /// What runs must be cancelled, and the engine has not been told yet.
    abort: bool,
    /// The last `WakeAt` that the engine was told.
    wake: Time,
    /// The supply broke down; what runs goes on, with all its times and cancels.
    broken: Option<Panic>,
    /// A task was stopped before its end, or never came to it.
    cut_short: bool,
}

#[derive(Debug)]
enum Phase {
    Open,
    /// Cancelled; what runs may go on until then.
    Grace {
        until: Time,
    },
    Closed(StopReason),
}

impl Course {
    /// A run that has not begun.
    pub fn new() -> Self {
        Self {
            settings: CourseSettings::default(),
            began: None,
            phase: Phase::Open,
            cancel_asked: false,
            ok: 0,
            failed: 0,
            abort: false,
            wake: Time::MAX,
            broken: None,
            cut_short: false,
        }
    }

    /// Whether more may start.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open) && !self.is_cancelled() && !self.is_met() && self.broken.is_none()
    }

    /// Nothing more starts; what runs has its grace.
    pub fn cancel(&mut self) {
        self.cancel_asked = true;
    }

    #[inline]
    fn is_cancelled(&self) -> bool {
        self.cancel_asked || self.settings.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// Nobody wants the rest: cancelled, without grace.
    pub fn abandon(&mut self) {
        self.close_now(StopReason::Cancelled);
    }

    /// It had nothing to do for its idle timeout: over, without grace.
    pub fn idle(&mut self) {
        self.close_now(StopReason::Idle);
    }

    fn close_now(&mut self, reason: StopReason) {
        if !matches!(self.phase, Phase::Closed(_)) {
            self.close(reason);
        }
    }

    /// Nobody will drive the run to its end.
    pub fn give_up(&mut self, reason: StopReason) {
        if !matches!(self.phase, Phase::Closed(_)) {
            self.phase = Phase::Closed(reason);
        }
        self.cut_short = true;
    }

    /// A task has its outcome.
    #[inline]
    pub fn settled(&mut self, ok: bool) {
        if ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
    }

    /// What the engine should do. `unfinished` says whether anything is left to stop: a run whose last task ended in
    /// time has not timed out. The source has something to do of its own at `also`.
    pub fn control(&mut self, now: Time, unfinished: bool, also: Time) -> Option<Control> {
        self.began.get_or_insert(now);
        if unfinished {
            self.advance(now);
        }
        if std::mem::take(&mut self.abort) {
            return Some(Control::CancelAll);
        }
        let wake = match &self.phase {
            Phase::Open => self.end(),
            Phase::Grace { until } => *until,
            Phase::Closed(_) => Time::MAX,
        };
        let wake = wake.min(also);
        (wake != self.wake).then(|| {
            self.wake = wake;
            Control::WakeAt(wake)
        })
    }

    /// Whom [`control`](Self::control) has told to wake at some time is not there any more, or too busy: the next one who
    /// asks is told again.
    pub fn forget_wake(&mut self) {
        self.wake = Time::MAX;
    }

    /// Whether somebody was told to wake at some time.
    pub fn has_wake(&self) -> bool {
        self.wake < Time::MAX
    }

    fn advance(&mut self, now: Time) {
        match self.phase {
            Phase::Open | Phase::Grace { .. } if self.is_met() => self.close(StopReason::StopRule),
            Phase::Open if now >= self.end() => self.close(StopReason::TimedOut),
            Phase::Open if self.is_cancelled() => {
                let until = self.end().min(now + self.settings.grace);
                self.phase = Phase::Grace { until };
                self.advance(now);
            }
            Phase::Grace { until } if now >= until => self.close(StopReason::Cancelled),
            Phase::Open | Phase::Grace { .. } | Phase::Closed(_) => {}
        }
    }

    fn close(&mut self, reason: StopReason) {
        self.phase = Phase::Closed(reason);
        self.abort = true;
    }

    #[inline]
    fn is_met(&self) -> bool {
        self.settings.stop_on.is_met(self.ok, self.failed)
    }

    /// The supply broke down; what runs may end.
    pub fn fail(&mut self, panic: Panic) {
        self.broken.get_or_insert(panic);
    }

    /// Whether what runs has been told to stop, and has time to do so.
    pub fn is_in_grace(&self) -> bool {
        matches!(self.phase, Phase::Grace { .. })
    }

    /// Whether it has stopped, and what ran was to end.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// Whether its engine has been polled.
    pub fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// When the run is over at the latest.
    pub fn end(&self) -> Time {
        self.settings.deadline.min(self.began() + self.settings.timeout)
    }

    /// When it began; [`Time::ZERO`] before its first pass.
    pub fn began(&self) -> Time {
        self.began.unwrap_or(Time::ZERO)
    }

    /// What the end of a task means: its result, and what its strategy learns. `asked` says that this one task was to
    /// stop, `budget` is the time that it had.
    #[inline]
    pub fn judge<T, E>(
        &mut self,
        end: End<Result<T, E>>,
        asked: bool,
        budget: impl FnOnce(&CourseSettings) -> Option<Duration>,
    ) -> (Result<T, TaskError<E>>, Outcome) {
        match end {
            End::Output(Ok(value)) => (Ok(value), Outcome::Success),
            End::Output(Err(error)) => (Err(TaskError::Failed(error)), Outcome::Failure),
            End::Panicked(panic) => (Err(TaskError::Panicked(panic)), Outcome::Failure),
            End::TimedOut => {
                let after = budget(&self.settings).unwrap_or_default();
                (Err(TaskError::TimedOut { after }), Outcome::Failure)
            }
            End::Cancelled if asked => {
                // Its own grace was not over yet.
                self.cut_short |= matches!(self.phase, Phase::Closed(_));
                (Err(TaskError::Cancelled), Outcome::Cancelled)
            }
            // Also where the run's time is up: that says nothing about the task.
            End::Cancelled => (Err(self.stopped_error()), Outcome::Cancelled),
            End::NotStarted(why) => (Err(TaskError::NotStarted(why)), Outcome::Unused),
        }
    }

    /// A task has been stopped: its error.
    fn stopped_error<E>(&mut self) -> TaskError<E> {
        self.cut_short = true;
        match self.phase {
            Phase::Closed(StopReason::TimedOut) => {
                TaskError::TimedOut { after: self.end().since(self.began()) }
            }
            Phase::Open | Phase::Grace { .. } | Phase::Closed(_) => TaskError::Cancelled,
        }
    }

    /// Tasks are left that were never started, or would have been retried.
    pub fn left_over(&mut self) {
        self.cut_short = true;
    }

    /// Why a task that has not been started by now never will be.
    pub fn not_started(&self) -> NotStarted {
        match &self.phase {
            _ if self.broken.is_some() => NotStarted::Source,
            Phase::Closed(reason) => reason.not_started(),
            Phase::Grace { .. } => NotStarted::Cancelled,
            Phase::Open if self.is_met() => NotStarted::Stopped,
            Phase::Open => NotStarted::Cancelled,
        }
    }

    /// Why it stopped, once it has.
    pub fn reason(self) -> StopReason {
        if let Some(panic) = self.broken {
            return StopReason::Panicked(panic);
        }
        match self.phase {
            // Many tasks were ready at its end, and each had its last poll only after that.
            Phase::Closed(StopReason::TimedOut | StopReason::Cancelled) if !self.cut_short => {
                StopReason::Completed
            }
            Phase::Closed(reason) => reason,
            Phase::Grace { .. } => StopReason::Cancelled,
            Phase::Open if self.is_met() => StopReason::StopRule,
            // Also if it was cancelled when there was nothing left to cancel.
            Phase::Open => StopReason::Completed,
        }
    }
}

impl Default for Course {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
