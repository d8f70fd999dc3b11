//! `Drive`: an engine over a batch, polled to the report. In place or with its tasks on an executor, it is the same.

use crate::batch::Batch;
use crate::mode::Mode;
use crate::watch::Watch;
use regatta_core::{BoxStrategy, BoxToken};
use regatta_engine::{Engine, Moment, OnExecutor, Report, Source, StopReason};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::task::{Context, Poll};

/// A source that is a batch, or is made of one.
pub(crate) trait Over<B> {
    fn batch(&mut self) -> &mut B;
    fn into_batch(self) -> B;
}

impl<'a, K, T, E, M: Mode<'a, T, E>> Over<Self> for Batch<'a, K, T, E, M> {
    fn batch(&mut self) -> &mut Self {
        self
    }

    fn into_batch(self) -> Self {
        self
    }
}

impl<B> Over<B> for OnExecutor<B> {
    fn batch(&mut self) -> &mut B {
        self.get_mut()
    }

    fn into_batch(self) -> B {
        self.into_inner()
    }
}

/// `'s` is how long the strategy lives; the task type `F` stands for itself, so that drivers can be spawned.
pub(crate) struct Drive<'s, S, F> {
    engine: Option<DriveEngine<'s, S, F>>,
    watch: Watch,
    /// Its first poll.
    began: Option<Moment>,
    /// Whether the run is over only when the last task is gone, not merely ended.
    pub(crate) waits: bool,
}

pub(crate) type DriveEngine<'s, S, F> = Engine<S, Option<BoxStrategy<'s>>, F, Option<BoxToken>>;

impl<'s, S, F> Drive<'s, S, F> {
    pub(crate) fn new(engine: DriveEngine<'s, S, F>, watch: Watch) -> Self {
        Self { engine: Some(engine), watch, began: None, waits: true }
    }

    /// One pass; the report once the run is over.
    pub(crate) fn poll<'a, K, T, E, M>(&mut self, cx: &mut Context<'_>) -> Poll<Report<K, T, E>>
    where
        K: Eq + Hash + fmt::Debug,
        M: Mode<'a, T, E>,
        S: Source<Task = F> + Over<Batch<'a, K, T, E, M>>,
        F: Future,
    {
        let engine = self.engine.as_mut().expect("a future is not polled after it has ended");
        self.began.get_or_insert_with(|| engine.moment());
        if self.watch.poll(cx) {
            engine.source_mut().batch().course.cancel();
        }
        let over = engine.poll(cx).is_ready();
        if over || (!self.waits && engine.running() == 0 && engine.source_mut().batch().is_closed()) {
            return Poll::Ready(self.report().expect("it was here a line ago"));
        }
        Poll::Pending
    }

    /// The report as it stands, what still runs being dropped; `None` if it was taken.
    pub(crate) fn report<'a, K, T, E, M>(&mut self) -> Option<Report<K, T, E>>
    where
        K: Eq + Hash + fmt::Debug,
        M: Mode<'a, T, E>,
        S: Over<Batch<'a, K, T, E, M>>,
    {
        let engine = self.engine.take()?;
        let (now, moment) = (engine.now(), engine.moment());
        let mut batch = engine.into_source().into_batch();
        match self.began {
            Some(began) => Some(batch.into_report(began, now)),
            None => {
                batch.course.give_up(StopReason::NotSpawned);
                Some(batch.into_report(moment, moment.at))
            }
        }
    }

    /// Nobody will poll it to its end.
    pub(crate) fn abandon<'a, K, T, E, M>(&mut self) -> Option<Report<K, T, E>>
    where
        K: Eq + Hash + fmt::Debug,
        M: Mode<'a, T, E>,
        S: Over<Batch<'a, K, T, E, M>>,
    {
        if let (Some(engine), Some(_)) = (&mut self.engine, self.began) {
            engine.source_mut().batch().course.give_up(StopReason::Cancelled);
        }
        self.report()
    }
}

impl<S, F> fmt::Debug for Drive<'_, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drive").field(&self.engine).finish()
    }
}
