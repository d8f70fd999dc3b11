//! `Engine`: the loop that joins a source, a strategy and the running tasks. The only place where tasks are polled.

use crate::admission::Desk;
use crate::contain::{contain, contain_or};
use crate::run::{Run, RunWith};
use crate::running::{Finish, Running, Tenant};
use crate::source::{Control, End, Failed, Next, Source, Stop};
use crate::task_set::SlotId;
use crate::timer::Timer;
use regatta_core::{Clock, Kick, Limit, Outcome, Panic, Readiness, Request, Strategy, SystemClock, Time};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Polls at most this many tasks before it lets the executor run something else.
const BUDGET: usize = 128;

/// Kept back from woken tasks for deadlines, cancels and starts: many busy tasks must not keep the driver from those.
const RESERVE: usize = 32;

/// Runs what a [`Source`] supplies, as a [`Strategy`] admits it, within a number of slots.
///
/// It is a state machine to be polled in place: [`run`](Engine::run) and [`run_with`](Engine::run_with) make futures of
/// it, which any executor can run. Tasks may borrow, need not be `Send`, and are dropped with it.
///
/// One pass: poll each woken task once; end those whose deadline is due; do what the source's controls say; start what
/// it supplies and the strategy admits, polling each new task once; arm one timer. At most 128 polls a pass, then it
/// lets others run. It is not polled again before something has happened.
///
/// The task type `F` and the token type `Tok` are parameters of their own, though `Src` and `St` determine them:
/// drivers that hold an engine can then be `Send` although their tasks borrow.
///
/// # Defaults
///
/// No limit on the slots; [`SystemClock`].
///
/// # Cancel safety
///
/// Dropping an engine drops its tasks, then gives their tokens back as `Cancelled`, then drops the source. Tasks that
/// run on an executor are asked to stop; see [`OnExecutor`](crate::OnExecutor).
pub struct Engine<Src, St: Strategy<Token = Tok>, F, Tok> {
    running: Running<St, F, Tok>,
    source: Src,
    limit: Limit,
    clock: Arc<dyn Clock>,
    timer: Timer,
    /// The latest time seen: a clock that goes backwards is clamped here.
    now: Time,
    /// When the source wants to be polled again, by `Control::WakeAt`.
    source_wake: Time,
    /// Tasks to be cancelled that this driver has not come to yet.
    condemned: VecDeque<SlotId>,
    timed: bool,
    parked: bool,
    supply_over: bool,
    /// The source is being asked for controls. Still set after that has panicked.
    asking: bool,
    /// Its controls panic; asking again would only keep the driver busy.
    mute: bool,
    ended: bool,
}

/// The state of one pass.
struct Pass {
    now: Time,
    budget: usize,
    /// A poll has taken its time since `now` was read, and the strategy wants to know the exact time of a start.
    stale: bool,
}

/// Why no more tasks are being started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Supply {
    /// The source has nothing more.
    Over,
    /// Something will change: a task ends, somebody kicks, or this time comes.
    Until(Time),
    /// The budget is used up.
    Hurried,
}

/// Why the source hands out nothing.
enum Idle {
    Blocked(Readiness),
    Supply(Supply),
}

impl<Src, St, F, Tok> Engine<Src, St, F, Tok>
where
    Src: Source<Task = F>,
    St: Strategy<Token = Tok>,
    F: Future,
{
    /// An engine over `source`, admitting as `strategy` says; `()` admits everything.
    pub fn new(mut source: Src, strategy: St) -> Self {
        let mut running = Running::new(strategy);
        source.attach(running.tasks.kick());
        let timed = running.attach();
        Self {
            running,
            source,
            limit: Limit::Unlimited,
            clock: SystemClock::shared(),
            timer: Timer::default(),
            now: Time::ZERO,
            source_wake: Time::MAX,
            condemned: VecDeque::new(),
            timed,
            parked: false,
            supply_over: false,
            asking: false,
            mute: false,
            ended: false,
        }
    }

    /// At most this many tasks at once.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Runs to the end; resolves to the source, which holds the results.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the engine.
    pub fn run(self) -> Run<Src, St, F, Tok> {
        Run::new(self)
    }

    /// Runs to the end together with `body`, in one future, so that neither can starve the other; resolves to the
    /// body's output and the source.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and the engine.
    pub fn run_with<B: Future<Output = R>, R>(self, body: B) -> RunWith<Src, St, F, Tok, B, R> {
        RunWith::new(self, body)
    }

    /// One pass. Ready once the source is done and no task is left.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ended {
            return Poll::Ready(());
        }
        self.register(cx.waker());
        let mut pass = Pass { now: self.read_clock(), budget: BUDGET, stale: false };
        if self.source_wake <= pass.now {
            self.source_wake = Time::MAX;
        }
        // Tasks have guards of their own; this one is for the source, and stands around the whole pass because a guard
        // per call would cost more than the calls. Whatever a panicking call held comes back through `Drop`.
        let supply = contain(|| self.pass(&mut pass)).unwrap_or_else(|panic| {
            self.source_panicked(panic, pass.now);
            Supply::Hurried
        });
        self.running.now = pass.now;
        self.rest(supply, &pass, cx)
    }

    #[inline]
    fn pass(&mut self, pass: &mut Pass) -> Supply {
        self.poll_woken(pass);
        self.fire_deadlines(pass);
        self.obey(pass);
        let supply = self.admit(pass);
        // A task that ended as it was admitted may have made the source ask for something; what that makes possible
        // is looked at in the next pass.
        if self.obey(pass) { Supply::Hurried } else { supply }
    }

    /// Ends the pass: over, more to do at once, or wait until something happens.
    fn rest(&mut self, supply: Supply, pass: &Pass, cx: &mut Context<'_>) -> Poll<()> {
        let until = match supply {
            Supply::Over if self.running.tasks.is_empty() => {
                self.ended = true;
                self.timer = Timer::default();
                self.running.tasks.forget_driver();
                return Poll::Ready(());
            }
            Supply::Over => Time::MAX,
            Supply::Until(time) => time,
            Supply::Hurried => Time::ZERO,
        };
        let tasks = &mut self.running.tasks;
        let deadline = tasks.next_deadline().unwrap_or(Time::MAX);
        let wanted = until.min(deadline).min(self.source_wake);
        let busy = tasks.has_woken() || !self.condemned.is_empty() || wanted <= pass.now;
        if busy || self.timer.poll(wanted, &*self.clock, cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Polls each task that was woken before this pass, once.
    #[inline]
    fn poll_woken(&mut self, pass: &mut Pass) {
        self.running.tasks.refill();
        while pass.budget > RESERVE {
            let Some(id) = self.running.tasks.next_woken() else { return };
            self.poll_task(id, pass);
        }
    }

    /// Polls one task, and settles it if it ended. A stale id costs nothing.
    #[inline]
    fn poll_task(&mut self, id: SlotId, pass: &mut Pass) {
        if self.running.tasks.tenant_mut(id).is_none() {
            return;
        }
        pass.budget = pass.budget.saturating_sub(1);
        let polled = self.running.tasks.poll(id);
        pass.stale = self.timed;
        let Some((tenant, end)) = polled else { return };
        self.freshen(pass);
        self.settle(tenant, end, pass.now);
    }

    #[inline]
    fn settle(&mut self, tenant: Tenant<Tok>, end: End<F::Output>, now: Time) {
        let Tenant { key, token, stopping } = tenant;
        let strategy = &mut self.running.strategy;
        let mut finish = Finish::new(strategy, token, now);
        finish.outcome = match stopping {
            Some(outcome) => {
                self.running.stopping -= 1;
                outcome
            }
            None => self.source.on_outcome(now, key, end),
        };
    }

    fn fire_deadlines(&mut self, pass: &mut Pass) {
        while pass.budget > 0 {
            let Some(id) = self.running.tasks.next_due(pass.now) else { return };
            self.stop(id, End::TimedOut, pass);
        }
    }

    /// Ends a task that still runs. If it was woken and not polled since, it gets its poll first: completion beats
    /// the deadline and the cancel.
    fn stop(&mut self, id: SlotId, end: End<F::Output>, pass: &mut Pass) {
        if self.running.tasks.take_wake(id) {
            self.poll_task(id, pass);
        }
        let Some(tenant) = self.running.tasks.tenant_mut(id) else { return };
        if tenant.stopping.is_some() {
            return;
        }
        pass.budget = pass.budget.saturating_sub(1);
        let key = tenant.key;
        let Some(task) = self.running.tasks.task_mut(id) else { return };
        let stop = contain(|| self.source.stop(key, task)).unwrap_or_else(|panic| {
            self.source_panicked(panic, pass.now);
            Stop::Dropped
        });
        match stop {
            Stop::Dropped => {
                if let Some(tenant) = self.running.tasks.remove(id) {
                    self.settle(tenant, end, pass.now);
                }
            }
            Stop::Stopping => {
                let outcome =
                    contain(|| self.source.on_outcome(pass.now, key, end)).unwrap_or_else(|panic| {
                        self.source_panicked(panic, pass.now);
                        Outcome::Failure
                    });
                if let Some(tenant) = self.running.tasks.tenant_mut(id) {
                    tenant.stopping = Some(outcome);
                    self.running.stopping += 1;
                }
            }
        }
    }

    /// Does what the source wants changed. Whether that was anything that could bring new work or end some.
    fn obey(&mut self, pass: &mut Pass) -> bool {
        let mut changed = false;
        for asked in 0..=BUDGET {
            // A source that has more to say is listened to again in the next pass.
            if asked == BUDGET {
                changed = true;
                break;
            }
            let Some(control) = self.ask(pass.now) else { break };
            match control {
                Control::WakeAt(time) => {
                    self.source_wake = time;
                    continue;
                }
                Control::Limit(limit) => self.limit = limit,
                Control::Cancel(key) => {
                    let tenants = self.running.tasks.tenants();
                    self.condemned.extend(tenants.filter(|(_, tenant)| tenant.key == key).map(|(id, _)| id));
                }
                Control::CancelAll => {
                    self.condemned.clear();
                    self.condemned.extend(self.running.tasks.ids());
                }
            }
            changed = true;
        }
        while pass.budget > 0 {
            let Some(id) = self.condemned.pop_front() else { break };
            self.stop(id, End::Cancelled, pass);
        }
        changed
    }

    fn ask(&mut self, now: Time) -> Option<Control> {
        if self.mute {
            return None;
        }
        self.asking = true;
        let control = self.source.control(now);
        self.asking = false;
        control
    }

    /// Starts what the source supplies and the strategy admits, until one of them has no more.
    #[inline]
    fn admit(&mut self, pass: &mut Pass) -> Supply {
        loop {
            if self.supply_over {
                self.unpark();
                return Supply::Over;
            }
            if !self.limit.allows(self.running.tasks.len()) {
                self.unpark();
                return Supply::Until(Time::MAX);
            }
            if pass.budget == 0 {
                return Supply::Hurried;
            }
            self.freshen(pass);
            let mut desk = Desk::open(&mut self.running.strategy, pass.now);
            let job = match self.source.next(pass.now, desk.admission()) {
                Next::Start(job, _admitted) => Ok(job),
                Next::Blocked(readiness) => Err(Idle::Blocked(readiness)),
                Next::NotBefore(time) => Err(Idle::Supply(Supply::Until(time))),
                Next::Waiting => Err(Idle::Supply(Supply::Until(Time::MAX))),
                Next::Done => Err(Idle::Supply(Supply::Over)),
            };
            let job = match job {
                Ok(job) => job,
                Err(idle) => {
                    let refused = desk.refused();
                    drop(desk);
                    return self.idle(idle, refused, pass.now);
                }
            };
            let tenant = Tenant { key: job.key, token: desk.token(), stopping: None };
            // A strategy may have parked for another candidate that is no longer waited for.
            self.unpark();
            let id = self.running.tasks.insert(job.task, tenant, job.deadline);
            // A task that is ready at once never touches the ready list.
            self.poll_task(id, pass);
        }
    }

    /// Nothing starts: waits on the strategy if that is why, and on nobody otherwise.
    fn idle(&mut self, idle: Idle, refused: Option<Request>, now: Time) -> Supply {
        match idle {
            Idle::Supply(supply) => {
                self.unpark();
                supply
            }
            Idle::Blocked(readiness) => {
                self.running.strategy.park(now, &refused.unwrap_or_default());
                self.parked = true;
                match readiness {
                    Readiness::NotBefore(time) => Supply::Until(time),
                    Readiness::Ready | Readiness::OnChange | Readiness::Rejected(_) => {
                        Supply::Until(Time::MAX)
                    }
                }
            }
        }
    }

    #[inline]
    fn unpark(&mut self) {
        if std::mem::take(&mut self.parked) {
            self.running.strategy.unpark();
        }
    }

    fn source_panicked(&mut self, panic: Panic, now: Time) {
        // A source that panics while it hears of its panic has nothing more to say.
        let failed = contain_or(Failed::Over, || self.source.failed(now, panic));
        self.supply_over |= failed == Failed::Over;
        self.mute |= std::mem::take(&mut self.asking) && failed == Failed::Over;
    }

    /// Reads the clock again if what follows must not happen in the past: a start that is recorded too early would
    /// break the window of a rate.
    #[inline]
    fn freshen(&mut self, pass: &mut Pass) {
        if std::mem::take(&mut pass.stale) {
            pass.now = self.read_clock();
        }
    }

    fn read_clock(&mut self) -> Time {
        self.now = self.now.max(self.clock.now());
        self.now
    }
}

impl<Src, St: Strategy<Token = Tok>, F, Tok> Engine<Src, St, F, Tok> {
    /// The source, where the results are.
    pub fn source(&self) -> &Src {
        &self.source
    }

    /// The source, to be changed between two polls.
    pub fn source_mut(&mut self) -> &mut Src {
        &mut self.source
    }

    /// Drops what still runs and hands out the source.
    pub fn into_source(self) -> Src {
        self.source
    }

    /// Another clock; for drivers that are configured after their engine was made. Before the first poll only.
    pub fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = clock;
    }

    /// The strategy.
    pub fn strategy(&self) -> &St {
        &self.running.strategy
    }

    /// The time of the last pass.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A handle that makes the engine look again.
    pub fn kick(&self) -> Kick {
        self.running.tasks.kick()
    }

    /// How many tasks run, those that are stopping not counted.
    pub fn running(&self) -> usize {
        self.running.tasks.len() - self.running.stopping
    }

    /// How many tasks have their outcome but still use their slot.
    pub fn stopping(&self) -> usize {
        self.running.stopping
    }

    pub(crate) fn register(&self, driver: &Waker) {
        self.running.tasks.register(driver);
    }
}

/// The tasks are pinned in their own allocations.
impl<Src, St: Strategy<Token = Tok>, F, Tok> Unpin for Engine<Src, St, F, Tok> {}

impl<Src, St: Strategy<Token = Tok>, F, Tok> fmt::Debug for Engine<Src, St, F, Tok> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("running", &self.running())
            .field("stopping", &self.stopping())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
