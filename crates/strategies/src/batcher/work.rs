//! `Work`: one batch on its way through the handler, once or several times. All foreign code of a batch runs here.

use super::failure::Attempts;
use super::settings::{Answer, Settings};
use super::{BatchError, Failure};
use regatta_core::{BoxFuture, Panic, TaskError, Time};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The number of an item; numbers rise and are never used again.
pub(super) type Id = u64;

/// Results, and whose they are.
pub(super) type Settled<R, E> = Vec<(Id, Result<R, BatchError<E>>)>;

pub(super) struct Work<T, R, E> {
    settings: Arc<Settings<T, R, E>>,
    /// What the handler has now, or gets next.
    part: Part<T>,
    call: Option<BoxFuture<'static, Answer<R, E>>>,
    /// What it gets after that, the last one first.
    rest: Vec<Part<T>>,
    attempts: Attempts<E>,
    /// Before a retry: how each item has failed, in case that it comes too late.
    failures: Vec<BatchError<E>>,
}

struct Part<T> {
    ids: Vec<Id>,
    /// Empty while the handler has them and they are not to be handed over again.
    items: Vec<T>,
}

/// What a batch needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// A wake.
    Pending,
    /// To be polled again, for it has more to hand over.
    Again,
    /// To wait until then, and to be polled again.
    Delay(Time),
    /// Nothing; all of it is settled.
    Finished,
}

impl<T, R, E> Work<T, R, E> {
    pub(super) fn new(settings: Arc<Settings<T, R, E>>, ids: Vec<Id>, items: Vec<T>) -> Self {
        let part = Part { ids, items };
        Self {
            settings,
            part,
            call: None,
            rest: Vec::new(),
            attempts: Attempts::none(),
            failures: Vec::new(),
        }
    }

    /// Polls the handler, and settles what it has answered.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, settled: &mut Settled<R, E>) -> Turn {
        catch_unwind(AssertUnwindSafe(|| self.step(cx, settled))).unwrap_or_else(|payload| {
            // Not the handler itself, but a clone, a rule or a clock. Nobody knows what it would do next time.
            let error = BatchError::panicked(payload);
            let done: HashSet<Id> = settled.iter().map(|(id, _)| *id).collect();
            // The items stay, to be dropped with all of this: that may panic, too.
            let parts = self.rest.iter_mut().chain([&mut self.part]);
            let ids = parts.flat_map(|part| std::mem::take(&mut part.ids));
            let ids: Vec<Id> = ids.filter(|id| !done.contains(id)).collect();
            settle_all(&ids, &error, settled);
            Turn::Finished
        })
    }

    fn step(&mut self, cx: &mut Context<'_>, settled: &mut Settled<R, E>) -> Turn {
        let mut call = match self.call.take() {
            Some(call) => call,
            None if self.is_late() => return self.forgo(settled),
            None => self.begin(),
        };
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
        if let Ok(Poll::Pending) = polled {
            self.call = Some(call);
            return Turn::Pending;
        }
        drop(call);
        match polled {
            Ok(Poll::Ready(Answer::Whole(Ok(results)))) => self.succeed(results.into_iter().map(Ok), settled),
            Ok(Poll::Ready(Answer::Each(results))) => self.succeed(results.into_iter(), settled),
            Ok(Poll::Ready(Answer::Whole(Err(error)))) => self.fail(TaskError::Failed(error), settled),
            Err(payload) => self.fail(TaskError::Panicked(Panic::new(payload)), settled),
            Ok(Poll::Pending) => Turn::Pending,
        }
    }

    /// A retry that was due in time may come late: the executor was busy, or there was no room.
    fn is_late(&self) -> bool {
        !self.failures.is_empty() && self.attempts.is_late(&*self.settings.clock)
    }

    /// The retry is not made: the failures stand.
    fn forgo(&mut self, settled: &mut Settled<R, E>) -> Turn {
        self.attempts.forgo();
        let failures = std::mem::take(&mut self.failures).into_iter().map(Err);
        settled.extend(self.part.take().ids.into_iter().zip(failures));
        self.next()
    }

    /// Calls the handler, with copies of the items if they may be needed again.
    fn begin(&mut self) -> BoxFuture<'static, Answer<R, E>> {
        if let Failure::Retry(rule, _) = &self.settings.failure {
            self.attempts.begin(self.settings.clock.now(), rule);
        }
        self.failures = Vec::new();
        let last = match self.settings.failure {
            Failure::All => true,
            Failure::Retry(..) => false,
            Failure::OneByOne(_) | Failure::Bisect(_) => self.part.ids.len() == 1,
        };
        let items = match self.settings.copy {
            Some(copy) if !last => self.part.items.iter().map(copy).collect(),
            Some(_) | None => std::mem::take(&mut self.part.items),
        };
        (self.settings.handler)(items)
    }

    /// There are results; some of them may be errors of single items.
    fn succeed(
        &mut self,
        results: impl ExactSizeIterator<Item = Result<R, E>>,
        settled: &mut Settled<R, E>,
    ) -> Turn {
        let (sent, got) = (self.part.ids.len(), results.len());
        if sent != got {
            return self.give_up(&BatchError::WrongCount { sent, got }, settled);
        }
        let settings = self.settings.clone();
        let mut delay = None;
        let mut again = Part { ids: Vec::new(), items: Vec::new() };
        let mut failures = Vec::new();
        let mut items = std::mem::take(&mut self.part.items).into_iter();
        // The numbers stay in their place meanwhile: if a rule panics, they tell who has no result yet.
        for (&id, result) in self.part.ids.iter().zip(results) {
            let item = items.next();
            let error = match result {
                Ok(result) => {
                    settled.push((id, Ok(result)));
                    continue;
                }
                Err(error) => TaskError::Failed(error),
            };
            let pause = match &settings.failure {
                Failure::Retry(_, repeat) if repeat.allows(&error) => {
                    self.attempts.delay(settings.clock.now(), &error)
                }
                Failure::OneByOne(repeat) if sent > 1 && repeat.allows(&error) => Some(Duration::ZERO),
                Failure::All | Failure::Retry(..) | Failure::OneByOne(_) | Failure::Bisect(_) => None,
            };
            match (pause, item) {
                (Some(pause), Some(item)) => {
                    delay = delay.max(Some(pause));
                    again.ids.push(id);
                    again.items.push(item);
                    failures.push(failed(error));
                }
                (None, _) | (_, None) => settled.push((id, Err(failed(error)))),
            }
        }
        match (&settings.failure, delay) {
            (Failure::Retry(..), Some(delay)) => {
                self.part = again;
                self.failures = failures;
                self.pause(delay)
            }
            (_, Some(_)) => {
                self.part.take();
                self.rest.extend(again.singles());
                self.next()
            }
            (_, None) => {
                self.part.take();
                self.next()
            }
        }
    }

    /// The handler failed with all that it was given.
    fn fail(&mut self, failure: TaskError<E>, settled: &mut Settled<R, E>) -> Turn {
        let settings = self.settings.clone();
        let alone = self.part.ids.len() == 1;
        if settings.failure.repeat().is_none_or(|repeat| !repeat.allows(&failure)) {
            return self.give_up(&failed(failure), settled);
        }
        match &settings.failure {
            Failure::Retry(..) => match self.attempts.delay(settings.clock.now(), &failure) {
                Some(delay) => {
                    self.failures = vec![failed(failure); self.part.ids.len()];
                    self.pause(delay)
                }
                None => self.give_up(&failed(failure), settled),
            },
            Failure::OneByOne(_) if !alone => {
                let part = self.part.take();
                self.rest.extend(part.singles());
                self.next()
            }
            Failure::Bisect(_) if !alone => {
                let mut left = self.part.take();
                let middle = left.ids.len() / 2;
                let right = Part { ids: left.ids.split_off(middle), items: left.items.split_off(middle) };
                self.rest.extend([right, left]);
                self.next()
            }
            Failure::All | Failure::OneByOne(_) | Failure::Bisect(_) => {
                self.give_up(&failed(failure), settled)
            }
        }
    }

    fn pause(&self, delay: Duration) -> Turn {
        // A zero delay touches no timer.
        if delay.is_zero() { Turn::Again } else { Turn::Delay(self.settings.clock.now() + delay) }
    }

    /// All that the handler had gets this error.
    fn give_up(&mut self, error: &BatchError<E>, settled: &mut Settled<R, E>) -> Turn {
        settle_all(&self.part.take().ids, error, settled);
        self.next()
    }

    fn next(&mut self) -> Turn {
        match self.rest.pop() {
            Some(part) => {
                self.part = part;
                Turn::Again
            }
            None => Turn::Finished,
        }
    }
}

impl<T> Part<T> {
    fn take(&mut self) -> Self {
        Self { ids: std::mem::take(&mut self.ids), items: std::mem::take(&mut self.items) }
    }

    /// Each item for itself, the last one first.
    fn singles(self) -> impl Iterator<Item = Self> {
        let pairs = self.ids.into_iter().zip(self.items).rev();
        pairs.map(|(id, item)| Self { ids: vec![id], items: vec![item] })
    }
}

fn settle_all<R, E>(ids: &[Id], error: &BatchError<E>, settled: &mut Settled<R, E>) {
    settled.extend(ids.iter().map(|id| (*id, Err(error.clone()))));
}

fn failed<E>(failure: TaskError<E>) -> BatchError<E> {
    match failure {
        TaskError::Failed(error) => BatchError::Failed(Arc::new(error)),
        TaskError::Panicked(panic) => BatchError::Panicked(Arc::new(panic)),
        _ => unreachable!("a handler fails or panics"),
    }
}
