//! One pass of an engine: poll what was woken, end what is due, do what the source wants, start what it supplies. The
//! only place where tasks are polled.

use super::Engine;
use crate::admission::Desk;
use crate::contain::{contain, contain_or};
use crate::running::{Finish, Tenant};
use crate::source::{Control, End, Failed, Next, Source, Stop};
use crate::task_set::SlotId;
use crate::timer::Timer;
use hashbrown::HashMap;
use regatta_core::{Outcome, Panic, Readiness, Request, Strategy, Time};
use std::future::Future;
use std::task::{Context, Poll};

/// Polls at most this many tasks before it lets the executor run something else.
const BUDGET: usize = 128;

/// Kept back from woken tasks for deadlines, cancels and starts: many busy tasks must not keep the driver from those.
const RESERVE: usize = 32;

/// The state of one pass.
pub(super) struct Pass {
    pub(super) now: Time,
    budget: usize,
    /// A poll has taken its time since `now` was read, and the strategy wants to know the exact time of a start.
    stale: bool,
}

impl Pass {
    pub(super) fn new(now: Time) -> Self {
        Self { now, budget: BUDGET, stale: false }
    }
}

/// Why no more tasks are being started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
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
    #[inline]
    pub(super) fn pass(&mut self, pass: &mut Pass) -> Supply {
        self.poll_woken(pass);
        self.fire_deadlines(pass);
        self.obey(pass);
        let supply = self.admit(pass);
        // A task that ended as it was admitted may have made the source ask for something; what that makes possible
        // is looked at in the next pass.
        if self.obey(pass) { Supply::Hurried } else { supply }
    }

    /// Ends the pass: over, more to do at once, or wait until something happens.
    pub(super) fn rest(&mut self, supply: Supply, pass: &Pass, cx: &mut Context<'_>) -> Poll<()> {
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
        let (mut changed, mut keys) = (false, Vec::new());
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
                Control::Cancel(key) => keys.push(key),
                Control::CancelAll => {
                    keys.clear();
                    self.condemned.clear();
                    self.condemned.extend(self.running.tasks.ids());
                }
            }
            changed = true;
        }
        self.condemn(keys);
        while pass.budget > 0 {
            let Some(id) = self.condemned.pop_front() else { break };
            self.stop(id, End::Cancelled, pass);
        }
        changed
    }

    /// Marks the tasks with these keys for cancelling, first asked first. One look at the slots serves all of them.
    fn condemn(&mut self, keys: Vec<usize>) {
        if keys.is_empty() {
            return;
        }
        // An earlier attempt of the same key may be stopping in a slot of its own.
        let running = self.running.tasks.tenants().filter(|(_, tenant)| tenant.stopping.is_none());
        let slots: HashMap<_, _> = running.map(|(id, tenant)| (tenant.key, id)).collect();
        self.condemned.extend(keys.iter().filter_map(|key| slots.get(key)));
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

    pub(super) fn source_panicked(&mut self, panic: Panic, now: Time) {
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

    pub(super) fn read_clock(&mut self) -> Time {
        self.now = self.now.max(self.clock.now());
        self.now
    }
}
