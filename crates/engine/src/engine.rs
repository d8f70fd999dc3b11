//! `Engine`: joins a source, a strategy and the running tasks. What it does when it is polled is in `pass.rs`.

mod pass;

use crate::contain::{contain, contain_drop};
use crate::report::Moment;
use crate::run::{Run, RunWith};
use crate::running::Running;
use crate::source::Source;
use crate::task_set::SlotId;
use crate::timer::Timer;
use pass::{Pass, Supply};
use regatta_core::{Clock, Kick, Limit, Strategy, SystemClock, Time};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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
        let mut pass = Pass::new(self.read_clock());
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
        let Self { source, running, .. } = self;
        // The strategy's drop is user code, and must not cost the results.
        contain_drop(|| drop(running));
        source
    }

    /// Another clock; for drivers that are configured after their engine was made. Before the first poll only.
    pub fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = clock;
    }

    /// Another strategy; for drivers that are configured after their engine was made. Before the first poll only.
    pub fn set_strategy(&mut self, strategy: St) {
        self.running.strategy = strategy;
        self.timed = self.running.attach();
    }

    /// The strategy.
    pub fn strategy(&self) -> &St {
        &self.running.strategy
    }

    /// This moment, by the engine's clock.
    pub fn moment(&self) -> Moment {
        Moment::now(&*self.clock)
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
