//! Observers that panic more than once.

use super::Bomb;
use crate::runner::support::{Fault, after, ends, secs};
use regatta::{Event, EventKind, Observer, Runner};
use regatta_tests::{World, on_every_executor};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Panics when a task is finished, and in its drop.
struct Wreck {
    _bomb: Bomb,
}

impl Observer for Wreck {
    fn on_event(&self, event: &Event<'_>) {
        if matches!(event.kind, EventKind::Finished { .. }) {
            resume_unwind(Box::new("it has heard enough"));
        }
    }
}

#[derive(Clone, Default)]
struct Finished(Arc<AtomicUsize>);

impl Observer for Finished {
    fn on_event(&self, event: &Event<'_>) {
        if matches!(event.kind, EventKind::Finished { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Two tasks, and what hears of them: a wreck before and behind an observer that is well.
fn observed<'a>(world: &'a World, well: &Finished) -> Runner<'a, u8, u8, Fault> {
    let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
    for key in 0..2 {
        runner.add(key, after(world, secs(1), Ok(key))).unwrap();
    }
    let wreck = || Wreck { _bomb: Bomb };
    runner.observer(wreck()).observer(well.clone()).observer(wreck())
}

on_every_executor! {
    async fn an_observer_that_panicked_again_in_its_drop_took_the_run_with_it(world: World) {
        let well = Finished::default();
        assert_eq!(ends(&observed(&world, &well).run().await), ["ok 0", "ok 1"]);
        assert_eq!(well.0.load(Ordering::SeqCst), 2);
    }

    async fn an_observer_that_panicked_again_in_its_drop_took_the_report_with_it(world: World) {
        let well = Finished::default();
        let report = observed(&world, &well).timeout(Duration::ZERO).run().await;
        assert_eq!(report.counts().not_started, 2);
        assert_eq!(well.0.load(Ordering::SeqCst), 2, "told as the report is made");
    }

    async fn an_observer_that_panics_in_its_drop_hurts_no_run_that_is_dropped(world: World) {
        let well = Finished::default();
        let mut run = observed(&world, &well).run();
        assert!(futures::poll!(&mut run).is_pending());
        drop(run);
        drop(observed(&world, &well));
    }
}
