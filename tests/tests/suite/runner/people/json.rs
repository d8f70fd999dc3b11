//! A report as JSON.

use crate::runner::support::{Fault, after, millis, secs};
use regatta::{Backoff, Panic, Runner, StopReason, TaskError, Time};
use regatta_engine::{Moment, ReportBuilder};
use regatta_tests::{World, on_every_executor};
use serde_json::json;
use std::fmt;
use std::panic::resume_unwind;
use std::time::UNIX_EPOCH;

on_every_executor! {
    async fn a_whole_report_is_one_document(world: World) {
        let mut runner =
            Runner::new().limit(3).unwrap().name("night load").clock(world.clock()).timeout(secs(5));
        runner.add("ann", after(&world, millis(1500), Ok(7))).unwrap();
        let fails = || after(&world, secs(1), Err("no\nroute"));
        runner.add_retry("bob", Backoff::constant(millis(500)).times(1), fails).unwrap();
        runner.add("cyd", async { panic!("overboard") }).unwrap();
        runner.add("dan", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("eve", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("fay", after(&world, secs(60), Ok(1))).unwrap();
        runner.add("gil", after(&world, secs(60), Ok(1))).unwrap();
        let report = runner.run().await;
        let timed_out = |key, started| json!({
            "key": key, "state": "timed_out", "error": "timed out after 5s", "attempts": 1,
            "queued": 0.0, "started": started, "ended": 5.0,
        });
        let expected = json!({
            "name": "night load",
            "began": "2026-01-01T00:00:00.000Z",
            "elapsed": 5.0,
            "stopped": "timed_out",
            "counts": {
                "ok": 1, "failed": 1, "panicked": 1, "timed_out": 3, "cancelled": 0, "not_started": 1, "refused": 0,
            },
            "tasks": [
                {
                    "key": "ann", "state": "ok", "value": 7, "attempts": 1,
                    "queued": 0.0, "started": 0.0, "ended": 1.5,
                },
                {
                    "key": "bob", "state": "failed", "error": "no\nroute", "attempts": 2,
                    "failed_attempts": [{ "error": "no\nroute", "started": 0.0, "ended": 1.0 }],
                    "queued": 0.0, "started": 0.0, "ended": 2.5,
                },
                {
                    "key": "cyd", "state": "panicked", "error": "panicked: overboard", "attempts": 1,
                    "queued": 0.0, "started": 0.0, "ended": 0.0,
                },
                timed_out("dan", 0.0),
                timed_out("eve", 1.0),
                timed_out("fay", 2.5),
                {
                    "key": "gil", "state": "not_started", "error": "not started: the run's time was up",
                    "attempts": 0, "queued": 0.0,
                },
            ],
        });
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);
    }
}

#[test]
fn an_empty_report_has_no_name() {
    let mut report = futures::executor::block_on(Runner::<u8, u8, Fault>::new().run());
    report = report.resume_panics();
    let document = serde_json::to_value(&report).unwrap();
    assert!(document.get("name").is_none() && document.get("panic").is_none(), "{document}");
    assert_eq!((&document["stopped"], &document["tasks"]), (&json!("completed"), &json!([])));
}

#[test]
fn fields_come_in_the_documented_order() {
    let mut runner = Runner::new().name("one");
    runner.add(vec![1, 2], async { Ok::<_, Fault>(()) }).unwrap();
    let text = serde_json::to_string(&futures::executor::block_on(runner.run())).unwrap();
    let order = [
        "{\"name\":\"one\"",
        "\"began\":",
        "\"elapsed\":",
        "\"stopped\":",
        "\"counts\":{\"ok\":1,",
        "\"tasks\":[{\"key\":[1,2],\"state\":\"ok\",\"value\":null,\"attempts\":1,\"queued\":0.0,",
        "\"started\":",
        "\"ended\":",
    ];
    let places: Vec<_> = order.iter().map(|field| text.find(field)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {text}");
}

/// Panics when it is shown.
#[derive(Debug)]
struct Ugly;

impl fmt::Display for Ugly {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new("too ugly to be seen"));
    }
}

fn at(millis: u64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

#[test]
fn an_error_that_cannot_be_shown_costs_its_text_alone() {
    let mut builder = ReportBuilder::<_, u8, _>::new();
    builder.push('a').unwrap();
    builder.start(0, at(1500));
    builder.retry(0, at(2000), TaskError::Failed(Ugly));
    builder.start(0, at(3000));
    builder.settle(0, at(4000), Err(TaskError::Failed(Ugly)));
    let panic = StopReason::Panicked(Panic::new(Box::new("out of tasks")));
    let report = builder.close(None, Moment { at: at(1000), wall: UNIX_EPOCH }, at(4000), panic);
    let ugly = "(its Display panicked)";
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "began": "1970-01-01T00:00:00.000Z",
            "elapsed": 3.0,
            "stopped": "panicked",
            "panic": "out of tasks",
            "counts": {
                "ok": 0, "failed": 1, "panicked": 0, "timed_out": 0, "cancelled": 0, "not_started": 0, "refused": 0,
            },
            "tasks": [{
                "key": "a", "state": "failed", "error": ugly, "attempts": 2,
                "failed_attempts": [{ "error": ugly, "started": 0.5, "ended": 1.0 }],
                "queued": 0.0, "started": 0.5, "ended": 3.0,
            }],
        })
    );
}

#[test]
fn a_task_on_its_own_counts_from_when_it_was_queued() {
    let mut builder = ReportBuilder::<_, _, Fault>::new();
    builder.push('a').unwrap();
    builder.queue(0, at(2000));
    builder.start(0, at(2500));
    builder.settle(0, at(4000), Ok("done"));
    let began = Moment { at: at(1000), wall: UNIX_EPOCH };
    let report = builder.close(None, began, at(4000), StopReason::Completed);
    let alone = serde_json::to_value(&report.tasks()[0]).unwrap();
    assert_eq!(
        alone,
        json!({
            "key": "a", "state": "ok", "value": "done", "attempts": 1, "queued": 0.0, "started": 0.5, "ended": 2.0,
        })
    );
    let within = &serde_json::to_value(&report).unwrap()["tasks"][0];
    assert_eq!((&within["queued"], &within["ended"]), (&json!(1.0), &json!(3.0)));
}
