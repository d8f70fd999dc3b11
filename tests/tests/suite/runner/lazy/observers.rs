//! What observers hear of items.

use super::Bomb;
use crate::runner::support::{Fault, after, secs};
use futures::StreamExt;
use regatta::strategies::Concurrency;
use regatta::{
    Event, EventKind, Limiter, LogLines, Observer, StopOn, for_each, for_each_sync, map, map_ok, race,
    stream, try_map,
};
use regatta_tests::{World, on_every_executor};
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down all it hears, as `3s 0 started 1`.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

impl Scribe {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Scribe {
    fn on_event(&self, event: &Event<'_>) {
        let what = match event.kind {
            EventKind::Queued => "queued".to_owned(),
            EventKind::Started { attempt } => format!("started {attempt}"),
            EventKind::Finished { attempts, state, error } => {
                format!(
                    "finished {attempts} {state}{}",
                    error.map(|error| format!(": {error}")).unwrap_or_default()
                )
            }
            other => format!("{other:?}"),
        };
        assert_eq!(format!("{:?}", event.name), event.id.to_string(), "the index is the name");
        let at = event.at.since(regatta_tests::ManualClock::START).as_secs();
        self.0.lock().unwrap().push(format!("{at}s {} {what}", event.id));
    }
}

/// Keeps the lines that are written to it.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Deaf;

impl Observer for Deaf {
    fn on_event(&self, _: &Event<'_>) {
        panic!("not for me");
    }
}

on_every_executor! {
    async fn every_item_is_heard_in_order(world: World) {
        let scribe = Scribe::default();
        let tasks = async |n: u64| match n {
            0 => after(&world, secs(1), Ok(n)).await,
            1 => after(&world, secs(2), Err("no route")).await,
            2 => panic!("overboard"),
            _ => after(&world, secs(9), Ok(n)).await,
        };
        let run = map(0..5, 2, tasks).unwrap().clock(world.clock()).observer(scribe.clone()).timeout(secs(5));
        assert!(scribe.take().is_empty(), "nothing happens before the run");
        assert_eq!(run.await.len(), 5);
        let expected = [
            "0s 0 queued",
            "0s 0 started 1",
            "0s 1 queued",
            "0s 1 started 1",
            "1s 0 finished 1 ok",
            "1s 2 queued",
            "1s 2 started 1",
            "1s 2 finished 1 panicked: panicked: overboard",
            "1s 3 queued",
            "1s 3 started 1",
            "2s 1 finished 1 failed: no route",
            "2s 4 queued",
            "2s 4 started 1",
            "5s 3 finished 1 timed out: timed out after 5s",
            "5s 4 finished 1 timed out: timed out after 5s",
        ];
        assert_eq!(scribe.take(), expected);
    }

    async fn items_that_never_start_are_heard_of_without_an_attempt(world: World) {
        let scribe = Scribe::default();
        let fails = async |_: u64| after::<()>(&world, secs(1), Err("no")).await;
        let run = map(0..3, 1, fails).unwrap().clock(world.clock()).observer(scribe.clone());
        assert_eq!(run.stop_on(StopOn::FirstError).await.len(), 3);
        let expected = [
            "0s 0 queued",
            "0s 0 started 1",
            "1s 0 finished 1 failed: no",
            "1s 1 finished 0 not started: not started: the run was stopped by its stop rule",
            "1s 2 finished 0 not started: not started: the run was stopped by its stop rule",
        ];
        assert_eq!(scribe.take(), expected);

        let closed = Limiter::new(Concurrency::new(1).unwrap());
        closed.close();
        map(0..1, 1, fails).unwrap().clock(world.clock()).observer(scribe.clone()).strategy(closed).await;
        let expected = ["1s 0 queued", "1s 0 finished 0 rejected: rejected: the limiter is closed"];
        assert_eq!(scribe.take(), expected);
    }

    async fn what_panics_instead_of_giving_a_task_is_heard(world: World) {
        let scribe = Scribe::default();
        let items = (0..3).inspect(|n| assert!(*n < 1, "no item"));
        let makes_none = |n: u8| -> std::future::Ready<u8> { panic!("no task for {n}") };
        map_ok(items, 1, makes_none).unwrap().clock(world.clock()).observer(scribe.clone()).await;
        let expected = [
            "0s 0 queued",
            "0s 0 started 1",
            "0s 0 finished 1 panicked: panicked: no task for 0",
            "0s 1 queued",
            "0s 1 finished 0 panicked: panicked: no item",
        ];
        assert_eq!(scribe.take(), expected);
    }

    async fn every_face_has_observers(world: World) {
        let scribe = Scribe::default();
        let task = async |n| Ok::<_, Fault>(n);
        let (clock, listener) = (|| world.clock(), || scribe.clone());
        let expected = ["0s 0 queued", "0s 0 started 1", "0s 0 finished 1 ok"];
        try_map([1], 2, task).unwrap().clock(clock()).observer(listener()).await.unwrap();
        assert_eq!(scribe.take(), expected);
        race([1, 2], 2, task).unwrap().clock(clock()).observer(listener()).await.unwrap();
        assert_eq!(scribe.take(), expected);
        assert_eq!(stream([1], 2, task).unwrap().clock(clock()).observer(listener()).count().await, 1);
        assert_eq!(scribe.take(), expected);
        for_each_sync([1], 2, task, |_| {}).unwrap().clock(clock()).observer(listener()).await;
        assert_eq!(scribe.take(), expected);
        let each = for_each([1], 2, task, async |done| done.count().await).unwrap();
        // Set before the strategy, which keeps it.
        each.clock(clock()).observer(listener()).strategy(Concurrency::new(1).unwrap()).await;
        assert_eq!(scribe.take(), expected);
    }

    async fn what_is_dropped_with_the_first_failure_is_heard_too(world: World) {
        let scribe = Scribe::default();
        let fails = async |n: u64| after::<()>(&world, secs(n), Err("no")).await;
        let run = try_map([2, 1], 2, fails).unwrap().clock(world.clock()).observer(scribe.clone());
        run.await.unwrap_err();
        assert_eq!(scribe.take()[4..], ["1s 1 finished 1 failed: no", "1s 0 finished 1 cancelled: cancelled"]);
    }

    async fn a_listener_that_panics_hears_nothing_more_and_harms_nobody(world: World) {
        let scribe = Scribe::default();
        let run = map_ok(0..2, 1, async |n| n).unwrap().observer(Deaf).observer(scribe.clone()).clock(world.clock());
        assert_eq!(run.await.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(scribe.take().len(), 6);
    }

    async fn an_error_whose_display_panics_is_heard_as_such(world: World) {
        struct Mute;
        impl fmt::Display for Mute {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("no words")
            }
        }
        let scribe = Scribe::default();
        let run = map([1], 1, async |_| Err::<(), _>(Mute)).unwrap().observer(scribe.clone()).clock(world.clock());
        assert!(matches!(run.await[..], [Err(regatta::TaskError::Failed(Mute))]));
        assert_eq!(scribe.take()[2], "0s 0 finished 1 failed: (its Display panicked)");
    }

    async fn a_result_that_nobody_wants_and_that_panics_as_it_is_dropped_is_no_item_of_its_own(world: World) {
        let scribe = Scribe::default();
        let task = async |_| after(&world, secs(1), Ok(Bomb)).await;
        let each = for_each([0], 2, task, async |done| {
            // Polled before the task, as the timer of that one is due.
            world.sleep(secs(1)).await;
            drop(done);
        });
        each.unwrap().clock(world.clock()).observer(scribe.clone()).await;
        assert_eq!(scribe.take(), ["0s 0 queued", "0s 0 started 1", "1s 0 finished 1 ok"]);
    }

    async fn log_lines_follow_a_map(_world: World) {
        let paper = Paper::default();
        let lines = LogLines::to(paper.clone()).total(3).every(Duration::from_secs(3600));
        map(0..3, 1, async |n| if n == 1 { Err("no route") } else { Ok(n) }).unwrap().observer(lines).await;
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "1: failed: no route\n3 of 3 done, 1 not ok\n");
    }
}
