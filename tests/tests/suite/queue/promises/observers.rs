//! Listeners: what happens, in order.

use crate::queue::support::{left, millis, numbers, overboard, secs, takes};
use regatta::queue::{Key, Options};
use regatta::{Backoff, Event, EventKind, Observer};
use regatta_tests::{World, on_every_executor};
use std::sync::{Arc, Mutex};

/// Writes down what it hears. Clones share their paper.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

impl Scribe {
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Scribe {
    fn on_event(&self, event: &Event<'_>) {
        let name = event.name;
        let line = match event.kind {
            EventKind::Queued => format!("{name:?} queued"),
            EventKind::Started { attempt } => format!("{name:?} started {attempt}"),
            EventKind::Retrying { attempt, delay, error } => {
                format!("{name:?} again {attempt} {delay:?} {error}")
            }
            EventKind::Finished { attempts, state, error } => {
                format!("{name:?} {state} {attempts} {error:?}")
            }
            _ => unreachable!(),
        };
        self.0.lock().unwrap().push(line);
    }
}

struct Breaks;

impl Observer for Breaks {
    fn on_event(&self, _: &Event<'_>) {
        overboard();
    }
}

on_every_executor! {
    async fn everything_that_happens_to_a_job_is_told_in_order(world: World) {
        let scribe = Scribe::default();
        let (queue, _results, engine) = numbers(&world, 1)
            .retry(Backoff::constant(secs(3)).times(1))
            .build(async |n, _| if *n == 0 { Err("no route") } else { Ok(()) })
            .unwrap();
        let mut engine = engine.observer(scribe.clone());
        queue.push_with(0, Options::new().key("zero")).await.unwrap();
        queue.push(1).await.unwrap();
        let gone = queue.push(2).await.unwrap();
        assert!(queue.cancel(gone));
        queue.close();
        let _ = engine.run().await;
        let expected = [
            "\"zero\" queued",
            "#1 queued",
            "#2 queued",
            "#2 not started 0 Some(\"not started: it was cancelled first\")",
            "\"zero\" started 1",
            "\"zero\" again 1 3s no route",
            "#1 started 1",
            "#1 ok 1 None",
            "\"zero\" started 2",
            "\"zero\" failed 2 Some(\"no route\")",
        ];
        assert_eq!(scribe.lines(), expected);
        drop(world);
    }

    // On an executor jobs overlap, but each one's own story stays in order, and every one has an end.
    async fn each_jobs_own_events_are_in_order_on_an_executor(world: World) {
        let scribe = Scribe::default();
        let inner = world.clone();
        let (queue, _results, engine) = numbers(&world, 4)
            .retry(Backoff::constant(millis(1)).times(1))
            .build(async move |n, ctx| {
                inner.sleep(millis(u64::from(*n) % 5)).await;
                if *n % 3 == 0 && ctx.attempt() == 1 { Err("no") } else { Ok(()) }
            })
            .unwrap();
        let handle = engine.observer(scribe.clone()).spawn_on(world.executor());
        for n in 0..30 {
            queue.push_with(n, Options::new().key(u64::from(n))).await.unwrap();
        }
        queue.close();
        assert_eq!(handle.await.stats.ok, 30);
        let lines = scribe.lines();
        for n in 0..30 {
            let name = format!("{:?} ", Key::from(n));
            let own: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(&name)).collect();
            if n % 3 == 0 {
                assert_eq!(own, ["queued", "started 1", "again 1 1ms no", "started 2", "ok 2 None"]);
            } else {
                assert_eq!(own, ["queued", "started 1", "ok 1 None"]);
            }
        }
    }

    // Those that never ran have their end too.
    async fn what_never_ran_is_told_as_well(world: World) {
        let scribe = Scribe::default();
        let (queue, _results, engine) = numbers(&world, 1).build(takes(&world, secs(1))).unwrap();
        let mut engine = engine.observer(scribe.clone());
        queue.push(0).await.unwrap();
        queue.push(1).await.unwrap();
        let (_, finished) = engine
            .run_with(async {
                world.sleep(millis(500)).await;
                queue.stop();
            })
            .await;
        assert_eq!(left(&finished), [1]);
        assert_eq!(
            scribe.lines(),
            [
                "#0 queued",
                "#1 queued",
                "#0 started 1",
                "#0 cancelled 1 Some(\"cancelled\")",
                "#1 not started 0 Some(\"not started: it was cancelled first\")",
            ]
        );
    }

    async fn an_observer_that_panics_disturbs_nobody(world: World) {
        let scribe = Scribe::default();
        let (queue, _results, engine) = numbers(&world, 2).build(takes(&world, millis(1))).unwrap();
        let mut engine = engine.observer(Breaks).observer(scribe.clone());
        for n in 0..3 {
            queue.push(n).await.unwrap();
        }
        queue.close();
        assert_eq!(engine.run().await.stats.ok, 3);
        assert_eq!(scribe.lines().len(), 9);
    }
}
