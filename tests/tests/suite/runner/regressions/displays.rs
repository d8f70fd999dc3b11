//! Errors that panic when they are displayed, which is what an observer has done to them.

use crate::runner::support::{after, secs};
use regatta::{Backoff, CancelToken, Event, EventKind, Observer, Runner, StopOn, StopReason, TaskError};
use regatta_tests::{World, on_every_executor};
use std::fmt;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Can be displayed so many times.
#[derive(Debug)]
struct Ugly(AtomicU32);

impl Ugly {
    fn after(times: u32) -> Self {
        Self(AtomicU32::new(times))
    }
}

impl fmt::Display for Ugly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.load(Ordering::SeqCst) == 0 {
            resume_unwind(Box::new("too ugly to be seen"));
        }
        self.0.fetch_sub(1, Ordering::SeqCst);
        f.write_str("ugly")
    }
}

/// Writes down how tasks ended, as `0 failed: ugly`.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

impl Observer for Scribe {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::Finished { state, error, .. } = event.kind {
            let line = format!("{} {state}: {}", event.id, error.unwrap_or_default());
            self.0.lock().unwrap().push(line);
        }
    }
}

async fn ugly() -> Result<(), Ugly> {
    Err(Ugly::after(0))
}

on_every_executor! {
    async fn a_display_that_panicked_cost_the_outcome_and_all_tasks_after_it(world: World) {
        let scribe = Scribe::default();
        let mut runner =
            Runner::new().limit(1).unwrap().clock(world.clock()).observer(scribe.clone());
        runner.add("bad", ugly()).unwrap();
        runner.add_ok("good", world.sleep(secs(1))).unwrap();
        runner.add_retry("bad again", Backoff::constant(secs(1)).times(2), ugly).unwrap();
        let report = runner.run().await;
        assert!(matches!(report.get("bad"), Some(Err(TaskError::Failed(Ugly(_))))));
        assert!(matches!(report.get("good"), Some(Ok(()))));
        assert!(matches!(report.get("bad again"), Some(Err(TaskError::Failed(Ugly(_))))));
        assert_eq!(report.tasks().iter().map(|task| task.attempts()).collect::<Vec<_>>(), [1, 1, 3]);
        assert!(matches!(report.stopped(), StopReason::Completed), "{:?}", report.stopped());
        let panicked = "failed: (its Display panicked)";
        let told = [format!("0 {panicked}"), "1 ok: ".into(), format!("2 {panicked}")];
        assert_eq!(*scribe.0.lock().unwrap(), told);
    }

    async fn a_display_that_panicked_switched_the_timeout_off(world: World) {
        let mut runner = Runner::new().timeout(secs(5)).clock(world.clock()).observer(Scribe::default());
        runner.add("hangs", pending()).unwrap();
        runner.add("bad", ugly()).unwrap();
        let report = runner.run().await;
        assert_eq!(report.task("hangs").unwrap().state(), "timed out");
        assert_eq!((report.timed_out(), report.elapsed()), (true, secs(5)));
    }

    async fn a_display_that_panicked_switched_cancelling_off(world: World) {
        let token = CancelToken::new();
        let mut runner = Runner::new().cancel_on(&token).clock(world.clock()).observer(Scribe::default());
        runner.add("hangs", pending()).unwrap();
        runner.add("bad", ugly()).unwrap();
        let cancel = async {
            world.sleep(secs(5)).await;
            token.cancel();
        };
        let (report, ()) = futures::join!(runner.run(), cancel);
        assert_eq!(report.task("hangs").unwrap().state(), "cancelled");
        assert_eq!(report.elapsed(), secs(5));
    }

    async fn a_display_that_panicked_as_the_report_was_made_lost_it(world: World) {
        let scribe = Scribe::default();
        let mut runner = Runner::new().clock(world.clock()).observer(scribe.clone());
        runner = runner.stop_on(StopOn::failures(1).unwrap());
        // Seen once, when its retry is announced; it pauses when the run is stopped.
        let once = || async { Err::<u8, _>(Ugly::after(1)) };
        runner.add_retry("pauses", Backoff::constant(secs(10)), once).unwrap();
        let stops = async {
            after(&world, secs(1), Ok(())).await.map_err(|_| Ugly::after(1))?;
            Err(Ugly::after(1))
        };
        runner.add("stops", stops).unwrap();
        let report = runner.run().await;
        assert_eq!(report.tasks().iter().map(|task| task.state()).collect::<Vec<_>>(), ["failed"; 2]);
        assert_eq!(report.task("pauses").unwrap().attempts(), 1);
        assert!(matches!(report.stopped(), StopReason::StopRule));
        assert_eq!(*scribe.0.lock().unwrap(), ["1 failed: ugly", "0 failed: (its Display panicked)"]);
    }
}
