mod panics;
mod texts;
mod times;

use super::*;
use regatta_core::NotStarted;
use std::time::UNIX_EPOCH;

fn moment(nanos: u64) -> Moment {
    Moment { at: Time::from_nanos(nanos), wall: UNIX_EPOCH }
}

/// The report of a run that was over at once.
fn closed<K, T, E>(builder: ReportBuilder<K, T, E>, stopped: StopReason) -> Report<K, T, E> {
    builder.close(None, moment(0), Time::ZERO, stopped)
}

fn report() -> Report<&'static str, u32, &'static str> {
    let mut report = ReportBuilder::new();
    for key in ["a", "b", "c", "d"] {
        report.push(key).expect("the keys differ");
    }
    let at = Time::from_nanos;
    for index in [0, 1, 2] {
        report.start(index, at(10));
    }
    report.settle(1, at(20), Err(TaskError::Failed("no\nroute")));
    report.retry(2, at(20), TaskError::Failed("busy"));
    report.start(2, at(25));
    report.settle(0, at(1_510), Ok(7));
    report.settle(2, at(2_000_010), Err(TaskError::TimedOut { after: Duration::from_millis(2) }));
    report.close(Some("night load".into()), moment(10), at(2_000_010), StopReason::TimedOut)
}

#[test]
fn finds_by_key_and_keeps_the_order_of_adding() {
    let report = report();
    assert!(matches!(report.get("a"), Some(Ok(7))));
    assert!(report.get("z").is_none());
    assert_eq!(report.tasks().iter().map(|t| *t.key()).collect::<String>(), "abcd");
    assert_eq!(report.by_completion().iter().map(|t| *t.key()).collect::<String>(), "bac");
    assert!(matches!(report.get("d"), Some(Err(TaskError::NotStarted(NotStarted::TimedOut)))));
    assert_eq!(report.task("c").map(TaskReport::attempts), Some(2));
    assert_eq!(
        report.counts(),
        Counts { ok: 1, failed: 1, timed_out: 1, not_started: 1, ..Counts::default() }
    );
    assert_eq!(report.into_iter().map(|(k, _)| k).collect::<String>(), "abcd");
}

#[test]
fn a_key_is_taken_once() {
    let mut report = ReportBuilder::<_, (), ()>::new();
    assert_eq!(report.push("a"), Ok(0));
    assert_eq!(report.push("a"), Err("a"));
    assert_eq!(report.push("b"), Ok(1));
}

#[test]
fn prints_a_line_per_task_and_the_counts() {
    let text = report().to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], "night load, began 1970-01-01T00:00:00Z");
    assert_eq!(lines.len(), 7, "{text}");
    assert!(lines[2].contains("\"a\"") && lines[2].contains("ok") && lines[2].contains("1.50 µs"), "{text}");
    assert!(lines[3].contains("no\\nroute"), "a line break in an error does not break the table: {text}");
    assert_eq!(
        lines[6],
        "4 tasks: 1 ok, 1 failed, 1 timed out, 1 not started in 2.00 ms; stopped by its timeout"
    );
    let empty = closed(ReportBuilder::<u8, (), &str>::new(), StopReason::Completed);
    assert_eq!(empty.to_string(), "0 tasks: 0 ok in 0 ns; completed");
}

#[test]
fn a_reference_goes_through_keys_and_results() {
    let report = report();
    let mut ok = Vec::new();
    for (key, result) in &report {
        ok.push((*key, result.is_ok()));
    }
    assert_eq!(ok, [("a", true), ("b", false), ("c", false), ("d", false)]);
    assert_eq!(report.iter().count(), report.len());
}
