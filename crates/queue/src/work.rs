//! `Work`: a queue as a source. One stands behind each engine that takes jobs from it.

use crate::Ctx;
use crate::ctx::More;
use crate::hub::Hub;
use crate::ledger::{Again, Chance, Claim, Ledger, Start};
use regatta_core::{Kick, Outcome, Panic, Readiness, Retry, Time};
use regatta_engine::{Admission, Admitted, Control, End, Failed, Job, Next, Source, contain, contain_drop};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// `F` stands as a parameter of its own, so that no projection of `H` is a field.
pub(crate) struct Work<J, R, E, H, F, Rt> {
    hub: Arc<Hub<J, R, E>>,
    worker: usize,
    handler: H,
    rule: Rt,
    /// Jobs that have succeeded since the ledger was last looked at: it is told on the next occasion, which comes in the
    /// same pass, so that a job costs one look and not two.
    ended: Option<Ended<R>>,
    /// Those after the first one.
    also: Vec<Ended<R>>,
    /// The strategy is being asked about this job; still set only if that panicked.
    asking: Option<usize>,
    /// What the strategy has said to those that it refused in this round, as far as it comes first. It holds although
    /// others have started since.
    refused: Option<Readiness>,
    task: PhantomData<fn() -> F>,
}

/// A job's slot, when it ended, and with what.
type Ended<R> = (usize, Time, R);

impl<J, R, E, H, F, Rt> Work<J, R, E, H, F, Rt> {
    pub(crate) fn new(hub: Arc<Hub<J, R, E>>, worker: usize, handler: H, rule: Rt) -> Self {
        Self {
            hub,
            worker,
            handler,
            rule,
            ended: None,
            also: Vec::new(),
            asking: None,
            refused: None,
            task: PhantomData,
        }
    }

    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// A job has succeeded.
    #[inline]
    fn succeeded(&mut self, slot: usize, now: Time, value: R) {
        let ended = (slot, now, value);
        if self.ended.is_none() {
            self.ended = Some(ended);
        } else {
            self.also.push(ended);
        }
    }

    /// Looks at the ledger, and tells it first what has ended.
    #[inline]
    fn with<T>(&mut self, f: impl FnOnce(&mut Ledger<J, R, E>) -> T) -> T {
        let Some((slot, now, value)) = self.ended.take() else { return self.hub.with(f) };
        let (also, worker) = (&mut self.also, self.worker);
        self.hub.with(|ledger| {
            ledger.confirm(worker);
            ledger.succeeded(slot, now, value);
            if !also.is_empty() {
                for (slot, now, value) in also.drain(..) {
                    ledger.succeeded(slot, now, value);
                }
            }
            f(ledger)
        })
    }
}

impl<J, R, E, H, F, Rt> Work<J, R, E, H, F, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    /// Makes the task of a job that has leave to start.
    #[inline]
    fn start<'a>(&mut self, now: Time, start: Start<J>, admitted: Admitted<'a>) -> Next<'a, F> {
        let Start { slot, job, id, attempt, deadline, has_about, may_refuse, .. } = start;
        if may_refuse || self.hub.is_heard() {
            // Before anything that the job does itself.
            let worker = self.worker;
            self.with(|ledger| ledger.confirm(worker));
        }
        let more = if has_about { self.more(slot) } else { None };
        let ctx = Ctx::new(self.hub.clone(), id, attempt, more);
        match contain(|| self.handler.clone()(job, ctx)) {
            Ok(task) => Next::Start(Job::new(slot, task).deadline(deadline), admitted),
            Err(panic) => {
                drop(admitted);
                self.end(now, slot, End::Panicked(panic));
                // The engine asks again, once it has seen what that changes.
                Next::NotBefore(now)
            }
        }
    }

    #[cold]
    fn more(&mut self, slot: usize) -> Option<Box<More<E>>> {
        self.with(|ledger| {
            let last_error = ledger.last_error(slot);
            let about = ledger.entries[slot].about.as_ref()?;
            Some(Box::new(More { key: about.key.clone(), metadata: about.metadata.clone(), last_error }))
        })
    }

    /// An attempt has ended in another way than with what the job was for.
    fn end(&mut self, now: Time, slot: usize, end: End<Result<R, E>>) -> Outcome {
        let worker = self.worker;
        let (result, outcome, chance) = self.with(|ledger| {
            ledger.confirm(worker);
            ledger.judge(slot, now, end)
        });
        let error = match result {
            Ok(value) => {
                self.succeeded(slot, now, value);
                return outcome;
            }
            Err(error) => error,
        };
        let text = self.hub.read(&error);
        let again = match chance {
            Chance::No => None,
            Chance::Ask { rule, attempts, first } => {
                // A rule that panics has no opinion: the failure stands.
                let asked = contain(|| {
                    let mut rule = rule.unwrap_or_else(|| {
                        let mut rule = self.rule.clone();
                        rule.begin(first);
                        Box::new(rule)
                    });
                    let delay = rule.delay(now, attempts, &error)?;
                    Some(Again { due: now + delay, deadline: rule.deadline(), rule })
                });
                asked.unwrap_or_else(|panic| {
                    contain_drop(|| drop(panic));
                    None
                })
            }
        };
        self.with(|ledger| ledger.failed(slot, now, error, text, again));
        outcome
    }
}

impl<J, R, E, H, F, Rt> Source for Work<J, R, E, H, F, Rt>
where
    H: FnOnce(Arc<J>, Ctx<J, R, E>) -> F + Clone,
    F: Future<Output = Result<R, E>>,
    Rt: Retry<E> + Clone + Send + 'static,
{
    type Task = F;

    fn attach(&mut self, kick: Kick) {
        let worker = self.worker;
        self.with(|ledger| ledger.attach(worker, kick));
    }

    #[inline]
    fn next<'a>(&mut self, now: Time, admission: Admission<'a>) -> Next<'a, F> {
        let worker = self.worker;
        loop {
            let start = match self.with(|ledger| ledger.claim(now, worker)) {
                Claim::Over => return Next::Done,
                Claim::Wait => return self.refused.map_or(Next::Waiting, Next::Blocked),
                Claim::Start(start) => start,
            };
            self.asking = Some(start.slot);
            // Without rivals, whoever is behind it would be told the same: one question will do.
            if start.has_rivals {
                let readiness = admission.ready(&start.request);
                if let Err(refusal) = readiness.check() {
                    self.asking = None;
                    if let Readiness::Rejected(why) = refusal {
                        self.with(|ledger| ledger.reject(now, start.slot, worker, why));
                    } else {
                        self.with(|ledger| ledger.unclaim(start.slot, worker));
                        self.refused = Some(self.refused.map_or(refusal, |before| sooner(before, refusal)));
                    }
                    continue;
                }
            }
            let answer = admission.start(&start.request);
            self.asking = None;
            return match answer {
                Ok(admitted) => self.start(now, start, admitted),
                Err(Readiness::Rejected(why)) => {
                    self.with(|ledger| ledger.reject(now, start.slot, worker, why));
                    Next::NotBefore(now)
                }
                // Where another engine was faster, it is asked about again in the next pass, as everybody is.
                Err(refusal) => {
                    self.with(|ledger| {
                        ledger.unclaim(start.slot, worker);
                        ledger.wait(worker);
                    });
                    Next::Blocked(self.refused.map_or(refusal, |before| sooner(before, refusal)))
                }
            };
        }
    }

    #[inline]
    fn on_outcome(&mut self, now: Time, slot: usize, end: End<Result<R, E>>) -> Outcome {
        match end {
            End::Output(Ok(value)) => {
                self.succeeded(slot, now, value);
                Outcome::Success
            }
            end => self.end(now, slot, end),
        }
    }

    fn control(&mut self, now: Time) -> Option<Control> {
        // Another round: all are asked about again.
        self.refused = None;
        let worker = self.worker;
        self.with(|ledger| ledger.control(now, worker))
    }

    fn failed(&mut self, _now: Time, panic: Panic) -> Failed {
        let (asking, worker) = (self.asking.take(), self.worker);
        self.with(|ledger| {
            if let Some(slot) = asking {
                ledger.unclaim(slot, worker);
            }
            ledger.broke(panic);
        });
        Failed::Over
    }
}

/// What comes first of two things to wait for.
fn sooner(one: Readiness, other: Readiness) -> Readiness {
    match (one, other) {
        (Readiness::NotBefore(one), Readiness::NotBefore(other)) => Readiness::NotBefore(one.min(other)),
        (Readiness::NotBefore(time), _) | (_, Readiness::NotBefore(time)) => Readiness::NotBefore(time),
        (one, _) => one,
    }
}

impl<J, R, E, H, F, Rt> Drop for Work<J, R, E, H, F, Rt> {
    fn drop(&mut self) {
        self.with(|_| ());
    }
}
