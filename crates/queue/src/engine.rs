//! `QueueEngine`: the side of a queue that runs its jobs.

use crate::hub::Hub;
use crate::ledger::RunState;
use crate::run::{CloseAfter, Drive, Run, RunWith};
use crate::work::Work;
use crate::{Ctx, Leftover};
use regatta_core::{Observer, Retry, Strategy};
use regatta_engine::{Course, CourseSettings, Engine};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// The side of a queue that runs its jobs: in place, in place with a body, or on an executor.
///
/// In place, jobs and handler may borrow, need not be `Send`, and end with the future that runs them. One engine can run
/// several times, after [`reopen`](Self::reopen).
///
/// An engine that is dropped closes its queue: tickets of jobs that were never started learn so.
pub struct QueueEngine<J, R, E, H, F, St, Tok, Rt>
where
    St: Strategy<Token = Tok>,
{
    pub(crate) hub: Arc<Hub<J, R, E>>,
    pub(crate) settings: CourseSettings,
    pub(crate) handler: H,
    pub(crate) strategy: St,
    pub(crate) rule: Rt,
    pub(crate) retire: Retire<J, R, E>,
    pub(crate) task: std::marker::PhantomData<fn() -> F>,
}

/// The driver of a run: the engine below, over this queue.
pub(crate) type Below<J, R, E, H, F, S, Tok, Rt> = Engine<Work<J, R, E, H, F, Rt>, S, F, Tok>;

impl<J, R, E, H, F, St, Tok, Rt> QueueEngine<J, R, E, H, F, St, Tok, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    St: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    /// Runs until the queue is closed and every job has its end, or until the run is stopped.
    ///
    /// Waiting pushes count on it from this call on, before its first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the jobs that run, which end as `Cancelled`; what waits goes on waiting, for the next
    /// run.
    pub fn run(&mut self) -> Run<J, R, E, H, F, &mut St, Tok, Rt> {
        let below = below(&self.hub, self.handler.clone(), &mut self.strategy, self.rule.clone());
        Run { drive: Drive::new(self.hub.clone(), &self.settings), below: Some(below.run()) }
    }

    /// Runs together with `body`, in one future, so that neither can starve the other. The queue is closed when the body
    /// ends, also if it ends with an error; the run then goes on to its own end.
    ///
    /// Resolves to what the body gave, and the run.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run); the body is dropped first.
    pub fn run_with<B: Future<Output = T>, T>(
        &mut self,
        body: B,
    ) -> RunWith<J, R, E, H, F, &mut St, Tok, Rt, CloseAfter<B, J, R, E>, T> {
        let below = below(&self.hub, self.handler.clone(), &mut self.strategy, self.rule.clone());
        let body = CloseAfter::new(body, self.hub.clone());
        RunWith { drive: Drive::new(self.hub.clone(), &self.settings), below: Some(below.run_with(body)) }
    }

    /// The same run, but the future owns the engine.
    pub(crate) fn into_run_with<B: Future<Output = T>, T>(
        self,
        body: B,
    ) -> RunWith<J, R, E, H, F, St, Tok, Rt, CloseAfter<B, J, R, E>, T> {
        let Self { hub, settings, handler, strategy, rule, mut retire, .. } = self;
        retire.0 = None;
        let below = below(&hub, handler, strategy, rule);
        let body = CloseAfter::new(body, hub.clone());
        RunWith { drive: Drive::new(hub, &settings).last(), below: Some(below.run_with(body)) }
    }
}

impl<J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> QueueEngine<J, R, E, H, F, St, Tok, Rt> {
    /// After a run: jobs can be pushed again, for another one. Counts begin at zero; results that nobody has read stay.
    pub fn reopen(&mut self) {
        self.hub.with(crate::ledger::Ledger::reopen);
    }

    /// One more listener: log lines, a progress bar, your own. A job's number is its id; its name is its
    /// [key](crate::Options::key), or its number.
    ///
    /// Without a listener, nothing is spent on events.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self
    where
        E: fmt::Display,
    {
        self.hub.listen(ToString::to_string, |listeners| listeners.add(observer));
        self
    }

    /// The strategy.
    pub fn strategy(&self) -> &St {
        &self.strategy
    }

    /// The jobs that wait, if the last run was dropped before its end and there is to be no other.
    pub fn into_leftover(self) -> Vec<Leftover<J>> {
        self.hub.retire(&self.settings)
    }
}

/// An engine over this queue.
pub(crate) fn below<J, R, E, H, F, S, Tok, Rt>(
    hub: &Arc<Hub<J, R, E>>,
    handler: H,
    strategy: S,
    rule: Rt,
) -> Below<J, R, E, H, F, S, Tok, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    S: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    let worker = hub.with(crate::ledger::Ledger::hire);
    Engine::new(Work::new(hub.clone(), worker, handler, rule), strategy).clock(hub.clock.clone())
}

/// A fresh course with these settings.
pub(crate) fn course(settings: &CourseSettings) -> Course {
    let mut course = Course::new();
    course.settings = settings.clone();
    course
}

impl<J, R, E> Hub<J, R, E> {
    /// No engine will run any more.
    pub(crate) fn retire(&self, settings: &CourseSettings) -> Vec<Leftover<J>> {
        let now = self.now();
        let finished = self.with(|ledger| {
            if ledger.state == RunState::Over && ledger.is_settled() {
                return None;
            }
            ledger.close();
            ledger.course.abandon();
            Some(ledger.finish(now, course(settings)))
        });
        finished.map_or_else(Vec::new, |finished| finished.leftover)
    }
}

/// Dropped with its engine, unless that went on elsewhere.
pub(crate) struct Retire<J, R, E>(pub(crate) Option<(Arc<Hub<J, R, E>>, CourseSettings)>);

impl<J, R, E> Drop for Retire<J, R, E> {
    fn drop(&mut self) {
        if let Some((hub, settings)) = self.0.take() {
            drop(hub.retire(&settings));
        }
    }
}

impl<J, R, E, H, F, St: Strategy<Token = Tok>, Tok, Rt> fmt::Debug
    for QueueEngine<J, R, E, H, F, St, Tok, Rt>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueEngine").finish_non_exhaustive()
    }
}
