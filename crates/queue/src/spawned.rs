//! A queue's run on an executor: each worker is a task of its own, with an engine of one slot over the shared queue.

use crate::Ctx;
use crate::engine::{QueueEngine, below, course};
use crate::errand::Errand;
use crate::finished::Finished;
use crate::hub::Hub;
use crate::ledger::RunState;
use crate::watchers::Watching;
use crate::work::Work;
use regatta_core::{Cancelled, Executor, Limit, Limiter, Retry, Sleep, Strategy, Time};
use regatta_engine::{CourseSettings, StopReason, contain, contain_drop};
use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Spawns so many more workers. Its parts are anybody's, so it is called outside every lock.
pub(crate) type Spawner = Box<dyn FnMut(usize) + Send>;

impl<J, R, E, H, F, St, Tok, Rt> QueueEngine<J, R, E, H, F, St, Tok, Rt>
where
    J: Send + Sync + 'static,
    R: Send + 'static,
    E: Send + Sync + 'static,
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<R, E>> + Send + 'static,
    St: Strategy<Token = Tok> + Send + 'static,
    Tok: Send + 'static,
    Rt: Retry<E> + Clone + Send + 'static,
{
    /// Runs on `executor`: one task per worker, none per job. The workers share the queue and the strategy, and run in
    /// parallel where the executor has threads.
    ///
    /// The handle resolves to the run. It may be dropped; the run goes on.
    ///
    /// If the executor drops its tasks, what they ran ends as `Cancelled`; once the last one is gone, the run is over.
    pub fn spawn_on(self, executor: impl Executor + 'static) -> Handle<J, R, E> {
        let Self { hub, settings, handler, strategy, rule, mut retire, .. } = self;
        retire.0 = None;
        // Nobody needs to stand in line for the strategy that admits everything.
        let is_shared = TypeId::of::<St>() != TypeId::of::<()>();
        let strategy = is_shared.then(|| Limiter::with_clock(strategy, hub.clock.clone()));
        let now = hub.now();
        let workers = hub.with(|ledger| {
            ledger.begin(now);
            // Ours, so that the run is not over before the last worker was spawned.
            ledger.crew += 1;
            ledger.rules.workers
        });
        let ours = Shift { hub: hub.clone(), worker: None, settings: settings.clone() };
        let handle = Handle {
            hub: hub.clone(),
            settings: settings.clone(),
            sleep: None,
            watching: Watching::default(),
        };
        let home = Arc::downgrade(&hub);
        let mut spawner: Spawner = Box::new(move |count| {
            let Some(hub) = home.upgrade() else { return };
            for _ in 0..count {
                let engine = below(&hub, handler.clone(), strategy.clone(), rule.clone()).limit(ONE);
                hub.with(|ledger| ledger.crew += 1);
                let worker = Some(engine.source().worker());
                let shift = Shift { hub: hub.clone(), worker, settings: settings.clone() };
                let watch = settings.cancel.as_ref().map(regatta_core::CancelToken::cancelled);
                // An executor that refuses the worker drops it, which says so.
                let task = Box::pin(Worker { run: engine.run(), watch, shift });
                if let Err(panic) = contain(|| executor.spawn(task)) {
                    contain_drop(|| drop(panic));
                }
            }
        });
        spawner(workers);
        hub.employ(spawner);
        drop(ours);
        // The executor may have run the first ones at once, and they may have asked for more.
        hub.spawn_missing(workers);
        handle
    }
}

const ONE: Limit = Limit::Count(std::num::NonZeroUsize::MIN);

/// One worker.
struct Worker<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt> {
    // Dropped first, so that what ran is gone when its job is told to have ended.
    run: regatta_engine::Run<Work<J, R, E, H, F, Rt>, S, F, Tok>,
    watch: Option<Cancelled>,
    shift: Shift<J, R, E>,
}

impl<J, R, E, H, F, S, Tok, Rt> Future for Worker<J, R, E, H, F, S, Tok, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    S: Strategy<Token = Tok>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { run, watch, shift } = &mut *self;
        if let Some(cancelled) = watch
            && Pin::new(cancelled).poll(cx).is_ready()
        {
            *watch = None;
            let now = shift.hub.now();
            shift.hub.with(|ledger| ledger.stop(now));
        }
        Pin::new(run).poll(cx).map(drop)
    }
}

impl<J, R, E, H, F, S: Strategy<Token = Tok>, Tok, Rt> Unpin for Worker<J, R, E, H, F, S, Tok, Rt> {}

/// One that works, or sees to it that others do. The last one to go ends the run.
struct Shift<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    worker: Option<usize>,
    settings: CourseSettings,
}

impl<J, R, E> Drop for Shift<J, R, E> {
    fn drop(&mut self) {
        let now = self.hub.now();
        let is_over = self.hub.with(|ledger| {
            if let Some(worker) = self.worker {
                ledger.lose(now, worker);
            }
            ledger.crew -= 1;
            if ledger.crew > 0 || ledger.state != RunState::Running {
                return false;
            }
            if !ledger.is_over() {
                let has_begun = ledger.course.has_begun();
                let why = if has_begun { StopReason::Cancelled } else { StopReason::NotSpawned };
                ledger.give_up(why);
            }
            let finished = ledger.finish(now, course(&self.settings));
            ledger.finished = Some(finished);
            true
        });
        if is_over {
            self.hub.dismiss();
        }
    }
}

/// A run on an executor; made by [`QueueEngine::spawn_on`]. Resolves when it is over.
///
/// # Cancel safety
///
/// Dropping it leaves the run as it is. To end the run, [`close`](crate::Queue::close) or [`stop`](crate::Queue::stop)
/// the queue, or [`abort`](Self::abort) it.
#[must_use = "it resolves to what the run came to; dropping it lets the run go on alone"]
pub struct Handle<J, R, E> {
    hub: Arc<Hub<J, R, E>>,
    settings: CourseSettings,
    /// Until the grace is over of a run that was stopped.
    sleep: Option<(Time, Sleep)>,
    watching: Watching,
}

impl<J, R, E> Handle<J, R, E> {
    /// Ends the run without grace.
    ///
    /// Every outcome is fixed at once; the executor is asked to drop what runs. A job that blocks its thread and can't be
    /// dropped doesn't hold up the handle: it counts as [`stopping`](crate::Stats::stopping).
    pub fn abort(&self) {
        let now = self.hub.now();
        self.hub.with(|ledger| ledger.abort(now));
    }
}

impl<J, R, E> Future for Handle<J, R, E> {
    type Output = Finished<J>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished<J>> {
        let this = &mut *self;
        let now = this.hub.clock.now();
        let waker = cx.waker().clone();
        let answer = this.hub.with(|ledger| {
            if let Some(finished) = ledger.finished.take() {
                ledger.errands.push(Errand::Forget(waker));
                return Ok(finished);
            }
            let due = ledger.stop_due;
            // Workers see to it themselves, unless all of them are held up.
            if due.is_some_and(|due| due <= now) && !ledger.course.is_closed() {
                ledger.abort(now);
            }
            if ledger.is_as_good_as_over() {
                ledger.errands.push(Errand::Forget(waker));
                return Ok(ledger.finish(now, course(&this.settings)));
            }
            let old = ledger.watchers.watch(&mut this.watching, waker);
            ledger.errands.extend(old.map(Errand::Forget));
            Err(due)
        });
        match answer {
            Ok(finished) => {
                this.hub.dismiss();
                return Poll::Ready(finished);
            }
            Err(Some(due)) if this.sleep.as_ref().is_none_or(|(until, _)| *until != due) => {
                this.sleep = Some((due, this.hub.clock.sleep_until(due)));
            }
            Err(_) => {}
        }
        if let Some((_, sleep)) = &mut this.sleep
            && Pin::new(sleep).poll(cx).is_ready()
        {
            this.sleep = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<J, R, E> Drop for Handle<J, R, E> {
    fn drop(&mut self) {
        let Self { hub, watching, .. } = self;
        if watching.is_watching() {
            hub.with(|ledger| {
                let waker = ledger.watchers.leave(watching);
                ledger.errands.extend(waker.map(Errand::Forget));
            });
        }
    }
}

impl<J, R, E> fmt::Debug for Handle<J, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

impl<J, R, E> Hub<J, R, E> {
    pub(crate) fn set_workers(&self, workers: usize) {
        self.with(|ledger| ledger.set_workers(workers));
        self.spawn_missing(0);
    }

    /// Spawns what is missing, once for each number that is asked for: an executor may refuse. `asked` was seen to.
    fn spawn_missing(&self, mut asked: usize) {
        // One at a time makes workers; whoever comes meanwhile leaves it to that one, which looks again.
        while let Some((workers, missing)) = self.missing_workers()
            && workers > asked
            && let Some(mut spawner) = self.take_spawner()
        {
            asked = workers;
            spawner(missing);
            self.employ(spawner);
        }
    }

    /// How many workers there should be, and how many of them are not there.
    fn missing_workers(&self) -> Option<(usize, usize)> {
        let (workers, missing) = self.with(|ledger| match (ledger.rules.workers, ledger.crew) {
            (workers, crew) if crew == 0 || ledger.is_over() => (workers, 0),
            (workers, crew) => (workers, workers.saturating_sub(crew)),
        });
        (missing > 0).then_some((workers, missing))
    }
}
