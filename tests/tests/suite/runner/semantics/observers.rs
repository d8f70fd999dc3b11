//! What observers hear, and when.

use crate::runner::support::{Fault, after, secs};
use regatta::{Backoff, Event, EventKind, LogLines, Observer, Runner, StopOn};
use regatta_tests::{World, on_every_executor};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down all it hears, as `3s 'a' started 1`.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Vec<String>>>);

impl Scribe {
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Scribe {
    fn on_event(&self, event: &Event<'_>) {
        let what = match event.kind {
            EventKind::Queued => "queued".into(),
            EventKind::Started { attempt } => format!("started {attempt}"),
            EventKind::Retrying { attempt, delay, error } => {
                format!("retrying {attempt} in {delay:?}: {error}")
            }
            EventKind::Finished { attempts, state, error } => {
                format!("finished {attempts} {state} {error:?}")
            }
            other => format!("{other:?}"),
        };
        let at = event.at.since(regatta_tests::ManualClock::START).as_secs();
        self.0.lock().unwrap().push(format!("{at}s {} {:?} {what}", event.id, event.name));
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

on_every_executor! {
    async fn every_key_is_heard_in_order(world: World) {
        let scribe = Scribe::default();
        let mut runner =
            Runner::new().limit(2).unwrap().clock(world.clock()).observer(scribe.clone()).timeout(secs(5));
        runner.add("ok", after(&world, secs(1), Ok(1))).unwrap();
        let fails = || after(&world, secs(1), Err("busy"));
        runner.add_retry("retried", Backoff::constant(secs(2)).times(1), fails).unwrap();
        runner.add("slow", after(&world, secs(10), Ok(1))).unwrap();
        runner.add("panics", async { panic!("overboard") }).unwrap();
        runner.add("stuck", after(&world, secs(10), Ok(1))).unwrap();
        runner.add("never", after(&world, secs(1), Ok(1))).unwrap();
        assert!(scribe.heard().is_empty(), "nothing happens before the run");
        runner.run().await;
        let expected = [
            r#"0s 0 "ok" queued"#,
            r#"0s 1 "retried" queued"#,
            r#"0s 2 "slow" queued"#,
            r#"0s 3 "panics" queued"#,
            r#"0s 4 "stuck" queued"#,
            r#"0s 5 "never" queued"#,
            r#"0s 0 "ok" started 1"#,
            r#"0s 1 "retried" started 1"#,
            r#"1s 0 "ok" finished 1 ok None"#,
            r#"1s 1 "retried" retrying 1 in 2s: busy"#,
            r#"1s 2 "slow" started 1"#,
            r#"1s 3 "panics" started 1"#,
            r#"1s 3 "panics" finished 1 panicked Some("panicked: overboard")"#,
            r#"1s 4 "stuck" started 1"#,
        ];
        let heard = scribe.heard();
        assert_eq!(heard[..expected.len()], expected);
        // What is stopped at one moment is told in no particular order; what never started comes last.
        let mut stopped = heard[expected.len()..].to_vec();
        let never = r#"5s 5 "never" finished 0 not started Some("not started: the run's time was up")"#;
        assert_eq!(stopped.pop().unwrap(), never);
        stopped.sort();
        assert_eq!(
            stopped,
            [
                r#"5s 1 "retried" finished 1 failed Some("busy")"#,
                r#"5s 2 "slow" finished 1 timed out Some("timed out after 5s")"#,
                r#"5s 4 "stuck" finished 1 timed out Some("timed out after 5s")"#,
            ]
        );
    }

    async fn each_observer_hears_the_same(world: World) {
        let scribes = [Scribe::default(), Scribe::default()];
        let mut runner = Runner::new().clock(world.clock()).stop_on(StopOn::FirstError);
        for scribe in &scribes {
            runner = runner.observer(scribe.clone());
        }
        runner.add('a', after(&world, secs(1), Err::<u8, _>("no"))).unwrap();
        runner.add('b', after(&world, secs(2), Ok(1))).unwrap();
        runner.run().await;
        assert_eq!(scribes[0].heard(), scribes[1].heard());
        assert_eq!(scribes[0].heard().last().unwrap(), r#"1s 1 'b' finished 1 cancelled Some("cancelled")"#);
    }

    async fn log_lines_tell_failures_and_can_be_silenced(world: World) {
        let (loud, quiet) = (Paper::default(), Paper::default());
        let mut runner = Runner::new().limit(1).unwrap().clock(world.clock());
        runner = runner.observer(LogLines::to(loud.clone()).every(Duration::MAX));
        runner = runner.observer(LogLines::to(quiet.clone()).every(Duration::MAX).without_failures());
        runner.add("fine", after(&world, secs(1), Ok(1))).unwrap();
        let fails = || after(&world, secs(1), Err("busy"));
        runner.add_retry("user1", Backoff::constant(secs(2)).times(1), fails).unwrap();
        runner.add("user2", async { Err::<_, Fault>("no route") }).unwrap();
        runner.run().await;
        let text = String::from_utf8(loud.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r#""user1": attempt 1 failed, again in 2s: busy"#,
                r#""user2": failed: no route"#,
                r#""user1": failed: busy"#,
            ]
        );
        assert!(quiet.0.lock().unwrap().is_empty());
    }
}
